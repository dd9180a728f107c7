"""Finds the weights that a run starts from, if a recipe names an earlier team."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from collm.agents.config import TrunkConfig
from collm.config.tree import RunConfig
from collm.errors import AbsentError, CollmError
from collm.runs.checkpoints import checkpoint_of


def start_of(config: RunConfig, warn: Callable[[str], None]) -> Path | None:
    """The checkpoint behind ``training.start_from``; ``None`` if the run starts from its recipe's models.

    Raises:
        AbsentError: if there is no such folder.
        CollmError: if it holds no whole checkpoint, one without an agent of this team, or critics of
            another kind; or if a critic must have been trained, and none is there.
    """
    place = config.training.start_from
    if place is None:
        _check_trained(config, None)
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
    _check_trained(config, checkpoint)
    _check_kind(config, checkpoint)
    return checkpoint


def _check_trained(config: RunConfig, checkpoint: Path | None) -> None:
    for name in config.algorithm.trained_critics:
        if checkpoint is None or not (checkpoint / "critics" / name).is_dir():
            problem = f"the critic {name} does not learn here, and no run is named that has trained it."
            raise CollmError("training.start_from", problem, "name one that has, or let it learn.")


def _check_kind(config: RunConfig, checkpoint: Path) -> None:
    """Test that critics that are taken over are models where the recipe has models, or else heads alone."""
    for name in config.algorithm.critics(list(config.agents)):
        folder = checkpoint / "critics" / name
        heads = isinstance(config.critic, TrunkConfig)
        if folder.is_dir() and heads == (folder / "tokenizer_config.json").is_file():
            there, here = ("a model", "a head on its actor's trunk") if heads else ("a head alone", "a model")
            problem = f"{folder} is {there}, and the recipe's critic is {here}."
            mend = "set critic as in that run, or give agents the models that collm export writes."
            raise CollmError("training.start_from", problem, mend)
