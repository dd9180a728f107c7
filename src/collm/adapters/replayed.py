"""Makes a pure environment of a foreign game that changes as it is played.

A state is the seed and the replies so far, with what the agents see there; a step deals the game again and
plays the replies again. So an episode of ``T`` turns costs about ``T * T / 2`` moves, branching costs nothing
more, and a game that its seed and the moves do not decide is found out.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pydantic import Field

from collm.adapters.randomness import own_randomness
from collm.base.seeding import derive
from collm.env import MOST_TURNS, Environment, Split, Transition
from collm.errors import CollmError, InfrastructureError
from collm.types import Observation, Observations

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Deal:
    """One game to play; cards, boards and the like follow from its name and the episode's seed."""

    id: str


@dataclass(frozen=True, slots=True)
class Moves:
    """A game as the seed it began with, the replies since, and what whoever is to move sees now."""

    seed: int
    moves: tuple[Texts, ...]
    seen: Texts


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a move led to.

    Attributes:
        rewards: by agent; who is absent gets 0.
        over: nobody moves any more.
        cut: the game says that it was only cut off.
        metrics: named measures, the same at every step.
    """

    rewards: Mapping[str, float]
    over: bool = False
    cut: bool = False
    metrics: Mapping[str, float] = field(default_factory=dict)


class Game(Protocol):
    """A live game in the middle of being played."""

    def seen(self) -> Texts:
        """What each agent that is to move sees; nobody, if the game is over."""

    def step(self, replies: Texts) -> Outcome:
        """Move with a reply of each of them. Any text is a valid reply."""

    def close(self) -> None: ...


class Replayed(Environment[Deal, Moves]):
    """Base of environments that replay another library's game.

    Attributes:
        num_turns: moves after which a game is cut off.
        shared: give all agents the mean over them. If not, each gets its own.
        limits: the lowest and the highest reward of one turn.
        system: a system message for all agents, such as the rules.
        train_deals, test_deals: how many deals each split has.
    """

    num_turns: int = Field(default=100, ge=1, le=MOST_TURNS)
    shared: bool = True
    limits: tuple[float, float] = (-1.0, 1.0)
    system: str | None = None
    train_deals: int = Field(default=64, ge=1)
    test_deals: int = Field(default=16, ge=1)

    @abstractmethod
    def opened(self, seed: int) -> Game:
        """A live game, dealt from a seed."""

    @property
    def reward_range(self) -> tuple[float, float]:
        return self.limits

    def tasks(self, split: Split) -> Sequence[Deal]:
        count = self.train_deals if split == "train" else self.test_deals
        return [Deal(f"{split}_{number:04d}") for number in range(count)]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Deal:
        return Deal(str(row.get("id", where)))

    def reset(self, task: Deal, seed: int) -> Moves:
        own = derive(seed, self.type, task.id) % 2**32
        with self._live(own) as game:
            return Moves(own, (), game.seen())

    def observe(self, state: Moves) -> Observations:
        return {agent: Observation(text, self.system) for agent, text in state.seen.items()}

    def step(self, state: Moves, replies: Mapping[str, str]) -> Transition[Moves]:
        with self._live(state.seed) as game:
            for moves in state.moves:
                game.step(moves)
            check_same(state.seen, game.seen(), f"environment {self.type!r}", len(state.moves))
            outcome = _moved(game, replies)
            following = replace(state, moves=(*state.moves, dict(replies)), seen=game.seen())
        rewards = {agent: float(outcome.rewards.get(agent, 0.0)) for agent in self.agents}
        stopped = outcome.cut or (not outcome.over and len(following.moves) >= self.num_turns)
        return Transition(
            state=following,
            reward=sum(rewards.values()) / len(rewards),
            metrics=outcome.metrics,
            terminated=outcome.over and not outcome.cut,
            truncated=stopped,
            agent_rewards=None if self.shared else rewards,
        )

    @contextmanager
    def _live(self, seed: int) -> Iterator[Game]:
        """A game to play, which is closed afterwards."""
        with own_randomness(seed):
            game = self.opened(seed)
            try:
                yield game
            finally:
                game.close()


def _moved(game: Game, replies: Texts) -> Outcome:
    try:
        return game.step(replies)
    except (CollmError, InfrastructureError):
        raise
    except Exception as error:
        problem = f"the game broke on the replies {dict(replies)!r}: {type(error).__name__}: {error}"
        raise InfrastructureError(problem) from error


def check_same(expected: object, seen: object, where: str, moves: int) -> None:
    """Refuse a game that shows something else when it is played again."""
    if expected != seen:
        problem = f"the game is not deterministic: played again, it shows something else after {moves} moves."
        mend = "take a game that its seed and the moves decide, or turn off what else it draws."
        raise CollmError(where, problem, mend)
