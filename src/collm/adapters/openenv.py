"""Plays OpenEnv's environments (github.com/huggingface/OpenEnv) in this process, as ones of one agent."""

from __future__ import annotations

import importlib
import inspect
from typing import Any, Literal

from pydantic import Field, model_validator

from collm.adapters.replayed import Game, Outcome, Replayed, Texts
from collm.base.registry import load_object
from collm.errors import AbsentError, CollmError

AGENT = "player"


class OpenEnv(Replayed):
    """The environment behind an OpenEnv server, without the server, played by the agent ``player``.

    Use it as ``type: collm.adapters.openenv:OpenEnv``. It is replayed, so it must be decided by its seed and
    the actions. An action that its class refuses fails the tree.

    Attributes:
        game: its class, as ``module:Class``.
        options: the arguments of that class.
        action: the class of its actions, as ``module:Class``.
        says: the field of an action that holds the reply.
        shows: the field of an observation that the agent reads; without one it reads all that is specific
            to the environment, as JSON.
    """

    type: Literal["openenv"] = "openenv"
    game: str
    options: dict[str, Any] = Field(default_factory=dict)
    action: str
    says: str = "message"
    shows: str | None = None

    @model_validator(mode="after")
    def _is_there(self) -> OpenEnv:
        try:
            importlib.import_module("openenv.core.env_server.types")
        except ImportError:
            mend = "install it with: pip install 'collm[openenv]'."
            raise AbsentError("env.type", "OpenEnv is not installed.", mend) from None
        load_object(self.game, "env.game")
        fields = load_object(self.action, "env.action").model_fields
        if self.says not in fields:
            raise ValueError(f"{self.action} has no field {self.says}, but {', '.join(fields)}")
        return self

    @property
    def agents(self) -> tuple[str, ...]:
        return (AGENT,)

    def opened(self, seed: int) -> Game:
        try:
            game = load_object(self.game, "env.game")(**self.options)
            return _Live(self, game, game.reset(**_seed_of(game, seed)))
        except (TypeError, ValueError) as error:
            problem = f"{self.game} cannot be set up: {type(error).__name__}: {error}."
            raise CollmError("env.game", problem, "correct env.options.") from error


def _seed_of(game: Any, seed: int) -> dict[str, int]:
    """The seed, for environments that take one: some draw nothing."""
    parameters = inspect.signature(game.reset).parameters.values()
    taken = any(each.name == "seed" or each.kind is each.VAR_KEYWORD for each in parameters)
    return {"seed": seed} if taken else {}


class _Live:
    """An environment of OpenEnv in the middle of being played."""

    def __init__(self, env: OpenEnv, game: Any, observation: Any) -> None:
        self._env, self._game, self._observation = env, game, observation

    def seen(self) -> Texts:
        return {} if self._observation.done else {AGENT: self._text()}

    def step(self, replies: Texts) -> Outcome:
        action = load_object(self._env.action, "env.action")(**{self._env.says: replies[AGENT]})
        self._observation = self._game.step(action)
        reward = float(self._observation.reward or 0.0)
        return Outcome({AGENT: reward}, bool(self._observation.done))

    def _text(self) -> str:
        if self._env.shows is not None:
            return str(getattr(self._observation, self._env.shows))
        return str(self._observation.model_dump_json(exclude={"done", "reward", "metadata"}))

    def close(self) -> None:
        close = getattr(self._game, "close", None)
        if close is not None:
            close()
