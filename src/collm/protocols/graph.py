"""A graph of tasks that a team shares, and its operators, after LATTE (arXiv 2605.06320).

Every operator is a pure function that gives the graph back unchanged where it is not allowed, since
models ask for all kinds of things. A task depends on tasks that were there before it, so there are no
circles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Status = Literal["pending", "assigned", "in_progress", "done"]
CHECK = "check_"
"""What the id of a task begins with that verifies another."""


@dataclass(frozen=True, slots=True)
class Job:
    """One task of the graph.

    Attributes:
        id: its name.
        text: what is to be done.
        after: the tasks that must be done before.
        owner: who has it.
        begun: the round in which its owner claimed it.
        result: what its owner wrote.
        deliverable: its result is the owner's reply to the environment.
    """

    id: str
    text: str
    after: tuple[str, ...] = ()
    status: Status = "pending"
    owner: str | None = None
    begun: int = 0
    result: str = ""
    deliverable: bool = False


@dataclass(frozen=True, slots=True)
class JobGraph:
    """The tasks by id, in the order in which they were discovered."""

    jobs: Mapping[str, Job] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return all(job.status == "done" for job in self.jobs.values())

    def ready(self, worker: str) -> tuple[Job, ...]:
        """What a worker may claim: its own tasks first, then those of nobody."""
        free = [
            job for job in self.jobs.values() if job.status in ("pending", "assigned") and self._open(job)
        ]
        return tuple(job for owner in (worker, None) for job in free if job.owner == owner)

    def held(self, worker: str) -> Job | None:
        """What a worker is at."""
        own = (job for job in self.jobs.values() if job.status == "in_progress" and job.owner == worker)
        return next(own, None)

    def _open(self, job: Job) -> bool:
        return all(self.jobs[name].status == "done" for name in job.after)


def discover(
    graph: JobGraph, name: str, text: str, after: Iterable[str] = (), owner: str | None = None
) -> JobGraph:
    """Add a task; one that an agent is named as its owner from the start is what it delivers."""
    if name in graph.jobs:
        return graph
    known = tuple(dict.fromkeys(one for one in after if one in graph.jobs))
    status: Status = "pending" if owner is None else "assigned"
    return _with(graph, Job(name, text, known, status, owner, deliverable=owner is not None))


def assign(graph: JobGraph, name: str, worker: str) -> JobGraph:
    """Give a pending task to a worker, whether or not it is ready."""
    job = graph.jobs.get(name)
    if job is None or job.status != "pending":
        return graph
    return _with(graph, replace(job, status="assigned", owner=worker))


def claim(graph: JobGraph, name: str, worker: str, now: int) -> JobGraph:
    """Let a worker begin a task that is ready for it; it is at one task at a time."""
    if graph.held(worker) is not None or name not in {job.id for job in graph.ready(worker)}:
        return graph
    return _with(graph, replace(graph.jobs[name], status="in_progress", owner=worker, begun=now))


def complete(graph: JobGraph, worker: str, result: str) -> JobGraph:
    """Finish what a worker is at."""
    job = graph.held(worker)
    return graph if job is None else _with(graph, replace(job, status="done", result=result))


def release(graph: JobGraph, name: str, worker: str | None = None) -> JobGraph:
    """Put a task back that is not done: any of them, or one of a worker's. Deliverables keep their owner."""
    job = graph.jobs.get(name)
    if job is None or job.status not in ("assigned", "in_progress") or worker not in (None, job.owner):
        return graph
    if job.deliverable:
        return _with(graph, replace(job, status="assigned"))
    return _with(graph, replace(job, status="pending", owner=None))


def close(graph: JobGraph, name: str) -> JobGraph:
    """Call a task done that need not be; not a deliverable, which the environment waits for."""
    job = graph.jobs.get(name)
    return graph if job is None or job.deliverable else _with(graph, replace(job, status="done"))


def verify(graph: JobGraph, name: str) -> JobGraph:
    """Add, once a task, one that checks it, for which all that waited for the task waits too."""
    job, check = graph.jobs.get(name), f"{CHECK}{name}"
    if job is None or check in graph.jobs:
        return graph
    waiting = {
        other.id: replace(other, after=(*other.after, check))
        for other in graph.jobs.values()
        if name in other.after and other.status in ("pending", "assigned")
    }
    added = Job(check, f"Check the result of {name} and say what is wrong with it.", (name,))
    return JobGraph({**graph.jobs, **waiting, check: added})


def expire(graph: JobGraph, now: int, patience: int) -> JobGraph:
    """Release every task that its owner has been at for more than so many rounds."""
    for job in tuple(graph.jobs.values()):
        if job.status == "in_progress" and now - job.begun > patience:
            graph = release(graph, job.id)
    return graph


def _with(graph: JobGraph, job: Job) -> JobGraph:
    return JobGraph({**graph.jobs, job.id: job})
