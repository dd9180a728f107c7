"""Joins a Ray cluster, or starts one on this machine, and says what there is of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from collm.config.placement import RayPlacement, Share
from collm.data.rows import optional_module
from collm.errors import CollmError
from collm.placement.ray_faults import first_line

_ATTEMPTS = 5
_MEND = "start one with ray start --head there, or leave placement.address out to start one here."


def join(config: RayPlacement, shares: Iterable[Share]) -> bool:
    """Connect to the cluster; whether :func:`leave` should end the connection.

    Args:
        config: says where it is.
        shares: of all workers; a cluster of our own gets as much as they take.

    Raises:
        AbsentError: if Ray is not installed.
        CollmError: if there is no cluster at the address, or it has too little.
    """
    ray = optional_module("ray", "placement.type", "ray")
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, config, list(shares))
    _check_room(ray, needs(shares))
    return ours


def needs(shares: Iterable[Share]) -> dict[str, float]:
    """What some workers take together, as Ray names it."""
    total: dict[str, float] = {}
    for share in shares:
        for name, amount in {"CPU": share.cpus, "GPU": share.gpus, **share.resources}.items():
            if amount:
                total[name] = total.get(name, 0.0) + amount
    return total


def _connect(ray: Any, config: RayPlacement, shares: list[Share]) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if config.address is None:
        cpus = needs(shares).get("CPU", 0.0)
        options |= {"num_cpus": max(os.cpu_count() or 1, -int(-cpus // 1)), "include_dashboard": False}
        options["address"] = "local"  # without it Ray joins whatever cluster it finds on this machine
    else:
        _check_reachable(config.address)
        options["address"] = config.address
    try:
        _started(ray, options)
    except Exception as error:  # Ray raises it bare when a node does not start
        problem = f"no Ray cluster at {config.address or 'this machine'} ({first_line(error)})."
        raise CollmError("placement.address", problem, _MEND) from None


def _started(ray: Any, options: Mapping[str, Any]) -> None:
    """Connect; a node of our own has half a minute to start each time, which a busy machine may not keep."""
    for attempt in range(_ATTEMPTS):
        try:
            ray.init(**options)
            return
        except Exception as error:
            ray.shutdown()
            if attempt + 1 == _ATTEMPTS or "timed out" not in str(error):
                raise


def _check_reachable(address: str) -> None:
    """Ray itself would try for most of a minute."""
    host, _, port = address.partition(":")
    if not port:
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        problem = f"no Ray cluster answers at {address} ({error})."
        raise CollmError("placement.address", problem, _MEND) from None


def _check_room(ray: Any, wanted: Mapping[str, float]) -> None:
    there = ray.cluster_resources()
    for name, amount in wanted.items():
        if amount > there.get(name, 0.0):
            problem = f"its workers take {amount:g} {name}, and the cluster has {there.get(name, 0.0):g}."
            mend = "add nodes, ask for fewer replicas or workers, or let each take a fraction."
            raise CollmError("placement", problem, mend)
