"""What a station asks of a vLLM, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from collm.models.config import Sampling
from collm.types import FinishReason, Ids

Named = Iterable[tuple[str, Tensor]]
"""Weights by the names that Hugging Face gives them."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One state of one agent's adapter.

    vLLM keys what it remembers by name, number and path: each must be new for each state, or old weights or
    old prefixes are used without a word.
    """

    name: str
    number: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Job:
    """One completion to draw."""

    token_ids: Ids
    seed: int
    sampling: Sampling
    end_ids: tuple[int, ...]
    adapter: Adapter | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of a job, its end token included."""

    token_ids: Ids
    token_logprobs: tuple[float, ...]
    finish_reason: FinishReason


class Backend(Protocol):
    """A vLLM."""

    def draw(self, jobs: Sequence[Job]) -> list[Drawn]:
        """Complete jobs, in order."""

    def take_weights(self, weights: Named) -> None:
        """Replace all weights of the model."""

    def take_adapter(self, adapter: Adapter, before: Adapter | None) -> None:
        """Know a new state of an adapter, and forget the one before it."""

    def forget(self) -> None:
        """Forget the keys and values of all prefixes."""

    def sleep(self, level: int) -> None:
        """Give memory back."""

    def wake(self) -> None:
        """Take it again."""
