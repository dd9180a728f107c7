"""Waits for a call only so long: what hangs is left behind, and the caller goes on.

Python cannot end a thread. Calls run in a few daemon threads that are used again and again; one that does
not come back is abandoned with its thread, which may go on until the process ends. So that this is bounded,
nothing is started any more while :data:`MOST_HANGING` calls hang.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")
_Job = tuple[Callable[[], Any], Future[Any]]
_Jobs = SimpleQueue[_Job]

MOST_HANGING = 32
"""Abandoned calls, each of which keeps a thread."""


class HangingError(Exception):
    """A call took too long, or too many earlier ones still hang."""


class Patience:
    """Runs calls with a limit, in threads of its own."""

    def __init__(self, most_hanging: int = MOST_HANGING) -> None:
        self._most_hanging = most_hanging
        self.forget()

    def forget(self) -> None:
        """Begin without threads, as a child process must: they stay with its parent."""
        self._idle: SimpleQueue[_Jobs] = SimpleQueue()
        self._hanging: set[Future[Any]] = set()

    def within(self, seconds: float, call: Callable[[], ResultT]) -> ResultT:
        """What ``call`` returns or raises; any thread may ask.

        Raises:
            HangingError: if it takes longer than ``seconds``, or too many earlier calls still hang.
        """
        if len(self._hanging) >= self._most_hanging:
            raise HangingError(f"was not tried, since {len(self._hanging)} earlier calls still hang")
        result: Future[ResultT] = Future()
        self._worker().put((call, result))
        try:
            return result.result(seconds)
        except TimeoutError:
            if result.done():  # the call's own, or one that ended just now
                return result.result()
            self._hanging.add(result)
            result.add_done_callback(self._hanging.discard)
            raise HangingError(f"took longer than {seconds:g} s") from None

    def _worker(self) -> _Jobs:
        """The door of a thread that has nothing to do; a new one only if there is none."""
        try:
            return self._idle.get_nowait()
        except Empty:
            jobs: _Jobs = SimpleQueue()
            Thread(target=self._serve, args=(jobs,), name="collm-step", daemon=True).start()
            return jobs

    def _serve(self, jobs: _Jobs) -> None:
        while True:
            self._answer(*jobs.get(), jobs)

    def _answer(self, call: Callable[[], Any], result: Future[Any], jobs: _Jobs) -> None:
        """Run one call; be idle before the caller hears of it, so that its next call finds this thread."""
        try:
            value = call()
        except BaseException as error:
            self._idle.put(jobs)
            result.set_exception(error)
        else:
            self._idle.put(jobs)
            result.set_result(value)


_shared = Patience()
os.register_at_fork(after_in_child=_shared.forget)


def within(seconds: float | None, call: Callable[[], ResultT]) -> ResultT:
    """As :meth:`Patience.within`, in threads that the whole process shares; ``None`` just calls."""
    return call() if seconds is None else _shared.within(seconds, call)
