"""Finds the weights that a run starts from, if a recipe names an earlier team."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collm.config.tree import RunConfig
from collm.errors import AbsentError, CollmError
from collm.runs.checkpoints import checkpoint_of


def start_of(config: RunConfig, warn: Callable[[str], None]) -> Path | None:
    """The checkpoint behind ``training.start_from``; ``None`` if the run starts from its recipe's models.

    Raises:
        AbsentError: if there is no such folder.
        CollmError: if it holds no whole checkpoint, or one without an agent of this team.
    """
    place = config.training.start_from
    if place is None:
        return None
    if not Path(place).is_dir():
        mend = "name a run folder, or a folder below its checkpoints."
        raise AbsentError("training.start_from", f"there is no folder {place}.", mend)
    checkpoint = checkpoint_of(Path(place), warn)
    there = sorted(path.name for path in (checkpoint / "agents").iterdir())
    owners = {name for name, agent in config.agents.items() if agent.shares is None}
    missing = sorted(owners - set(there))
    if missing:
        problem = f"{checkpoint} has no agent {', '.join(missing)}."
        mend = f"name a run of this team; that one has {', '.join(there)}."
        raise CollmError("training.start_from", problem, mend)
    return checkpoint
