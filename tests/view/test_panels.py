from __future__ import annotations

from pathlib import Path

import pytest

from collm.view.folders import Run
from collm.view.panels import panel_of
from tests.view.made_runs import own_module, write_run

__all__ = ["own_module"]

OWN = """
from collm.envs.probes import CreditProbe

class Own(CreditProbe):
    def panel(self, task, turns):
        {body}
"""


def ask(own_module: Path, body: str, task: str = "") -> dict[str, object]:
    own_module.write_text(OWN.format(body=body))
    folder = write_run(own_module.parent / "run")
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("type: probe_credit", "type: 'own_panels:Own'"))
    run = Run("run", folder)
    from collm.view.panels import _opened

    _opened.cache_clear()
    _, tasks = _opened(run, None)
    return panel_of(run, task or next(iter(tasks)), [{"a": "0", "b": "1"}, {"a": "x"}])


def test_an_environment_of_ones_own_shows_plain_data(own_module: Path) -> None:
    body = "return {'kind': 'facts', 'task': task.id, 'last': dict(turns[-1])}"
    answer = ask(own_module, body)
    panel = answer["panel"]
    assert isinstance(panel, dict)
    assert (panel["kind"], panel["last"], answer["why"]) == ("facts", {"a": "x"}, "")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ZeroDivisionError('one by none')", "ZeroDivisionError: one by none"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("return {'kind': object()}", "not JSON serializable"),
        ("return {'kind': float('nan')}", "not JSON compliant"),
        ("return {'kind': 'x' * 9_000_000}", "less than"),
    ],
)
def test_a_hook_that_fails_gives_a_reason_and_no_panel(own_module: Path, body: str, why: str) -> None:
    answer = ask(own_module, body)
    assert answer["panel"] is None
    assert why in str(answer["why"])


def test_a_task_that_is_gone_gives_a_reason(own_module: Path) -> None:
    assert "no longer" in str(ask(own_module, "return {}", task="gone")["why"])


def test_an_environment_without_anything_to_show_gives_neither_panel_nor_reason(tmp_path: Path) -> None:
    run = Run("run", write_run(tmp_path / "run"))
    from collm.view.panels import _opened

    _, tasks = _opened(run, None)
    assert panel_of(run, next(iter(tasks)), []) == {"panel": None, "why": ""}
