"""What lead and workers of a task graph read, and how their replies are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from collm.protocols.graph import Job, JobGraph
from collm.types import Observation, Observations

_ORDER = re.compile(
    r"\s*(?P<verb>discover|assign|claim|release|close|verify)\s+(?P<name>[\w-]+)"
    r"(?:\s+to\s+(?P<worker>[\w-]+))?(?:\s+after\s+(?P<after>[\w-]+(?:\s*,\s*[\w-]+)*))?\s*(?::(?P<text>.*))?",
    re.IGNORECASE,
)
_LEAD_ORDERS = (
    "discover NAME: what to do\n"
    "discover NAME after OTHER, ANOTHER: what to do once they are done\n"
    "assign NAME to AGENT\n"
    "release NAME\n"
    "close NAME\n"
    "verify NAME"
)
_WORKER_ORDERS = "claim NAME\nrelease NAME\ndiscover NAME: what to do"


@dataclass(frozen=True, slots=True)
class Order:
    """One operator that somebody asks for."""

    verb: str
    name: str
    worker: str = ""
    after: tuple[str, ...] = ()
    text: str = ""


def order_of(line: str) -> Order | None:
    """What a line asks for; ``None`` if it is no operator."""
    match = _ORDER.fullmatch(line)
    if match is None:
        return None
    after = tuple(name.strip() for name in (match["after"] or "").split(",") if name.strip())
    return Order(
        match["verb"].lower(), match["name"], match["worker"] or "", after, (match["text"] or "").strip()
    )


def orders_of(reply: str) -> list[Order]:
    """Every line of a lead's reply that is an operator."""
    return [order for line in reply.splitlines() if (order := order_of(line)) is not None]


def work_of(reply: str) -> tuple[list[Order], str]:
    """The operators that a worker's reply opens with, and the work that follows."""
    orders: list[Order] = []
    lines = reply.splitlines(keepends=True)
    while lines and (not lines[0].strip() or order_of(lines[0].strip())):
        order = order_of(lines.pop(0).strip())
        orders += [] if order is None else [order]
    return (orders, "".join(lines)) if orders else ([], reply)


def lead_observation(observations: Observations, graph: JobGraph) -> Observation:
    """What the lead reads: what every agent sees, the graph, and what may be ordered."""
    names = ", ".join(observations)
    sections = [
        f"You lead a team of {len(observations)} agents: {names}. You plan their work in tasks and do none.",
        *(f"{agent} was asked:\n{observation.text}" for agent, observation in observations.items()),
        f"A task that is named as an agent ({names}) is that agent's reply to what it was asked.",
        _shown(graph),
        f"Write one order a line:\n{_LEAD_ORDERS}",
    ]
    return replace(next(iter(observations.values())), text="\n\n".join(sections))


def worker_observation(
    observation: Observation, graph: JobGraph, held: Job | None, ready: Sequence[Job]
) -> Observation:
    """What a worker reads: what it was asked, the graph with the results so far, and its choice."""
    if held is not None:
        choice = f"You are at {held.id}: {held.text}\nWrite its whole result now."
    else:
        lines = "\n".join(f"- {job.id}: {job.text}" for job in ready)
        choice = (
            f"Tasks that you may claim:\n{lines}\n"
            f"Open with one order a line, if any:\n{_WORKER_ORDERS}\n"
            f"Then write the whole result of the task that you claim; without a claim it is {ready[0].id}."
        )
    return replace(
        observation, text="\n\n".join([observation.text, _shown(graph), *_results(graph.jobs), choice])
    )


def _shown(graph: JobGraph) -> str:
    return "Tasks:\n" + ("\n".join(map(_line, graph.jobs.values())) or "(none yet)")


def _line(job: Job) -> str:
    owner = f", {job.owner}" if job.owner else ""
    after = f", after {', '.join(job.after)}" if job.after else ""
    return f"- {job.id} ({job.status.replace('_', ' ')}{owner}{after}): {job.text}"


def _results(jobs: Mapping[str, Job]) -> Iterator[str]:
    for job in jobs.values():
        if job.status == "done" and job.result.strip():
            yield f"Result of {job.id}, by {job.owner}:\n{job.result}"
