from __future__ import annotations

from collections.abc import Callable

import pytest

from collm.errors import CollmError
from collm.placement.base import LostWorkerError
from collm.placement.ray_faults import ray_faults_told

exceptions = pytest.importorskip("ray.exceptions", reason="needs Ray")

LOST: list[tuple[Callable[[], Exception], str]] = [
    (lambda: exceptions.GetTimeoutError("late"), "has not answered for 7 s"),
    (lambda: exceptions.WorkerCrashedError(), "is gone"),
    (lambda: exceptions.NodeDiedError("its node died"), "is gone"),
    (lambda: exceptions.OutOfMemoryError("killed for memory"), "is gone"),
]


@pytest.mark.parametrize(("fault", "said"), LOST, ids=lambda value: getattr(value, "__name__", value))
def test_a_worker_that_is_gone_or_late_is_named(fault: Callable[[], Exception], said: str) -> None:
    with (
        pytest.raises(LostWorkerError, match=f"the worker for learner a {said}"),
        ray_faults_told("learner a", 7),
    ):
        raise fault()


@pytest.mark.parametrize("within", [False, True], ids=["here", "within a worker"])
@pytest.mark.parametrize("kind", ["ObjectStoreFullError", "OutOfDiskError"])
def test_a_full_object_store_is_one_message(kind: str, within: bool) -> None:
    full = getattr(exceptions, kind)("no room")
    fault = exceptions.RayTaskError("take", "its traceback", full) if within else full
    said = "object store is full; engine 1 of a has no room .*--object-store-memory"
    with pytest.raises(CollmError, match=said) as told, ray_faults_told("engine 1 of a", 7):
        raise fault
    assert not isinstance(told.value, LostWorkerError)


def test_what_a_worker_itself_refused_is_told_as_it_said_it() -> None:
    refused = CollmError("agents.a", "its model burned.", "fetch another.")
    with pytest.raises(CollmError, match="its model burned") as told, ray_faults_told("learner a", 7):
        raise exceptions.RayTaskError("hold", "its traceback", refused)
    assert told.value is refused
