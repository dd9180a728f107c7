"""The requests that wait for one model in this process, and the thread that answers them in batches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from collm.engines.base import Completion, Prompt
from collm.engines.in_process import InProcess
from collm.models.config import Sampling

_News = int | Completion | Exception


@dataclass(eq=False, slots=True)
class _Job:
    """One completion to draw; ``dropped`` once nobody wants it any more."""

    prompt: Prompt
    sampling: Sampling
    loop: asyncio.AbstractEventLoop
    news: asyncio.Queue[_News] = field(default_factory=asyncio.Queue)
    dropped: bool = False

    def tell(self, news: _News) -> None:
        """Pass news from the thread to whoever waits."""
        with suppress(RuntimeError):  # the server has ended meanwhile
            self.loop.call_soon_threadsafe(self.news.put_nowait, news)


class Line:
    """Draws what is asked for together in one batch; who comes later is in the next one.

    Args:
        engine: of the model.
        most: completions in a batch.
        weights: held while they are used; agents whose adapters share a base share it.
    """

    def __init__(self, engine: InProcess, most: int, weights: threading.Lock) -> None:
        self._engine, self._most, self._weights = engine, most, weights
        self._waiting: list[_Job] = []
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def works(self) -> bool:
        return self._thread.is_alive()

    async def draw(
        self, prompt: Prompt, sampling: Sampling, tell: Callable[[Sequence[int]], None]
    ) -> Completion:
        """Draw one completion; ``tell`` gets its new tokens. Whoever is cancelled leaves the line.

        Raises:
            Exception: whatever the model raised.
        """
        job = _Job(prompt, sampling, asyncio.get_running_loop())
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        try:
            return await _followed(job, tell)
        finally:
            job.dropped = True

    def close(self) -> None:
        """End the thread after the batch that it is at."""
        with self._changed:
            self._open = False
            self._changed.notify()

    def _work(self) -> None:
        while jobs := self._next():
            self._answer(jobs)

    def _next(self) -> list[_Job]:
        """The first that waits and all that may share its batch; nobody once the line is closed."""
        with self._changed:
            while True:
                self._waiting = [job for job in self._waiting if not job.dropped]
                if not self._open:
                    return []
                if self._waiting:
                    break
                self._changed.wait()
            first = self._waiting[0].sampling
            jobs = [job for job in self._waiting if job.sampling == first][: self._most]
            self._waiting = [job for job in self._waiting if job not in jobs]
            return jobs

    def _answer(self, jobs: Sequence[_Job]) -> None:
        def watch(drawn: Mapping[int, int]) -> list[int]:
            for number, token in drawn.items():
                jobs[number].tell(token)
            return [number for number, job in enumerate(jobs) if job.dropped]

        try:
            with self._weights:
                completions = self._engine.complete([job.prompt for job in jobs], jobs[0].sampling, watch)
        except Exception as error:
            for job in jobs:
                job.tell(error)
            return
        for job, completion in zip(jobs, completions, strict=True):
            job.tell(completion)


async def _followed(job: _Job, tell: Callable[[Sequence[int]], None]) -> Completion:
    """Pass on a job's tokens until it is done, as many at a time as have come."""
    while True:
        news = [await job.news.get()]
        while not job.news.empty():
            news.append(job.news.get_nowait())
        tell([token for token in news if isinstance(token, int)])
        match news[-1]:
            case Completion() as completion:
                return completion
            case Exception() as error:
                raise error
