"""Shows an environment to verifiers: one agent is its model, the others are played along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from collm.adapters.verifiers import absent
from collm.env import AnyEnvironment
from collm.errors import CollmError
from collm.types import Observation

Player = Callable[[Observation], str]


def to_verifiers(
    env: AnyEnvironment, agent: str | None = None, others: Mapping[str, Player] | None = None, seed: int = 0
) -> Any:
    """Wrap ``env`` as a ``verifiers.MultiTurnEnv`` for one agent.

    Its datasets are the tasks of both splits. The rubric has one function, ``episode_reward``: the sum of the
    agent's raw rewards, before scale and shift. Each step of a trajectory holds its own, and the metrics
    under ``extras``. Turns at which the agent is skipped are played by the others alone.

    Args:
        env: what to play.
        agent: whom verifiers plays; may be left out where there is one agent.
        others: players of other agents, each from what its agent sees at a turn to its reply. Who has no
            player is silent: its replies are empty.
        seed: with the task it decides an episode.

    Raises:
        CollmError: if verifiers is not installed, or an agent is none of the environment's.
    """
    chosen = agent or env.agents[0]
    if agent is None and len(env.agents) > 1:
        raise CollmError("agent", "there are several.", f"name one of {', '.join(env.agents)}.")
    for name in (chosen, *(others or {})):
        if name not in env.agents:
            raise CollmError("agent", f"there is no {name!r}.", f"take one of {', '.join(env.agents)}.")
    try:
        from collm.adapters.multi_turn_env import OneAgentEnv
    except (ImportError, AttributeError):
        raise absent("to_verifiers") from None
    return OneAgentEnv(env, chosen, others or {}, seed)
