from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
import torch

from collm.agents.config import AgentConfig
from collm.agents.learner import Sample, Step
from collm.algorithms.magrpo import MAGRPO
from collm.base.validation import validated
from collm.placement.base import LostWorkerError
from collm.placement.hosts import LearnerHost, Opening
from collm.placement.joint import Membership, PeerHost
from collm.placement.travelling import Travelling
from tests.processes import HOST, SECONDS


class Failing:
    """Learners that fail as torch does."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def update(self, name: str) -> Any:
        raise self.error


def host(error: Exception) -> PeerHost:
    made = PeerHost()
    made._member = Membership("learner a", 0, 2, sharded=False, seconds=1.0)
    made._learners = Failing(error)  # type: ignore[assignment]
    return made


def test_a_broken_connection_to_a_peer_is_a_lost_worker() -> None:
    broken = RuntimeError("[third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [::1]")
    with pytest.raises(LostWorkerError, match=r"learner a cannot reach one that it learns with .*closed by"):
        host(broken).update("a")


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ValueError("gloo")])
def test_any_other_fault_is_its_own(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        host(error).update("a")


class Peer:
    """A process that holds :class:`PeerHost`; questions are answered in order."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_answer, args=(theirs,), daemon=True)
        self.process.start()

    def ask(self, method: str, *args: Any) -> None:
        self._pipe.send_bytes(cloudpickle.dumps((method, *args)))

    def answer(self) -> Any:
        assert self._pipe.poll(SECONDS)
        found = self._pipe.recv()
        if isinstance(found, Exception):
            raise found
        return found


def _answer(pipe: Connection) -> None:
    torch.set_num_threads(1)
    host = PeerHost()
    while True:
        method, *args = pickle.loads(pipe.recv_bytes())
        try:
            pipe.send(getattr(host, method)(*args))
        except Exception as error:
            pipe.send(error)


@contextmanager
def two() -> Iterator[list[Peer]]:
    peers = [Peer(), Peer()]
    try:
        yield peers
    finally:
        for one in peers:
            one.process.kill()
            one.process.join()


def both(peers: list[Peer], method: str, *args: Any) -> list[Any]:
    for one in peers:
        one.ask(method, *args)
    return [one.answer() for one in peers]


def test_two_hosts_answer_as_one_and_tell_when_the_other_is_killed(qwen3: Path) -> None:
    config = validated(AgentConfig, {"model": str(qwen3), "device": "cpu"}, "agent")
    opening = Opening({"a": Travelling.of(config, None)}, seed=0)
    samples = (Sample((3, 4, 5), (6, 7), None, 1.0), Sample((8, 9), (10,), None, -1.0))
    step = Step(samples, MAGRPO().policy_losses, False, 0, 4)
    alone = LearnerHost(opening)
    expected, version = alone.update("a", step)
    with two() as peers:
        peers[0].ask("invite", HOST, SECONDS)
        address = peers[0].answer()
        for number, one in enumerate(peers):
            one.ask("join", opening, address, Membership("learner a", number, 2, True, SECONDS))
        assert [one.answer() for one in peers] == [None, None]
        first, second = both(peers, "update", "a", step)
        assert first == second
        assert first == (pytest.approx(expected, rel=1e-5, abs=1e-6), version)
        sent, nothing = both(peers, "weights", "a")
        assert nothing == []
        assert [len(one) for one in sent] == [len(one) for one in alone.weights("a")]
        written, nothing = both(peers, "save_optimizer", "a", "agent-a.pt")
        assert (bool(written), nothing) == (True, b"")
        assert both(peers, "load_optimizer", "a", written) == [version, version]
        assert "model.safetensors" in both(peers, "save", "a")[0].files
        peers[1].process.kill()
        peers[0].ask("update", "a", step)
        with pytest.raises(LostWorkerError, match="learner a cannot reach one that it learns with"):
            peers[0].answer()
