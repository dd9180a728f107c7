"""Plays PettingZoo's games (pettingzoo.farama.org) as environments, parallel ones and turn-based ones."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, model_validator

from collm.adapters.gymnasium import mask_of
from collm.adapters.replayed import Game, Outcome, Replayed, Texts
from collm.adapters.wording import Wording
from collm.base.registry import load_object
from collm.errors import AbsentError, CollmError


class PettingZoo(Replayed):
    """A game of PettingZoo, played in words.

    In a parallel game all agents move at once. In a turn-based one (``AECEnv``) a turn of ours is one
    agent's move, and the others skip it. Use it as ``type: collm.adapters.pettingzoo_games:PettingZoo``.

    Attributes:
        game: what makes it, as ``module:function``, such as ``pettingzoo.classic.rps_v2:parallel_env`` or
            ``pettingzoo.classic.tictactoe_v3:env``.
        options: the arguments of that function.
        wording: see :class:`collm.adapters.wording.Wording`.
    """

    type: Literal["pettingzoo"] = "pettingzoo"
    game: str
    options: dict[str, Any] = Field(default_factory=dict)
    wording: Wording = Wording()

    @model_validator(mode="after")
    def _can_be_made(self) -> PettingZoo:
        if not self.agents:
            raise ValueError(f"{self.game} has no agents")
        return self

    @property
    def agents(self) -> tuple[str, ...]:
        return _agents(self.game, json.dumps(self.options, sort_keys=True))

    def opened(self, seed: int) -> Game:
        game = _made(self.game, self.options)
        live = _TurnBased if hasattr(game, "agent_selection") or hasattr(game, "last") else _Parallel
        return live(game, seed, self.wording)


class _Parallel:
    """A ``ParallelEnv`` in the middle of being played."""

    def __init__(self, game: Any, seed: int, wording: Wording) -> None:
        self._game, self._wording = game, wording
        self._observations, self._infos = game.reset(seed=seed)

    def seen(self) -> Texts:
        return {
            agent: self._wording.told(agent, self._observations[agent], self._infos.get(agent, {}))
            for agent in self._game.agents
        }

    def step(self, replies: Texts) -> Outcome:
        read = {agent: self._read(agent, replies[agent]) for agent in self._game.agents}
        actions = {agent: action for agent, (action, _) in read.items()}
        self._observations, rewards, terminations, truncations, self._infos = self._game.step(actions)
        over = not self._game.agents or all(terminations[a] or truncations[a] for a in self._game.agents)
        valid = sum(named for _, named in read.values()) / len(read)
        return Outcome(rewards, over, over and not any(terminations.values()), {"valid": valid})

    def _read(self, agent: str, reply: str) -> tuple[Any, bool]:
        mask = mask_of(self._observations[agent], self._infos.get(agent, {}))
        return self._wording.read(reply, self._game.action_space(agent), mask)

    def close(self) -> None:
        self._game.close()


class _TurnBased:
    """An ``AECEnv`` in the middle of being played."""

    def __init__(self, game: Any, seed: int, wording: Wording) -> None:
        self._game, self._wording = game, wording
        game.reset(seed=seed)
        self._skip_the_departed()

    def seen(self) -> Texts:
        if not self._game.agents:
            return {}
        agent = self._game.agent_selection
        return {agent: self._wording.told(agent, self._game.observe(agent), self._game.infos[agent])}

    def step(self, replies: Texts) -> Outcome:
        game, agent = self._game, self._game.agent_selection
        mask = mask_of(game.observe(agent), game.infos[agent])
        action, valid = self._wording.read(replies[agent], game.action_space(agent), mask)
        game.step(action)
        rewards, terminated = dict(game.rewards), any(game.terminations.values())
        self._skip_the_departed()
        over = not game.agents
        return Outcome(rewards, over, over and not terminated, {"valid": float(valid)})

    def _skip_the_departed(self) -> None:
        """An agent whose game is over has to be stepped once more, with no action."""
        game = self._game
        while game.agents and (
            game.terminations[game.agent_selection] or game.truncations[game.agent_selection]
        ):
            game.step(None)

    def close(self) -> None:
        self._game.close()


def _made(game: str, options: Mapping[str, Any]) -> Any:
    try:
        importlib.import_module("pettingzoo")
    except ImportError:
        mend = "install it with: pip install 'collm[pettingzoo]'."
        raise AbsentError("env.type", "PettingZoo is not installed.", mend) from None
    made = load_object(game, "env.game")
    try:
        return made(**options)
    except Exception as error:
        problem = f"{game} cannot be set up: {type(error).__name__}: {error}."
        raise CollmError("env.game", problem, "name what makes a game, with its own options.") from error


@lru_cache(maxsize=64)
def _agents(game: str, options: str) -> tuple[str, ...]:
    """Everyone who may play, whom only the game itself knows."""
    live = _made(game, json.loads(options))
    try:
        return tuple(live.possible_agents)
    finally:
        live.close()
