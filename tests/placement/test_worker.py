from __future__ import annotations

from dataclasses import replace

from collm.placement.worker import Worker, identity


def test_a_worker_is_called_by_its_role() -> None:
    assert repr(Worker("learner a", "collm.placement.grading")) == "learner a"


def test_machines_differ_by_what_is_not_the_same_on_both() -> None:
    own = identity()
    assert not own.differing(identity())
    other = replace(own, torch="1.0")
    assert own.differing(other) == f"torch 1.0 for {own.torch}"
