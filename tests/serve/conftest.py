"""The tiny team of the demo behind a real server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock

import pytest

from collm.agents.agent import Agent
from collm.agents.team import load_agents
from collm.serve.desk import Desk
from collm.serve.limits import Limits
from collm.serve.local import Local
from collm.serve.opening import Served, find_served
from tests.serve.servers import Running, running, stages


@pytest.fixture(scope="session")
def served() -> Served:
    return find_served("demo", ["env.num_turns=2", "agents.*.sampling.max_tokens=24"])


@pytest.fixture(scope="session")
def team(served: Served) -> Mapping[str, Agent]:
    return load_agents(served.agents)


@pytest.fixture(scope="session")
def demo(served: Served, team: Mapping[str, Agent]) -> Iterator[Running]:
    """The demo team, whose agents run in this process."""
    voices = {name: Local(agent, Lock()) for name, agent in team.items()}
    with running(Desk(stages(served), voices, Limits(requests=128, seconds=600))) as server:
        yield server
