from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from collm.sweep.display import SweepDisplay, told
from collm.sweep.folder import SweepFolder
from collm.sweep.running import Outcome, State


def outcome(name: str, state: State, message: str = "") -> Outcome:
    return Outcome(name, {"seed": 0}, state, message, 7.0, f"logs/{name}.txt")


def shown(folder: Path, terminal: bool, *looks: tuple[Outcome, ...]) -> str:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=100, color_system=None)
    with SweepDisplay(console, SweepFolder(folder)) as display:
        for outcomes in looks:
            display.looked(outcomes)
    return written.getvalue()


def test_each_change_of_a_cell_is_a_line(tmp_path: Path) -> None:
    first = (outcome("a", "running"), outcome("b", "waiting"), outcome("c", "skipped"))
    second = (outcome("a", "finished"), outcome("b", "failed", "no [disk]"), outcome("c", "skipped"))
    lines = shown(tmp_path, False, first, first, second, second).splitlines()
    assert lines == ["running  a", "skipped  c", "finished  a  7 s", "failed  b  7 s: no [disk]"]


def test_a_terminal_shows_how_far_the_running_cells_are(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text(json.dumps({"update": 12, "return_mean": -1.5}) + "\n")
    text = shown(tmp_path, True, (outcome("a", "running"), outcome("b", "running"), outcome("c", "waiting")))
    assert "-1.500" in text
    assert "12" in text
    assert "2 running, 1 waiting" in text


def test_the_last_line_counts_the_cells() -> None:
    outcomes = [outcome("a", "finished"), outcome("b", "failed"), outcome("c", "finished")]
    assert told(outcomes).plain == "2 finished, 1 failed"
