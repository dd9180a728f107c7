"""Ray clusters of three nodes on one machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

STORE = 80 * 2**20
"""Bytes of a node's object store, about the least that Ray takes."""

_ATTEMPTS = 5


CPUS = 6
"""Logical ones of a node."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Three nodes for all tests."""
    with three_nodes() as nodes:
        yield nodes


@pytest.fixture
def address(cluster: Any) -> str:
    """Of the three nodes."""
    return str(cluster.address)


@contextmanager
def three_nodes() -> Iterator[Any]:
    """A head and two more nodes."""
    import ray
    from ray.cluster_utils import Cluster

    os.environ["RAY_prestart_worker_first_driver"] = "0"  # noqa: SIM112
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    cluster = Cluster()
    try:
        for _ in range(3):
            add_node(cluster)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def add_node(cluster: Any) -> Any:
    """One more node; a busy machine may take more than Ray's half minute to start it."""
    for attempt in range(_ATTEMPTS):
        try:
            return cluster.add_node(
                num_cpus=CPUS, object_store_memory=STORE, include_dashboard=False, **_agents()
            )
        except Exception as error:
            if attempt + 1 == _ATTEMPTS or "timed out" not in str(error):
                raise
    raise AssertionError


def _agents() -> dict[str, int]:
    """Ports of a node's helpers: a node need not wait for those that it is told."""
    names = (
        "metrics_agent_port",
        "metrics_export_port",
        "dashboard_agent_listen_port",
        "runtime_env_agent_port",
    )
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in names]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in zip(names, sockets, strict=True)}
