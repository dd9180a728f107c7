"""Freed memory is used again: in a process of its own, since the setting cannot be taken back."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from collm.base.kept_memory import keep_freed_memory

_PAGES = """
import resource, sys
if sys.argv[1] == "kept":
    from collm.base.kept_memory import keep_freed_memory
    assert keep_freed_memory()
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    before, block = faults(), bytearray(2**28)
    del block
    found = faults() - before
print(found)
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")


def pages(how: str) -> int:
    """New pages that the fourth block of 256 MiB took."""
    environ = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", _PAGES, how], env=environ, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_freed_memory_is_used_again() -> None:
    assert pages("kept") < 100 < pages("plain")


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_somebody_has_set_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "")
    assert not keep_freed_memory()


def test_older_versions_take_a_lower_threshold_and_no_half_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    asked: list[tuple[int, int]] = []

    def older(kind: int, value: int) -> int:
        asked.append((kind, value))
        return int(kind == -1 or value <= 2**25)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=older))
    assert keep_freed_memory()
    assert asked[1:] == [(-3, 2**25), (-1, 2**31 - 1)]

    def refusing(kind: int, value: int) -> int:
        assert kind == -3, "the threshold for trimming is left alone where that for mapping stays"
        return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=refusing))
    assert not keep_freed_memory()
