"""Opens what ``collm eval`` is pointed at: a run, a checkpoint, or a recipe with its untrained team."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from collm.agents.policy import Policy
from collm.agents.team import load_players, policies_of
from collm.config.naming import named_after
from collm.config.overrides import overridden
from collm.config.recipes import find, load_recipe
from collm.config.tree import RunConfig, make_config, plain
from collm.contract.held import hold
from collm.errors import CollmError
from collm.runs.checkpoints import checkpoint_of
from collm.runs.folder import read_config


def open_team(
    place: str, overrides: Sequence[str], warn: Callable[[str], None] = lambda line: None
) -> tuple[RunConfig, Mapping[str, Policy], str]:
    """The configuration, the agents' policies and what to call them.

    Args:
        place: a run folder, one of its checkpoints, or a recipe.
        overrides: settings such as ``evaluation.samples=3``.
        warn: called with a line for each damaged checkpoint that was passed over, and for the one used.

    Raises:
        CollmError: if there is no team there, its checkpoint is damaged, or an agent cannot read a task.
    """
    folder = Path(place)
    if not folder.is_dir():
        config = _recipe(place, overrides)
        with named_after(place):
            return config, _opened(config, None), f"{place} (untrained)"
    stored = read_config(folder)
    config = make_config(overridden(plain(stored), overrides), place, learns=False)
    checkpoint = checkpoint_of(folder, warn)
    with named_after(place):
        return config, _opened(config, checkpoint), str(checkpoint)


def _opened(config: RunConfig, checkpoint: Path | None) -> Mapping[str, Policy]:
    """The agents' policies, each of which can read the first task."""
    env, agents = hold(config.env), load_players(config.agents, checkpoint)
    task = env.tasks("test")[0]
    for name, observation in env.observe(env.reset(task, 0)).items():
        agents[name].check_reads([observation], f"task {task.id!r}")
    return policies_of(agents)


def _recipe(place: str, overrides: Sequence[str]) -> RunConfig:
    try:
        find(place)
    except CollmError as error:
        mend = f"name a run folder or a folder below its checkpoints, or {error.mend}"
        raise CollmError(place, "no such run, checkpoint or recipe.", mend) from None
    return load_recipe(place, overrides, learns=False)
