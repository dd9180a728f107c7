"""Refuses to collect ahead where what is drawn could not be told, kept apart or corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collm.errors import CollmError

if TYPE_CHECKING:
    from collm.config.tree import RunConfig

_FIELD = "training.collect_ahead"


def check_ahead(config: RunConfig) -> None:
    """Test that rollouts of older weights can be drawn beside the learning, and are corrected for.

    Raises:
        CollmError: if not.
    """
    if not config.training.collect_ahead:
        return
    if config.training.saved is not None:
        problem = "nothing is collected where training.saved is learned from."
        raise CollmError(_FIELD, problem, "set it to false.")
    if config.placement.type != "local":
        problem = "engines that are placed elsewhere take the newest weights whenever they draw."
        raise CollmError(_FIELD, problem, "set it to false, or placement.type to local.")
    for name, agent in config.agents.items():
        if agent.engine.following(agent) is not None:
            problem = f"the engine {agent.engine.type} of {name} takes the newest weights whenever it draws."
            mend = f"set it to false, or agents.{name}.engine.type to in_process."
            raise CollmError(_FIELD, problem, mend)
    algorithm = config.algorithm
    weighs = "ratio" not in algorithm.unused
    if weighs and algorithm.ratio_clip is None and algorithm.ratio_cap is None:
        problem = "nothing bounds the importance weights of replies that older weights have drawn."
        mend = "set algorithm.ratio_cap, such as 2, or algorithm.ratio_clip, such as 0.2."
        raise CollmError(_FIELD, problem, mend)
