"""Live progress in a terminal, and plain lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from collm.printable import printable
from collm.training.display import Callback

_PLAIN_EVERY_SECONDS = 10.0


class ConsoleDisplay(Callback):
    """Shows a training run.

    Args:
        console: where to write.
        headline: metrics of the environment to show beside the return.
    """

    def __init__(self, console: Console, headline: Sequence[str]) -> None:
        self._console, self._headline = console, list(headline)
        columns = [
            TextColumn("update"),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            TimeRemainingColumn(),
        ]
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bar: TaskID | None = None
        self._last_line = 0.0

    def begin(self, updates_done: int, updates: int) -> None:
        self._bar = self._progress.add_task("", total=updates, completed=updates_done, text="")
        self._progress.start()

    def note(self, line: str) -> None:
        self._console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def updated(self, metrics: Mapping[str, float]) -> None:
        text = "  ".join([*self._shown(metrics, ""), f"{metrics['tokens_per_second']:.0f} tok/s"])
        assert self._bar is not None
        self._progress.update(self._bar, completed=metrics["update"], text=text)
        if not self._console.is_terminal and time.monotonic() - self._last_line > _PLAIN_EVERY_SECONDS:
            self._last_line = time.monotonic()
            total = self._progress.tasks[self._bar].total
            self.note(f"update {metrics['update']:.0f}/{total:.0f}  {text}  {metrics['seconds']:.0f} s")

    def evaluated(self, update: int, measures: Mapping[str, float]) -> None:
        shown = "  ".join(self._shown(measures, ""))
        if "greedy_return_mean" in measures:
            shown += "  | greedy " + "  ".join(self._shown(measures, "greedy_"))
        self.note(f"test tasks after update {update}: {shown}")

    def close(self) -> None:
        self._progress.stop()

    def _shown(self, measures: Mapping[str, float], prefix: str) -> list[str]:
        names = [name for name in self._headline if f"{prefix}{name}" in measures]
        values = [f"return {measures[f'{prefix}return_mean']:.3f}"]
        return values + [f"{printable(name)} {measures[f'{prefix}{name}']:.3f}" for name in names]


def comparison_table(before: Mapping[str, float], after: Mapping[str, float], names: Sequence[str]) -> Table:
    """Test measures before and after training, sampled and greedy."""
    table = Table(title="Test tasks, before and after")
    table.add_column("measure")
    for kind in ("sampled", "greedy"):
        for when in ("before", "after"):
            table.add_column(f"{kind}\n{when}", justify="right")
    for name in names:
        keys = [name, f"greedy_{name}"]
        if keys[0] in before:
            cells = [_cell(source, key) for key in keys for source in (before, after)]
            table.add_row(Text(printable(name.removesuffix("_mean"))), *cells)
    return table


def measures_table(measures: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]) -> Table:
    """All measures of one evaluation, sampled ones with their intervals."""
    table = Table()
    table.add_column("measure")
    for title in ("sampled", "95 %", "greedy"):
        table.add_column(title, justify="right")
    for name in measures:
        if not name.startswith("greedy_"):
            interval = " ... ".join(f"{bound:.3f}" for bound in intervals.get(name, ()))
            table.add_row(
                Text(printable(name)), _cell(measures, name), interval, _cell(measures, f"greedy_{name}")
            )
    return table


def _cell(measures: Mapping[str, Any], key: str) -> str:
    return f"{measures[key]:.3f}" if key in measures else "-"
