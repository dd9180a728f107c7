"""Finds the weights in what a person names: a run, or one of its checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collm.errors import CollmError
from collm.runs.files import damage
from collm.runs.folder import RunFolder


def checkpoint_of(folder: Path, warn: Callable[[str], None]) -> Path:
    """The newest whole checkpoint of a run, or the checkpoint itself.

    Args:
        folder: of either.
        warn: called with a line for each damaged checkpoint that was passed over, and for the one used.

    Raises:
        CollmError: if there is none, or it is damaged.
    """
    if (folder / "agents").is_dir():
        problem = damage(folder)
        if problem is not None:
            raise CollmError(str(folder), f"the checkpoint is damaged: {problem}.", "use another checkpoint.")
        return folder
    damaged: list[str] = []
    latest = RunFolder(folder, warn=damaged.append).latest()
    if latest is None:
        problem = f"no whole checkpoint here. {' '.join(damaged)}".strip()
        mend = "restore one of them." if damaged else "train further with --resume."
        raise CollmError(str(folder), problem, mend)
    for line in damaged:
        warn(line)
    if damaged:
        warn(f"Using {latest.path}.")
    return latest.path
