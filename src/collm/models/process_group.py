"""Processes that learn together over torch's process group: each has all weights and a share of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from collm.models.config import ModelConfig
from collm.models.dealing import dealt
from collm.models.peers import Groups
from collm.types import Ids

OwnT = TypeVar("OwnT")

_BUCKET = 2**25
"""Numbers that are summed at once: 128 MB."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where processes find each other.

    Attributes:
        store: as :func:`meeting_store` gives it.
        number: this one's, from 0.
        count: of all.
        seconds: the longest wait for another.
    """

    store: Any
    number: int
    count: int
    seconds: float


def meeting_store(host: str, port: int, first: bool, seconds: float) -> Any:
    """A store of torch, where processes find each other.

    Args:
        host, port: of the first process; it may take 0, and its store says which port it got.
        first: whether this is that process, which holds what is stored.
        seconds: the longest wait.
    """
    wait = timedelta(seconds=seconds)
    return distributed.TCPStore(  # type: ignore[attr-defined]
        host, port, is_master=first, wait_for_workers=False, timeout=wait
    )


def meet(meeting: Meeting) -> None:
    """Wait for all and form the process group; one that this process was in is left first."""
    part()
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
        store=meeting.store,
        rank=meeting.number,
        world_size=meeting.count,
        timeout=timedelta(seconds=meeting.seconds),
    )


def part() -> None:
    """Leave the process group, if there is one."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


@contextmanager
def met(meeting: Meeting) -> Iterator[None]:
    """A process group for as long as this lasts."""
    meet(meeting)
    try:
        yield
    finally:
        part()


class Grouped:
    """Peers that are the processes of the group that there is."""

    def __init__(self) -> None:
        self._number, self._count = distributed.get_rank(), distributed.get_world_size()

    @property
    def first(self) -> bool:
        return self._number == 0

    def gathered(self, own: OwnT) -> list[OwnT]:
        """What each process has, in their order."""
        everyones: list[Any] = [None] * self._count
        distributed.all_gather_object(everyones, own)
        return everyones


class DataParallel(Grouped):
    """Peers with all weights each."""

    def opened(self, config: ModelConfig, where: str, load: Callable[[ModelConfig, str], Any]) -> Any:
        return load(config, where)

    def save(self, model: Any, folder: Path) -> None:
        if self.first:
            model.save_pretrained(folder)

    def groups(self, model: Any, samples: Sequence[tuple[Ids, Ids]], batch_tokens: int, pad: int) -> Groups:
        return dealt(model, samples, batch_tokens, self._count)[self._number]

    def goes_back(self, wanted: bool) -> bool:
        return wanted

    def combine(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum in float32; a process without a share of some parameter's gradient adds 0."""
        have = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.uint8)
        distributed.all_reduce(have, distributed.ReduceOp.MAX)
        found = [one for one, any_has in zip(parameters, have.tolist(), strict=True) if any_has]
        gradients = [torch.zeros_like(one) if one.grad is None else one.grad for one in found]
        for few in buckets(gradients, _BUCKET):
            exact = torch.cat([one.flatten().float() for one in few])
            distributed.all_reduce(exact)
            for one, total in zip(few, exact.split([one.numel() for one in few]), strict=True):
                one.copy_(total.view_as(one))
        for parameter, gradient in zip(found, gradients, strict=True):
            parameter.grad = gradient


def buckets(tensors: Sequence[Tensor], size: int) -> Iterator[list[Tensor]]:
    """Tensors in order, so many at once as have ``size`` numbers, or one."""
    bucket, held = list[Tensor](), 0
    for one in tensors:
        if bucket and held + one.numel() > size:
            yield bucket
            bucket, held = [], 0
        bucket.append(one)
        held += one.numel()
    if bucket:
        yield bucket
