"""Task graph: a lead plans, workers claim and complete tasks of one graph (LATTE, arXiv 2605.06320)."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Literal

from pydantic import Field

from collm.protocols import graph as operators
from collm.protocols.base import PlayProtocol, Scene, Talk
from collm.protocols.graph import JobGraph
from collm.protocols.graph_words import Order, lead_observation, orders_of, work_of, worker_observation
from collm.types import Action, JointAction, Observations

Planned = Generator[Observations, JointAction, JobGraph]

_REPLY = "Reply to what you were asked."


class TaskGraph(PlayProtocol):
    """In each turn of the environment a graph is planned and worked off.

    All agents are workers; the lead is one of the models in a second role. Every agent has a task that is
    named as it is, whose result is its reply to the environment; the lead may discover it, to say how or
    after what, and it is added otherwise. A later turn of the environment, with its feedback, is what a
    task to fix the work is in LATTE. Replies that order nothing are work for the task that a worker
    holds or may claim first, even if they are blank, so that models which know no operators still play.

    Attributes:
        lead: whose model leads; the first agent's by default.
        planning: how often the lead is asked for a first plan at most.
        rounds: of work, at most.
        patience: rounds after which a task is taken from its owner.
        lead_rests: how many rounds in a row the lead is passed over if nothing has changed.
    """

    type: Literal["task_graph"] = "task_graph"
    lead: str | None = None
    planning: int = Field(default=5, ge=0, le=100)
    rounds: int = Field(default=20, ge=1, le=1000)
    patience: int = Field(default=3, ge=0)
    lead_rests: int = Field(default=6, ge=0)

    def talk(self, scene: Scene) -> Talk:
        lead = scene.chosen(self.lead, "lead")
        graph = yield from self._planned(scene, lead)
        actions: dict[str, Action] = {}
        known, rested = graph, 0
        for now in range(self.rounds):
            if graph.done:
                break
            graph = operators.expire(graph, now, self.patience)
            rested = rested + 1 if graph == known else 0
            if rested == 0 or rested > self.lead_rests:
                graph, rested = (yield from _led(scene, lead, graph)), 0
            known = graph
            graph = yield from _worked(scene, graph, now, actions)
        return {agent: actions.get(agent, Action("")) for agent in scene.observations}

    def _planned(self, scene: Scene, lead: str) -> Planned:
        """The lead's first plan, with every agent's own task."""
        graph = JobGraph()
        for _ in range(self.planning):
            graph = yield from _led(scene, lead, graph)
            if graph.jobs:
                break
        for agent in scene.observations:
            graph = operators.discover(graph, agent, _REPLY, owner=agent)
        return graph


def _led(scene: Scene, lead: str, graph: JobGraph) -> Planned:
    """What the lead makes of the graph."""
    reply = (yield {lead: lead_observation(scene.observations, graph)})[lead].text
    for order in orders_of(reply):
        graph = _ordered(graph, order, scene.observations)
    return graph


def _ordered(graph: JobGraph, order: Order, agents: Iterable[str]) -> JobGraph:
    """One order of the lead's."""
    match order.verb:
        case "discover":
            owner = order.name if order.name in agents else None
            return operators.discover(graph, order.name, order.text or _REPLY, order.after, owner)
        case "assign" if order.worker in agents:
            return operators.assign(graph, order.name, order.worker)
        case "release":
            return operators.release(graph, order.name)
        case "close":
            return operators.close(graph, order.name)
        case "verify":
            return operators.verify(graph, order.name)
    return graph


def _worked(scene: Scene, graph: JobGraph, now: int, actions: dict[str, Action]) -> Planned:
    """A round of work: those at a task, and as many idle ones as there are tasks ready for them."""
    asked, taken = {}, set[str]()
    for worker, observation in scene.observations.items():
        held, ready = graph.held(worker), [job for job in graph.ready(worker) if job.id not in taken]
        if held is not None or ready:
            taken |= set() if held is not None else {ready[0].id}
            asked[worker] = worker_observation(observation, graph, held, ready)
    for worker, action in (yield asked).items():
        orders, work = work_of(action.text)
        graph = _worker_ordered(graph, orders, worker, now)
        if graph.held(worker) is None and graph.ready(worker) and not _released(orders):
            graph = operators.claim(graph, graph.ready(worker)[0].id, worker, now)
        held = graph.held(worker)
        if held is not None and (work.strip() or not orders):
            graph = operators.complete(graph, worker, work)
            if held.deliverable:
                actions[worker] = action if work == action.text else Action(work)
    return graph


def _worker_ordered(graph: JobGraph, orders: Iterable[Order], worker: str, now: int) -> JobGraph:
    for order in orders:
        match order.verb:
            case "claim":
                graph = operators.claim(graph, order.name, worker, now)
            case "release":
                graph = operators.release(graph, order.name, worker)
            case "discover":
                graph = operators.discover(graph, order.name, order.text, order.after)
    return graph


def _released(orders: Iterable[Order]) -> bool:
    return any(order.verb == "release" for order in orders)
