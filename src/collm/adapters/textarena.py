"""Plays text games of TextArena (github.com/LeonGuertler/TextArena) as environments."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from collm.adapters.replayed import Deal as Deal
from collm.adapters.replayed import Game, Outcome, Replayed, Texts
from collm.errors import AbsentError, CollmError


class TextArena(Replayed):
    """A game in which players move one after the other; whoever is not to move skips the turn.

    Use it as ``type: collm.adapters.textarena:TextArena``. A message reaches a player once, so agents
    need their history. Wrappers of games are left out.

    Attributes:
        game: the game's id, such as ``PublicGoodsGame-v0``.
        options: the game's own parameters.
        payoff: a table of running scores by player in the game's state, such as ``total_scores``; what
            a move adds to it is the reward. Without it a game's result at its end is the reward: win
            1, draw 0, loss -1.
    """

    type: Literal["textarena"] = "textarena"
    game: str
    options: dict[str, Any] = Field(default_factory=dict)
    num_agents: int = Field(default=2, ge=1)
    payoff: str | None = None

    @model_validator(mode="after")
    def _known(self) -> TextArena:
        games = _library().envs.registration.ENV_REGISTRY
        if f"{self.game}-raw" not in games:
            close = difflib.get_close_matches(self.game, games, n=3)
            raise ValueError(f"TextArena has no game {self.game!r}; close are {', '.join(close) or 'none'}")
        return self

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(f"player_{number}" for number in range(self.num_agents))

    def opened(self, seed: int) -> Game:
        try:
            game = _library().make(f"{self.game}-raw", **self.options)
            game.reset(num_players=self.num_agents, seed=seed)
        except Exception as error:
            problem = f"{self.game} cannot be set up: {type(error).__name__}: {error}."
            raise CollmError("env.game", problem, "change num_agents or options, or take another.") from error
        return _Live(self, game)


class _Live:
    """A game of TextArena in the middle of being played, which shows every message once."""

    def __init__(self, env: TextArena, game: Any) -> None:
        self._env, self._game = env, game
        self._shown: Texts | None = None

    def seen(self) -> Texts:
        if self._shown is None:
            player, messages = self._game.get_observation()
            self._shown = {self._env.agents[player]: _text(messages, player)}
        return self._shown

    def step(self, replies: Texts) -> Outcome:
        self.seen()
        (reply,) = replies.values()
        before = self._scores()
        done, _ = self._game.step(reply)
        self._shown = {} if done else None
        scores = self._scores()
        gains = [after - earlier for after, earlier in zip(scores, before, strict=True)]
        metrics = {"score": sum(scores) / len(scores), "invalid_moves": _invalid_moves(self._game)}
        return Outcome(dict(zip(self._env.agents, gains, strict=True)), bool(done), metrics=metrics)

    def close(self) -> None:
        pass

    def _scores(self) -> list[float]:
        """Each player's score so far."""
        players, payoff, state = range(self._env.num_agents), self._env.payoff, self._game.state
        if payoff is None:
            result = state.rewards or {}
            return [float(result.get(player, 0.0)) for player in players]
        table = state.game_state.get(payoff)
        if not isinstance(table, dict) or not set(players) <= table.keys():
            known = [name for name, value in state.game_state.items() if isinstance(value, dict)]
            problem = f"{self._env.game} keeps no score by player under {payoff!r}."
            raise CollmError("env.payoff", problem, f"its tables are {', '.join(known) or 'none'}.")
        return [float(table[player]) for player in players]


def _library() -> Any:
    try:
        return importlib.import_module("textarena")
    except ImportError:
        mend = "install it with: pip install 'collm[textarena]'."
        raise AbsentError("env.type", "TextArena is not installed.", mend) from None


def _text(messages: Sequence[tuple[int, str, Any]], player: int) -> str:
    """New messages, one a paragraph; the player's own moves are in its history already."""
    return "\n\n".join(
        f"[{'GAME' if sender < 0 else f'Player {sender}'}] {message}"
        for sender, message, _ in messages
        if sender != player
    )


def _invalid_moves(game: Any) -> float:
    return float(sum(bool(info.get("invalid_move")) for info in game.state.game_info.values()))
