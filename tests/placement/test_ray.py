"""Runs on a real cluster: three nodes on this machine."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.config.placement import RayPlacement, Share
from collm.errors import CollmError
from collm.placement.ray_cluster import join
from collm.placement.ray_place import RayCrew
from collm.placement.ray_seats import RaySeat
from collm.placement.worker import identity
from collm.training.display import Callback, Silent
from collm.training.run import train
from tests.placement.runs import assert_close_results, assert_same_results, of_one_policy
from tests.tiny_runs import Recipe

pytestmark = pytest.mark.ray

ROWS = {"*": {"batch_rows": 3}}


def on(address: str | None, **settings: Any) -> dict[str, Any]:
    return {"type": "ray", "address": address, "call_seconds": 240, **settings}


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_a_run_on_ray_is_the_run_here_bit_for_bit(address: str, recipe: Recipe, tmp_path: Path) -> None:
    placement = on(address, engines={"replicas": 2}, graders={"workers": 2})
    train(recipe(agents=ROWS, placement=placement), tmp_path / "there", Silent())
    train(recipe(agents=ROWS), tmp_path / "here", Silent())
    assert_same_results(tmp_path / "there", tmp_path / "here")


@pytest.fixture(scope="module")
def here(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "here"
    train(of_one_policy(recipe), out, Silent())
    return out


def test_a_run_goes_on_from_here_to_ray_and_back(
    address: str, recipe: Recipe, here: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    for updates, placement in ((2, {"type": "local"}), (4, on(address)), (None, {"type": "local"})):
        sections = {"placement": placement, "training": {"max_updates": updates}}
        train(of_one_policy(recipe, **sections), out, Silent(), resume=updates != 2)
    assert_same_results(out, here)


@pytest.mark.parametrize("several", [False, True], ids=["parallel", "sharded"])
def test_a_run_goes_on_with_learners_of_two_workers_and_back(
    address: str, recipe: Recipe, here: Path, tmp_path: Path, several: bool
) -> None:
    out, joint = tmp_path / "run", on(address, learners={"workers": 2, "sharded": several})
    for updates, placement in ((2, {"type": "local"}), (4, joint), (None, {"type": "local"})):
        sections = {"placement": placement, "training": {"max_updates": updates}}
        train(of_one_policy(recipe, **sections), out, Silent(), resume=updates != 2)
    assert_close_results(out, here)


class Wounding(Callback):
    """Sends a signal to a worker after the first update; keeps what a person is told."""

    def __init__(self, role: str, number: signal.Signals) -> None:
        self._role, self._signal, self.notes = role, number, list[str]()

    def note(self, line: str) -> None:
        self.notes.append(line)

    def updated(self, metrics: Any) -> None:
        if metrics["update"] == 3 and not any("Going on" in note for note in self.notes):
            os.kill(workers()[self._role], self._signal)


def workers() -> dict[str, int]:
    """The processes of the running crew, by role."""
    import gc

    (crew,) = [one for one in gc.get_objects() if isinstance(one, RayCrew) and one._seats]
    return crew.processes()


def test_a_hung_worker_is_noticed_and_replaced(
    address: str, recipe: Recipe, here: Path, tmp_path: Path
) -> None:
    display = Wounding("engine 1 of a", signal.SIGSTOP)
    placement = on(address, call_seconds=10, restarts=20)
    train(of_one_policy(recipe, placement=placement), tmp_path / "run", display)
    told, *_ = [note for note in display.notes if "Going on" in note]  # a busy machine may seem to hang again
    assert "engine 1 of a has not answered for 10 s" in told
    assert told.endswith("Going on from the checkpoint update-000002.")
    assert_same_results(tmp_path / "run", here)


def test_a_learner_that_lost_one_of_its_workers_gets_new_ones(
    address: str, recipe: Recipe, here: Path, tmp_path: Path
) -> None:
    display = Wounding("learner 2 of a", signal.SIGKILL)
    placement = on(address, learners={"workers": 2}, restarts=20)
    train(of_one_policy(recipe, placement=placement), tmp_path / "run", display)
    assert any("learner" in note and "Going on" in note for note in display.notes)
    assert_close_results(tmp_path / "run", here)


def test_without_restarts_a_lost_worker_ends_the_run_with_one_message(
    address: str, recipe: Recipe, here: Path, tmp_path: Path
) -> None:
    display, out = Wounding("learner a", signal.SIGKILL), tmp_path / "run"
    with pytest.raises(CollmError, match=r"learner a is gone .*go on with --resume"):
        train(of_one_policy(recipe, placement=on(address, restarts=0)), out, display)
    train(of_one_policy(recipe), out, Silent(), resume=True)
    assert_same_results(out, here)


def test_an_address_without_a_cluster_is_one_message(recipe: Recipe, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(CollmError, match=f"placement.address: no Ray cluster answers at {nowhere}"):
        train(recipe(placement=on(nowhere)), tmp_path / "run", Silent())
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_more_than_the_cluster_has_is_refused(address: str, recipe: Recipe, tmp_path: Path) -> None:
    placement = on(address, learners={"gpus": 8})
    with pytest.raises(CollmError, match="take 16 GPU, and the cluster has 0"):
        train(recipe(placement=placement), tmp_path / "run", Silent())


def test_a_worker_with_another_version_of_the_package_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    newer = replace(identity(), collm="9.9 (0123456789ab)")
    monkeypatch.setattr("collm.placement.ray_seats.identity", lambda: newer)
    join(RayPlacement(address=address), [])
    try:
        seat = RaySeat("learner a", Share(), 240, "collm.placement.grading")
        with pytest.raises(CollmError, match=r"learner a has collm .* for 9\.9 .*install the same versions"):
            seat.check_identity()
    finally:
        ray.shutdown()
