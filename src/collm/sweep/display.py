"""A table of a sweep's cells that lives in a terminal, and plain lines where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from collm.errors import CollmError
from collm.printable import printable
from collm.runs.files import read_json_lines
from collm.runs.layout import Layout
from collm.sweep.folder import SweepFolder
from collm.sweep.running import Outcome, counted

_LOOKS = {"finished": "green", "failed": "bold red", "running": "yellow", "stopped": "yellow"}
_EVERY = 10
"""Looks at the processes between two looks at their logs."""


class SweepDisplay:
    """Shows how a sweep goes; used in a ``with`` statement.

    Args:
        console: where to write.
        folder: of the sweep.
    """

    def __init__(self, console: Console, folder: SweepFolder) -> None:
        self._console, self._folder = console, folder
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._told: Mapping[str, str] = {}
        self._looks = 0

    def __enter__(self) -> SweepDisplay:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def note(self, line: str) -> None:
        self._console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def looked(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            known = self._told.get(outcome.name, "waiting")
            if outcome.state not in (known, "stopped"):
                self._say(outcome)
        self._told = {outcome.name: outcome.state for outcome in outcomes}
        if self._console.is_terminal and self._looks % _EVERY == 0:
            self._live.update(self._shown(outcomes), refresh=True)
        self._looks += 1

    def _say(self, outcome: Outcome) -> None:
        """A line for each change, which stays when the table is gone."""
        words = [outcome.state, outcome.name]
        words += [f"{outcome.seconds:.0f} s"] if outcome.state in ("finished", "failed") else []
        self.note("  ".join(words) + (f": {outcome.message}" if outcome.message else ""))

    def _shown(self, outcomes: Sequence[Outcome]) -> RenderableType:
        """The cells that run, and how many there are of each kind."""
        table = Table("cell", "", "update", "return", "seconds")
        for outcome in outcomes:
            if outcome.state == "running":
                update, result = self._progress(outcome.name)
                state = Text(outcome.state, style=_LOOKS.get(outcome.state, ""))
                table.add_row(Text(outcome.name), state, update, result, f"{outcome.seconds:.0f}")
        return Group(table, told(outcomes))

    def _progress(self, name: str) -> tuple[str, str]:
        """How far a run is: its last update, and the return of that."""
        try:
            rows = read_json_lines(Layout(self._folder.run(name)).metrics)
        except (CollmError, OSError):
            rows = []
        last: Mapping[str, Any] = rows[-1] if rows else {}
        result = last.get("return_mean")
        return str(last.get("update", "-")), f"{result:.3f}" if isinstance(result, float) else "-"


def told(outcomes: Sequence[Outcome]) -> Text:
    """How many cells there are in each state, in one line."""
    counts = counted(outcomes)
    return Text(", ").join(
        Text(f"{count} {state}", style=_LOOKS.get(state, "")) for state, count in counts.items()
    )
