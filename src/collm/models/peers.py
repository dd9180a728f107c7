"""The seam between a learner and the processes that learn the same weights with it.

A step's loss is a sum over its samples, each weighed before anybody shares them out. So its gradient is
the sum of the gradients of any shares, and nothing is averaged over processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from torch import nn

from collm.models.config import ModelConfig
from collm.models.rows import Row
from collm.models.teacher_forcing import packed
from collm.types import Ids

OwnT = TypeVar("OwnT")

Groups = Sequence[Sequence[Row]]
"""Microbatches of packed rows."""


class Peers(Protocol):
    """Who learns some weights; all of them call the same methods in the same order."""

    @property
    def first(self) -> bool:
        """Whether this process writes what they have in common."""

    def opened(self, config: ModelConfig, where: str, load: Callable[[ModelConfig, str], Any]) -> Any:
        """A model as these processes hold it.

        Args:
            load: opens a whole one.
        """

    def save(self, model: Any, folder: Path) -> None:
        """Write all of a model as an ordinary Hugging Face folder; the first process does."""

    def groups(self, model: Any, samples: Sequence[tuple[Ids, Ids]], batch_tokens: int, pad: int) -> Groups:
        """This process's microbatches, each of at most ``batch_tokens`` tokens.

        A group without samples is a pass that others need this process in.
        """

    def gathered(self, own: OwnT) -> list[OwnT]:
        """What each process has, in the same order for all."""

    def goes_back(self, wanted: bool) -> bool:
        """Whether to go back through the model where this process wants or does not."""

    def combine(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make everybody's gradients those of the whole step, which are ``None`` where all are."""


class Alone:
    """Nobody else learns them."""

    first: Final = True

    def opened(self, config: ModelConfig, where: str, load: Callable[[ModelConfig, str], Any]) -> Any:
        return load(config, where)

    def save(self, model: Any, folder: Path) -> None:
        model.save_pretrained(folder)

    def groups(self, model: Any, samples: Sequence[tuple[Ids, Ids]], batch_tokens: int, pad: int) -> Groups:
        return packed(model, samples, batch_tokens)

    def gathered(self, own: OwnT) -> list[OwnT]:
        return [own]

    def goes_back(self, wanted: bool) -> bool:
        return wanted

    def combine(self, parameters: Sequence[nn.Parameter]) -> None:
        pass


ALONE = Alone()
