from __future__ import annotations

from dataclasses import replace

import pytest

from collm.errors import CollmError, InfrastructureError
from collm.sandbox import Limits, Program, SandboxConfig, Step, check
from collm.sandbox.pool import Pool

HONEST = Program("def f(x): return x", "f", (Step("assert candidate(1) == 1"),))


@pytest.mark.parametrize(
    ("limits", "where"),
    [
        (Limits(open_files=1), "sandbox.limits.open_files"),
        (Limits(test_seconds=1e-9), "sandbox.limits.test_seconds"),
        (Limits(total_seconds=1e-9, memory_mb=300), "sandbox.limits.total_seconds"),
        (Limits(open_files=2, test_seconds=1e-9), "sandbox.limits.test_seconds, sandbox.limits.open_files"),
    ],
)
def test_settings_that_fail_every_program_are_named_and_are_no_zero(limits: Limits, where: str) -> None:
    pool = Pool(SandboxConfig(slots=1, limits=limits))
    for use in (pool.guards, lambda: pool.grade(HONEST)):
        with pytest.raises(CollmError, match="not even an ordinary program passes") as caught:
            use()
        assert caught.value.where == where
    assert not pool._open


def test_a_slot_that_dies_of_a_setting_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter's need of memory differs from machine to machine; this is below any."""
    monkeypatch.setattr(Limits, "__post_init__", lambda _: None)
    with pytest.raises(CollmError) as caught:
        Pool(SandboxConfig(slots=1, limits=Limits(memory_mb=2))).guards()
    assert caught.value.where == "sandbox.limits.memory_mb"


@pytest.mark.parametrize(
    "limits", [Limits(value_kb=1, file_kb=1), Limits(open_files=8), Limits(memory_mb=192)]
)
def test_settings_that_leave_room_for_an_ordinary_program_pass(limits: Limits) -> None:
    pool = Pool(SandboxConfig(slots=1, limits=limits))
    assert pool.grade(replace(HONEST, code=HONEST.code + "\n# much to say" * 100)).all_passed
    pool.close()


def test_a_sandbox_that_fails_whatever_the_settings_is_nobodys_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ORDINARY", replace(check.ORDINARY, code="import no_such_module"))
    with pytest.raises(InfrastructureError, match=r"an ordinary program fails.*no_such_module"):
        Pool(SandboxConfig(slots=1, limits=Limits(test_seconds=3))).guards()
