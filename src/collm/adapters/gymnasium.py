"""Plays Gymnasium's games (gymnasium.farama.org) as environments of one agent."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from collm.adapters.replayed import Game, Outcome, Replayed, Texts
from collm.adapters.wording import Wording
from collm.errors import AbsentError, CollmError

AGENT = "player"


class Gymnasium(Replayed):
    """A game of Gymnasium, played in words by the agent ``player``.

    Use it as ``type: collm.adapters.gymnasium:Gymnasium``.

    Attributes:
        game: the id that it is registered under, such as ``FrozenLake-v1``; ``module:id`` imports a module
            first.
        options: the game's own parameters.
        drawn: show the game as it draws itself in text (its render mode ``ansi``), instead of its
            observations.
        wording: see :class:`collm.adapters.wording.Wording`.
    """

    type: Literal["gymnasium"] = "gymnasium"
    game: str
    options: dict[str, Any] = Field(default_factory=dict)
    drawn: bool = False
    wording: Wording = Wording()

    @model_validator(mode="after")
    def _can_be_made(self) -> Gymnasium:
        self._made().close()
        return self

    @property
    def agents(self) -> tuple[str, ...]:
        return (AGENT,)

    def opened(self, seed: int) -> Game:
        return _Live(self._made(), seed, self.wording, self.drawn)

    def _made(self) -> Any:
        mode = {"render_mode": "ansi"} if self.drawn else {}
        library = _library()
        try:
            return library.make(self.game, **mode, **self.options)
        except Exception as error:
            problem = f"{self.game} cannot be set up: {type(error).__name__}: {error}."
            raise CollmError("env.game", problem, "name a registered game, with its own options.") from error


class _Live:
    """A game of Gymnasium in the middle of being played."""

    def __init__(self, game: Any, seed: int, wording: Wording, drawn: bool) -> None:
        self._game, self._wording, self._drawn = game, wording, drawn
        self._observation, self._info = game.reset(seed=seed)
        game.action_space.seed(seed)
        self._over = False

    def seen(self) -> Texts:
        if self._over:
            return {}
        if self._drawn:
            return {AGENT: str(self._game.render())}
        return {AGENT: self._wording.told(AGENT, self._observation, self._info)}

    def step(self, replies: Texts) -> Outcome:
        mask = mask_of(self._observation, self._info)
        action, valid = self._wording.read(replies[AGENT], self._game.action_space, mask)
        self._observation, reward, terminated, truncated, self._info = self._game.step(action)
        self._over = bool(terminated or truncated)
        cut = bool(truncated and not terminated)
        return Outcome({AGENT: float(reward)}, self._over, cut, {"valid": float(valid)})

    def close(self) -> None:
        self._game.close()


def mask_of(observation: Any, info: Mapping[str, Any]) -> Any:
    """Which actions are legal, where a game says so in its observation or its info."""
    inside = observation if isinstance(observation, Mapping) else {}
    return inside.get("action_mask", info.get("action_mask"))


def _library() -> Any:
    try:
        return importlib.import_module("gymnasium")
    except ImportError:
        mend = "install it with: pip install 'collm[pettingzoo]'."
        raise AbsentError("env.type", "Gymnasium is not installed.", mend) from None
