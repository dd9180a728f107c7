"""Workers in this process: everything that is asked and answered goes through a pickle, as on a cluster."""

from __future__ import annotations

import pickle
from typing import Any

import cloudpickle

from collm.engines.base import Deferred
from collm.placement.base import LostWorkerError


class HereSeat:
    """Answers at once, in the order of the questions, or is lost."""

    def __init__(self, role: str) -> None:
        self.role, self.lost, self.asked = role, False, list[str]()
        self.host: Any = None

    def ask(self, method: str, *args: Any) -> Deferred[Any]:
        self.asked.append(method)
        if self.lost:
            return Deferred(self._gone)
        sent = [one.result() if isinstance(one, Deferred) else one for one in args]
        answer = cloudpickle.dumps(getattr(self.host, method)(*_travelled(sent)))
        return Deferred(lambda: pickle.loads(answer))

    def _gone(self) -> Any:
        raise LostWorkerError(self.role, "is gone.")


class HereCrew:
    """Workers by role."""

    def __init__(self) -> None:
        self.seats: dict[str, HereSeat] = {}

    def hold(self, role: str, host: type, *args: Any) -> tuple[HereSeat, Deferred[None]]:
        seat = self.seats.setdefault(role, HereSeat(role))
        seat.host = host(*_travelled(args))
        return seat, Deferred(lambda: None)

    def shared(self, value: Any) -> Any:
        return value


def _travelled(value: Any) -> Any:
    return pickle.loads(cloudpickle.dumps(value))
