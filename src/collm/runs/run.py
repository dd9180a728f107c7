"""A run folder to read, for people and programs: ``collm.Run("runs/demo")``. Imports no PyTorch."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from collm.base.yaml_text import read_yaml
from collm.errors import AbsentError, CollmError
from collm.runs.files import read_json_lines
from collm.runs.layout import Layout

Rows = list[dict[str, Any]]


class Run:
    """What a run left, or has left so far. Everything is read when it is asked for, and then kept.

    Args:
        folder: a run folder.

    Raises:
        CollmError: if there is no run; later, if a file of it is missing or broken.
    """

    def __init__(self, folder: str | Path) -> None:
        self.layout = Layout(Path(folder))
        if not self.layout.config.is_file():
            problem = "there is no run here." if self.path.is_dir() else "there is no such folder."
            raise AbsentError(str(folder), problem, "name the folder of a run.")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        return self.layout.path

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The whole recipe, defaults filled in, as nested mappings."""
        values = read_yaml(self.layout.config)
        return values if isinstance(values, dict) else {}

    @cached_property
    def metrics(self) -> Rows:
        """A row for each update."""
        return read_json_lines(self.layout.metrics)

    @cached_property
    def evaluations(self) -> Rows:
        """A row for each evaluation on the test tasks."""
        return read_json_lines(self.layout.evaluations)

    @cached_property
    def episodes(self) -> Mapping[str, Rows]:
        """The joint turns of every update and evaluation by name, such as ``update-000001``."""
        return _Episodes(self.layout)

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """The checkpoints that are there now, oldest first."""
        return tuple(self.layout.checkpoints())

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """How far the run has come, with its team before and after."""
        file = self.layout.summary
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            mend = "let the run finish: collm train ... --resume."
            raise AbsentError(str(file), "the run has not ended yet.", mend) from None
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise CollmError(str(file), "not a JSON object.", "restore the file.")
        return content

    def table(self, name: str, library: Literal["pandas", "polars"] = "pandas") -> Any:
        """Rows as a ``DataFrame``.

        Args:
            name: ``metrics``, ``evaluations``, a name of :attr:`episodes`, or ``episodes`` for all of them.
            library: whose.

        Raises:
            CollmError: if there are no such rows, or the library is not installed.
        """
        try:
            frame = importlib.import_module(library).DataFrame
        except ImportError:
            raise AbsentError(
                "Run.table", f"{library} is not installed.", f"run pip install {library}."
            ) from None
        # Polars looks at the first rows alone for columns, unless it is told to look at all.
        options = {"infer_schema_length": None} if library == "polars" else {}
        return frame(self.rows(name), **options)

    def rows(self, name: str) -> Rows:
        """The rows behind :meth:`table`.

        Raises:
            CollmError: if there are none of that name.
        """
        if name in ("metrics", "evaluations"):
            return self.metrics if name == "metrics" else self.evaluations
        if name == "episodes":
            return [{"name": each, **row} for each, rows in self.episodes.items() for row in rows]
        if name not in self.episodes:
            mend = f"there are metrics, evaluations, episodes, {', '.join(self.episodes)}."
            raise AbsentError(str(self.path), f"no rows named {name!r}.", mend)
        return self.episodes[name]


class _Episodes(Mapping[str, Rows]):
    """Rows by name, read when they are asked for."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def __getitem__(self, name: str) -> Rows:
        if name not in self._names():
            raise KeyError(name)
        return read_json_lines(self._layout.episodes(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        return sorted(file.stem for file in self._layout.all_episodes.glob("*.jsonl"))
