"""Plays environments of verifiers (github.com/PrimeIntellect-ai/verifiers) as ones of one agent."""

from __future__ import annotations

import importlib
import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from collm.adapters.randomness import own_randomness
from collm.adapters.replayed import Deal, check_same
from collm.base.registry import load_object
from collm.base.seeding import derive
from collm.env import MOST_TURNS, Environment, Split, Transition
from collm.errors import AbsentError, CollmError, InfrastructureError
from collm.types import Observation, Observations

if TYPE_CHECKING:
    from collm.adapters.verifiers_rollout import Rollout


@dataclass(frozen=True, slots=True)
class Talk:
    """A row of a dataset, the replies to it so far, and what the agent reads now; ``None``: it is over."""

    id: str
    seed: int
    replies: tuple[str, ...]
    seen: Observation | None


class VerifiersEnvironment(Environment[Deal, Talk]):
    """A verifiers environment of one turn or many, whose tasks are the rows of its datasets.

    Use it as ``type: collm.adapters.verifiers:VerifiersEnvironment``. A step rolls it out from the beginning
    on the replies so far, so it must be decided by its row, its seed and the replies. Its rubric measures
    every turn; the rubric's reward is paid when the episode is over or cut off. Tools, pictures and
    rewards that compare several rollouts are refused.

    Attributes:
        num_turns: turns after which an episode is cut off, if its own limit does not end it before.
        game: its id, as ``load_environment`` takes it, or the ``module:function`` that makes it.
        options: the arguments of that.
        agent: the name of the agent.
        limits: the lowest and the highest reward of the rubric.
    """

    type: Literal["verifiers"] = "verifiers"
    num_turns: int = Field(default=100, ge=1, le=MOST_TURNS)
    game: str
    options: dict[str, Any] = Field(default_factory=dict)
    agent: str = Field(default="player", min_length=1)
    limits: tuple[float, float] = (0.0, 1.0)

    @model_validator(mode="after")
    def _can_be_made(self) -> VerifiersEnvironment:
        _library()
        from collm.adapters.multi_turn_env import OneAgentEnv

        ours = isinstance(self._game, OneAgentEnv)
        if ours:  # its steps would wait for one another
            raise ValueError(f"{self.game} is an environment of this library already; name that as the type")
        if self._game.rubric.has_group_rewards:
            raise ValueError(f"the rewards of {self.game} compare several rollouts, and a step has one")
        return self

    @property
    def agents(self) -> tuple[str, ...]:
        return (self.agent,)

    @property
    def reward_range(self) -> tuple[float, float]:
        return self.limits

    def tasks(self, split: Split) -> Sequence[Deal]:
        return [Deal(f"{split}_{number:04d}") for number in range(len(_rows(self._game, split)))]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Deal:
        name = str(row.get("id"))
        self._row(name)
        return Deal(name)

    def reset(self, task: Deal, seed: int) -> Talk:
        start = Talk(task.id, derive(seed, self.type, task.id) % 2**32, (), None)
        return replace(start, seen=self._played(start).shown[0])

    def observe(self, state: Talk) -> Observations:
        return {} if state.seen is None else {self.agent: state.seen}

    def step(self, state: Talk, replies: Mapping[str, str]) -> Transition[Talk]:
        turn = len(state.replies)
        following = replace(state, replies=(*state.replies, replies[self.agent]))
        played = self._played(following)
        check_same(state.seen, played.seen_at(turn), f"environment {self.type!r}", turn)
        seen = played.seen_at(turn + 1)
        cut = seen is not None and turn + 1 >= self.num_turns
        return Transition(
            state=replace(following, seen=seen),
            reward=played.reward if seen is None or cut else 0.0,
            metrics=played.metrics,
            terminated=seen is None,
            truncated=cut,
        )

    @property
    def _game(self) -> Any:
        return _made(self.game, json.dumps(self.options, sort_keys=True))

    def _row(self, name: str) -> Mapping[str, Any]:
        """The row of a dataset that a task names."""
        split, _, number = name.rpartition("_")
        rows = _rows(self._game, split) if split in ("train", "test") else ()
        if not number.isdecimal() or int(number) >= len(rows):
            problem = f"{self.game} has no task {name!r}."
            raise CollmError("task.id", problem, "take one such as train_0000 or test_0000.")
        row: Mapping[str, Any] = rows[int(number)]
        return row

    def _played(self, talk: Talk) -> Rollout:
        from collm.adapters.verifiers_rollout import roll_out

        row = self._row(talk.id)
        with own_randomness(talk.seed):
            try:
                return roll_out(self._game, row, talk.replies)
            except (CollmError, InfrastructureError):
                raise
            except Exception as error:
                problem = f"{self.game} broke on {talk.replies!r}: {type(error).__name__}: {error}"
                raise InfrastructureError(problem) from error


@lru_cache(maxsize=16)
def _made(game: str, options: str) -> Any:
    """The environment, made once: it may hold a large dataset."""
    library = _library()
    make = load_object(game, "env.game") if ":" in game else partial(library.load_environment, game)
    try:
        with _own_signals():
            made = make(**json.loads(options))
    except Exception as error:
        problem = f"{game} cannot be set up: {type(error).__name__}: {error}."
        raise CollmError("env.game", problem, "name an installed one, with its own options.") from error
    if not isinstance(made, library.Environment):
        problem = f"{game} makes a {type(made).__name__}, not an environment of verifiers."
        raise CollmError("env.game", problem, "name a function that returns one.")
    return made


def _library() -> Any:
    try:
        library = importlib.import_module("verifiers")
        library.load_environment  # noqa: B018
    except (ImportError, AttributeError):
        raise absent("env.type") from None
    return library


def absent(where: str) -> AbsentError:
    """The error where there is no verifiers; ``where`` is what needs it."""
    problem = "verifiers is not installed, or not in a version that has load_environment."
    return AbsentError(where, problem, "install it with: pip install 'collm[verifiers]'.")


@contextmanager
def _own_signals() -> Iterator[None]:
    """Give back what Ctrl-C and a request to end do here; every environment of verifiers takes them over."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


@lru_cache(maxsize=32)
def _rows(game: Any, split: str) -> Any:
    return game.get_dataset() if split == "train" else game.get_eval_dataset()
