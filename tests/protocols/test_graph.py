from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collm.protocols.graph import (
    JobGraph,
    assign,
    claim,
    close,
    complete,
    discover,
    expire,
    release,
    verify,
)

NAMES, WORKERS = ["one", "two", "three", "check_one"], ["w", "v"]


def graph_of(*names: str) -> JobGraph:
    """A chain: each task after the one before."""
    graph = JobGraph()
    for before, name in zip(("", *names), names, strict=False):
        graph = discover(graph, name, f"do {name}", [before])
    return graph


def status(graph: JobGraph) -> dict[str, str]:
    return {name: job.status for name, job in graph.jobs.items()}


def ready(graph: JobGraph, worker: str) -> list[str]:
    return [job.id for job in graph.ready(worker)]


def test_a_task_waits_for_those_it_comes_after_and_unknown_ones_are_dropped() -> None:
    graph = discover(graph_of("one", "two"), "three", "", ["nowhere", "one", "one"])
    assert graph.jobs["three"].after == ("one",)
    assert ready(graph, "w") == ["one"]
    graph = complete(claim(graph, "one", "w", 0), "w", "done it")
    assert ready(graph, "w") == ["two", "three"]
    assert graph.jobs["one"].result == "done it"


def test_a_name_is_discovered_once() -> None:
    graph = graph_of("one")
    assert discover(graph, "one", "something else") is graph


def test_an_assigned_task_is_for_its_owner_alone_and_comes_first() -> None:
    graph = discover(graph_of("one"), "two", "")
    graph = assign(graph, "two", "w")
    assert (ready(graph, "w"), ready(graph, "v")) == (["two", "one"], ["one"])
    assert claim(graph, "two", "v", 0) is graph
    assert assign(graph, "two", "v") is graph


def test_assigning_does_not_look_at_dependencies_and_claiming_does() -> None:
    graph = assign(graph_of("one", "two"), "two", "w")
    assert status(graph)["two"] == "assigned"
    assert claim(graph, "two", "w", 0) is graph


def test_a_worker_is_at_one_task_at_a_time() -> None:
    graph = claim(discover(graph_of("one"), "two", ""), "one", "w", 0)
    assert claim(graph, "two", "w", 0) is graph
    assert claim(graph, "one", "v", 0) is graph
    assert complete(graph, "v", "not mine") is graph


def test_a_released_task_is_anybodys_but_a_deliverable_stays_its_owners() -> None:
    graph = claim(graph_of("one"), "one", "w", 0)
    assert release(graph, "one", "v") is graph
    assert ready(release(graph, "one", "w"), "v") == ["one"]
    own = claim(discover(JobGraph(), "w", "", owner="w"), "w", "w", 0)
    assert (ready(release(own, "w"), "w"), ready(release(own, "w"), "v")) == (["w"], [])


def test_closing_is_not_for_deliverables() -> None:
    graph = discover(graph_of("one", "two"), "w", "", owner="w")
    assert ready(close(graph, "one"), "v") == ["two"]
    assert close(graph, "w") is graph


def test_what_waits_for_a_verified_task_waits_for_the_check_too() -> None:
    graph = verify(graph_of("one", "two"), "one")
    assert graph.jobs["check_one"].after == ("one",)
    assert graph.jobs["two"].after == ("one", "check_one")
    assert verify(graph, "one") is graph
    graph = complete(claim(graph, "one", "w", 0), "w", "")
    assert ready(graph, "w") == ["check_one"]


def test_a_task_is_taken_from_an_owner_who_is_at_it_too_long() -> None:
    graph = claim(graph_of("one"), "one", "w", 2)
    assert expire(graph, 5, patience=3) is graph
    assert ready(expire(graph, 6, patience=3), "v") == ["one"]


OPERATORS = st.one_of(
    st.tuples(st.just(discover), st.sampled_from(NAMES), st.just(""), st.lists(st.sampled_from(NAMES))),
    st.tuples(st.just(assign), st.sampled_from(NAMES), st.sampled_from(WORKERS)),
    st.tuples(st.just(claim), st.sampled_from(NAMES), st.sampled_from(WORKERS), st.integers(0, 9)),
    st.tuples(st.just(complete), st.sampled_from(WORKERS), st.just("x")),
    st.tuples(st.just(release), st.sampled_from(NAMES)),
    st.tuples(st.just(close), st.sampled_from(NAMES)),
    st.tuples(st.just(verify), st.sampled_from(NAMES)),
)


@given(st.lists(OPERATORS, max_size=30))
def test_whatever_is_ordered_somebody_can_always_go_on(orders: list[tuple[object, ...]]) -> None:
    graph = JobGraph()
    for operator, *arguments in orders:
        graph = operator(graph, *arguments)  # type: ignore[operator]
    assert all(set(job.after) <= graph.jobs.keys() - {job.id} for job in graph.jobs.values())
    assert graph.done or any(graph.held(worker) or graph.ready(worker) for worker in WORKERS)
