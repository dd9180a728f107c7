"""Learners that several workers hold together: each gets every question, the first one's answers count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from torch import distributed

from collm.models.process_group import DataParallel, Meeting, meet, meeting_store
from collm.models.sharding import Sharded
from collm.placement.base import LostWorkerError
from collm.placement.hosts import LearnerHost, Opening
from collm.placement.ray_faults import first_line
from collm.placement.ray_seats import JointAsked, RaySeat


@dataclass(frozen=True, slots=True)
class Membership:
    """One worker's place among those that learn together.

    Attributes:
        role: what it plays, for errors.
        number: from 0, of ``count``.
        sharded: whether each holds a part of the weights, or all of them.
        seconds: the longest wait for another.
    """

    role: str
    number: int
    count: int
    sharded: bool
    seconds: float


class PeerHost:
    """A worker's share in learners; it answers as :class:`LearnerHost` once it has joined the others."""

    def __init__(self) -> None:
        self._store: Any = None
        self._member: Membership | None = None
        self._learners: LearnerHost | None = None

    def invite(self, host: str | None, seconds: float) -> str:
        """Let others find each other here; the ``HOST:PORT`` to tell them.

        Args:
            host: this machine's address, if it is not the one that Ray knows it by.
        """
        if host is None:
            from ray.util import get_node_ip_address

            host = get_node_ip_address()
        self._store = meeting_store(host, 0, True, seconds)
        return f"{host}:{self._store.port}"

    def join(self, opening: Opening, address: str, member: Membership) -> None:
        """Wait for all, and open the learners with them."""
        self._member = member
        if self._store is None:
            host, _, port = address.rpartition(":")
            self._store = meeting_store(host, int(port), False, member.seconds)
        self._told(meet, Meeting(self._store, member.number, member.count, member.seconds))
        peers = Sharded() if member.sharded else DataParallel()
        self._learners = self._told(LearnerHost, opening, peers)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self._told, getattr(self._learners, method))

    def _told(self, method: Callable[..., Any], *args: Any) -> Any:
        """Call a method; one that fails because another worker is gone says so.

        Raises:
            LostWorkerError: then.
        """
        try:
            return method(*args)
        except RuntimeError as error:
            if self._member is None or not _of_another(error):
                raise
            problem = f"cannot reach one that it learns with ({first_line(error)})."
            raise LostWorkerError(self._member.role, problem) from None


def _of_another(error: RuntimeError) -> bool:
    """Whether torch says that another process is gone, or silent: gloo's errors have no type of their own."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error).lower()


class JointSeat:
    """Asks the workers that hold learners together, all of them in the same order."""

    def __init__(self, seats: Sequence[RaySeat]) -> None:
        self._seats, self._lock = seats, Lock()

    def ask(self, method: str, *args: Any) -> JointAsked:
        with self._lock:
            return JointAsked([seat.ask(method, *args) for seat in self._seats])


def joined(
    seats: Sequence[RaySeat], opening: Any, sharded: bool, seconds: float
) -> tuple[JointSeat, JointAsked]:
    """Let workers that hold :class:`PeerHost` join each other; the seat of all, and when they have.

    Args:
        opening: of the learners.
        sharded: whether each holds a part of the weights, or all of them.
        seconds: the longest wait for another.
    """
    address = seats[0].ask("invite", None, seconds)
    members = [
        Membership(seat.role, number, len(seats), sharded, seconds) for number, seat in enumerate(seats)
    ]
    asked = [seat.ask("join", opening, address, member) for seat, member in zip(seats, members, strict=True)]
    return JointSeat(seats), JointAsked(asked)
