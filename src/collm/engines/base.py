"""The seam of an engine: prompts in, completions out, all requests of a turn at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

from collm.models.config import Sampling
from collm.types import FinishReason, Ids

ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Prompt:
    """Completions to draw after some tokens.

    Attributes:
        token_ids: what they are conditioned on.
        seeds: one for each completion; it decides all of its noise.
        known: how many of the tokens are an earlier prompt and its completion, which may still be cached.
    """

    token_ids: Ids
    seeds: tuple[int, ...]
    known: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What was drawn, with the log-probability of each token and the version of the weights that drew it."""

    token_ids: Ids
    token_logprobs: tuple[float, ...]
    finish_reason: FinishReason
    version: int = 0


class Pending(Protocol[ResultT_co]):
    """Something that was asked for; waiting for it twice gives the same."""

    def result(self) -> ResultT_co: ...


class Engine(Protocol):
    """Draws completions from one model, wherever that runs."""

    def submit(
        self, prompts: Sequence[Prompt], sampling: Sampling, keep: bool
    ) -> Pending[list[tuple[Completion, ...]]]:
        """Ask for completions, a tuple for each prompt; ``keep`` says that later prompts may extend them."""

    def release(self) -> None:
        """Forget what was kept: no later prompt extends it."""

    def refresh(self, version: int) -> None:
        """The weights have changed; from now on completions are of this version."""


@runtime_checkable
class Measured(Protocol):
    """An engine that draws with a copy of the weights, and compares the two."""

    def ready(self) -> None:
        """Take the weights over now, and compare.

        Raises:
            CollmError: if it cannot draw, or says what other weights would say.
        """

    def measures(self) -> Mapping[str, float]:
        """What it found when it last took over weights, by name; nothing if it has not yet."""


class Deferred(Generic[ResultT]):
    """Work of this process, done when its result is first asked for."""

    def __init__(self, work: Callable[[], ResultT]) -> None:
        self._work: Callable[[], ResultT] | None = work
        self._done: list[ResultT] = []

    def result(self) -> ResultT:
        if self._work is not None:
            work, self._work = self._work, None
            self._done.append(work())
        return self._done[0]
