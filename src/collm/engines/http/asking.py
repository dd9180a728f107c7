"""Many requests at a time: all of a turn are under way before any is waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

ResultT = TypeVar("ResultT")


class Asked(Generic[ResultT]):
    """Calls that have begun; waiting for them twice gives the same.

    Its threads keep no process alive: one that wants to end need not wait for an endpoint.

    Args:
        calls: what to do, in any order.
        together: how many at a time.
    """

    def __init__(self, calls: Sequence[Callable[[], ResultT]], together: int) -> None:
        self._futures: list[Future[ResultT]] = [Future() for _ in calls]
        self._jobs: SimpleQueue[tuple[Callable[[], ResultT], Future[ResultT]]] = SimpleQueue()
        for job in zip(calls, self._futures, strict=True):
            self._jobs.put(job)
        for _ in range(min(together, len(calls))):
            Thread(target=self._work, name="collm-http", daemon=True).start()

    def result(self) -> list[ResultT]:
        """What all of them gave, in their order; the first failure ends those that have not begun."""
        try:
            return [future.result() for future in self._futures]
        finally:
            for future in self._futures:
                future.cancel()

    def _work(self) -> None:
        while True:
            try:
                call, future = self._jobs.get_nowait()
            except Empty:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
