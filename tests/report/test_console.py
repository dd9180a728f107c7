from __future__ import annotations

import io
import re

from rich.console import Console

from collm.report.console import ConsoleDisplay, comparison_table, measures_table

MEASURES = {"return_mean": 1.5, "iou": 0.25, "greedy_return_mean": 2.5, "greedy_iou": 0.75}


def test_without_a_terminal_a_run_is_told_in_lines() -> None:
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out, width=200), ["iou", "absent"])
    display.begin(0, 2)
    row = {"update": 1, "return_mean": 1.25, "iou": 0.5, "tokens_per_second": 99.6, "seconds": 3.2}
    display.updated(row)
    display.updated({**row, "update": 2})  # too soon after the line before
    display.note("[a] note")
    display.evaluated(2, MEASURES)
    display.evaluated(2, {"return_mean": 1.5})
    display.close()
    assert out.getvalue().splitlines() == [
        "update 1/2  return 1.250  iou 0.500  100 tok/s  3 s",
        "[a] note",
        "test tasks after update 2: return 1.500  iou 0.250  | greedy return 2.500  iou 0.750",
        "test tasks after update 2: return 1.500",
    ]


def test_a_long_line_is_not_folded() -> None:
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out, width=40), ["iou"])
    display.evaluated(2, MEASURES)
    assert len(out.getvalue().splitlines()) == 1


def test_in_a_terminal_a_run_is_a_bar() -> None:
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out, width=120, force_terminal=True), ["iou"])
    display.begin(3, 4)
    display.updated({"update": 4, "return_mean": 1.25, "iou": 0.5, "tokens_per_second": 9, "seconds": 3})
    display.close()
    text = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", out.getvalue())
    assert "4/4" in text
    assert "return 1.250  iou 0.500  9 tok/s" in text


def shown(table: object) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(table)
    return out.getvalue()


def test_before_and_after_stand_side_by_side() -> None:
    after = {name: value + 1 for name, value in MEASURES.items()}
    text = shown(comparison_table(MEASURES, after, ["return_mean", "iou", "absent"]))
    assert re.search(r"│ return +│ +1\.500 │ +2\.500 │ +2\.500 │ +3\.500 │", text)
    assert re.search(r"│ iou +│ +0\.250 │ +1\.250 │ +0\.750 │ +1\.750 │", text)
    assert "absent" not in text


def test_what_was_not_measured_is_a_dash() -> None:
    text = shown(
        measures_table({"return_mean": 1.5, "iou": 0.25, "greedy_iou": 0.5}, {"iou": (0.125, 0.375)})
    )
    assert re.search(r"│ return_mean +│ +1\.500 │ +│ +- │", text)
    assert re.search(r"│ iou +│ +0\.250 │ +0\.125 \.\.\. 0\.375 │ +0\.500 │", text)


HOSTILE = "[/red]\x1b[2J\x9b31m\u202e"


def test_names_and_notes_of_others_command_neither_the_terminal_nor_the_layout() -> None:
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out, width=200), [HOSTILE])
    row = {"update": 1, "return_mean": 1.25, HOSTILE: 0.5, "tokens_per_second": 99.6, "seconds": 3.2}
    display.begin(0, 2)
    display.updated(row)
    display.evaluated(1, row)
    display.note(HOSTILE)
    display.close()
    tables = [measures_table(row, {}), comparison_table(row, row, [HOSTILE])]
    for text in (out.getvalue(), *map(shown, tables)):
        assert r"[/red]\u001b[2J\u009b31m\u202e" in text
        assert not set("\x1b\x9b\u202e") & set(text)


def test_a_hostile_name_does_not_break_the_bar() -> None:
    out = io.StringIO()
    display = ConsoleDisplay(Console(file=out, width=120, force_terminal=True), [HOSTILE])
    display.begin(0, 2)
    display.updated({"update": 1, "return_mean": 1, HOSTILE: 0.5, "tokens_per_second": 9, "seconds": 3})
    display.close()
    assert r"[/red]\u001b[2J" in out.getvalue()
