from __future__ import annotations

from typing import Any

import pytest

from collm.placement.base import LostWorkerError
from collm.placement.joint import Membership, PeerHost


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
    with pytest.raises(LostWorkerError, match="learner a cannot reach one that it learns with .*closed by"):
        host(broken).update("a")


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ValueError("gloo")])
def test_any_other_fault_is_its_own(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        host(error).update("a")
