"""Plays text games of TextArena (github.com/LeonGuertler/TextArena) as environments."""

from __future__ import annotations

import difflib
import importlib
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from collm.base.seeding import derive
from collm.env import MOST_TURNS, Environment, Split, Transition
from collm.errors import CollmError, InfrastructureError
from collm.types import Observation, Observations


@dataclass(frozen=True, slots=True)
class Deal:
    """One game to play; cards, boards and the like follow from its name and the episode's seed."""

    id: str


@dataclass(frozen=True, slots=True)
class Moves:
    """A game as the seed it began with and the moves since."""

    seed: int
    moves: tuple[str, ...] = ()


class TextArena(Environment[Deal, Moves]):
    """A game in which players move one after the other; whoever is not to move skips the turn.

    TextArena's games change as they are played, while a rollout steps one state several times. So a
    state is the list of moves, and the game is dealt and played again from its seed whenever it is
    observed or stepped: an episode of ``T`` turns costs about ``T * T`` moves. Games draw from the
    global generators of ``random`` and numpy; both are put back as they were, and of several threads
    one plays at a time.

    Use it as ``type: collm.adapters.textarena:TextArena``. A message reaches a player once, so agents
    need their history. A game that breaks on a reply raises ``InfrastructureError``.

    Attributes:
        game: the game's id, such as ``PublicGoodsGame-v0``; wrappers are left out.
        options: the game's own parameters.
        num_turns: moves of all players together after which a game is cut off.
        payoff: a table of running scores by player in the game's state, such as ``total_scores``; what
            a move adds to it is the reward. Without it a game's result at its end is the reward: win
            1, draw 0, loss -1.
        shared: give all agents the mean over players. If not, each gets its own.
        limits: the lowest and the highest reward of one turn.
        train_deals, test_deals: how many deals each split has.
    """

    type: Literal["textarena"] = "textarena"
    game: str
    options: dict[str, Any] = Field(default_factory=dict)
    num_agents: int = Field(default=2, ge=1)
    num_turns: int = Field(default=100, ge=1, le=MOST_TURNS)
    payoff: str | None = None
    shared: bool = True
    limits: tuple[float, float] = (-1.0, 1.0)
    train_deals: int = Field(default=64, ge=1)
    test_deals: int = Field(default=16, ge=1)

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

    @property
    def reward_range(self) -> tuple[float, float]:
        return self.limits

    def tasks(self, split: Split) -> Sequence[Deal]:
        count = self.train_deals if split == "train" else self.test_deals
        return [Deal(f"{split}_{number:04d}") for number in range(count)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Deal:
        return Deal(str(row.get("id", where)))

    def reset(self, task: Deal, seed: int) -> Moves:
        return Moves(derive(seed, "textarena", task.id) % 2**32)

    def observe(self, state: Moves) -> Observations:
        with _own_randomness(state.seed):
            player, messages = self._replayed(state).get_observation()
        return {self.agents[player]: Observation(_text(messages, player))}

    def step(self, state: Moves, replies: Mapping[str, str]) -> Transition[Moves]:
        (reply,) = replies.values()
        with _own_randomness(state.seed):
            game = self._replayed(state)
            before = self._scores(game)
            try:
                done, _ = game.step(reply)
            except Exception as error:
                problem = f"{self.game} broke on the reply {reply!r}: {type(error).__name__}: {error}"
                raise InfrastructureError(problem) from error
        scores = self._scores(game)
        gains = [after - earlier for after, earlier in zip(scores, before, strict=True)]
        following = replace(state, moves=(*state.moves, reply))
        return Transition(
            state=following,
            reward=_mean(gains),
            metrics={"score": _mean(scores), "invalid_moves": _invalid_moves(game)},
            terminated=bool(done),
            truncated=not done and len(following.moves) >= self.num_turns,
            agent_rewards=None if self.shared else dict(zip(self.agents, gains, strict=True)),
        )

    def _replayed(self, state: Moves) -> Any:
        """The live game, after everyone before saw their messages and made their moves."""
        try:
            game = _library().make(f"{self.game}-raw", **self.options)
            game.reset(num_players=self.num_agents, seed=state.seed)
        except Exception as error:
            problem = f"{self.game} cannot be set up: {type(error).__name__}: {error}."
            raise CollmError("env.game", problem, "change num_agents or options, or take another.") from error
        for move in state.moves:
            game.get_observation()
            game.step(move)
        return game

    def _scores(self, game: Any) -> list[float]:
        """Each player's score so far."""
        players = range(self.num_agents)
        if self.payoff is None:
            result = game.state.rewards or {}
            return [float(result.get(player, 0.0)) for player in players]
        table = game.state.game_state.get(self.payoff)
        if not isinstance(table, dict) or not set(players) <= table.keys():
            known = [name for name, value in game.state.game_state.items() if isinstance(value, dict)]
            problem = f"{self.game} keeps no score by player under {self.payoff!r}."
            raise CollmError("env.payoff", problem, f"its tables are {', '.join(known) or 'none'}.")
        return [float(table[player]) for player in players]


def _library() -> Any:
    try:
        return importlib.import_module("textarena")
    except ImportError:
        mend = "install it with: pip install 'collm[textarena]'."
        raise CollmError("env.type", "TextArena is not installed.", mend) from None


_ONE_AT_A_TIME = threading.RLock()
"""Held while a game draws: the generators are the whole process's, and games are stepped in threads."""


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Let a game draw from generators seeded for it, and leave the global ones untouched."""
    with _ONE_AT_A_TIME:
        ours, numpys = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(ours)
            np.random.set_state(numpys)


def _text(messages: Sequence[tuple[int, str, Any]], player: int) -> str:
    """New messages, one a paragraph; the player's own moves are in its history already."""
    return "\n\n".join(
        f"[{'GAME' if sender < 0 else f'Player {sender}'}] {message}"
        for sender, message, _ in messages
        if sender != player
    )


def _invalid_moves(game: Any) -> float:
    return float(sum(bool(info.get("invalid_move")) for info in game.state.game_info.values()))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
