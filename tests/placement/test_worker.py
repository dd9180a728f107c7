from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from collm.placement.worker import Worker, identity


def test_a_worker_is_called_by_its_role() -> None:
    assert repr(Worker("learner a", "collm.placement.grading")) == "learner a"


class Filed:
    """Holds a folder as long as it is held."""

    def __init__(self, where: str) -> None:
        self._folder = TemporaryDirectory(dir=where)
        self.itself = self  # as modules of torch may, it waits for the collector


def test_what_came_as_files_leaves_with_the_host(tmp_path: Path) -> None:
    worker = Worker("learner a", "collm.placement.grading")
    worker.hold(Filed, torch.get_num_threads(), str(tmp_path))
    assert list(tmp_path.iterdir())
    worker.let_go()
    assert not list(tmp_path.iterdir())


def test_machines_differ_by_what_is_not_the_same_on_both() -> None:
    own = identity()
    assert not own.differing(identity())
    other = replace(own, torch="1.0")
    assert own.differing(other) == f"torch 1.0 for {own.torch}"
