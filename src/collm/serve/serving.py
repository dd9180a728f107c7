"""Runs the endpoint until it is told to end; what has begun is finished first."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil

import uvicorn
from starlette.types import ASGIApp

from collm.base.listening import address, bound, hosts_of, is_local
from collm.engines.http.endpoint import AGENT_TOKEN
from collm.errors import CollmError
from collm.protocols.base import PlayProtocol
from collm.serve.app import make_app
from collm.serve.desk import Desk
from collm.serve.limits import Limits
from collm.serve.opening import Served, open_voices
from collm.serve.stages import Stages

TOKEN = "COLLM_TOKEN"
_IDLE_SECONDS = 75
"""Longer than clients keep an idle connection, so that none is asked over just as it closes here."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a server listens.

    Attributes:
        host: the address to bind.
        port: 0 takes a free one.
        names: more names under which clients may ask.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    names: Sequence[str] = ()


def serve(
    served: Served,
    protocol: PlayProtocol,
    endpoints: Mapping[str, str],
    door: Door,
    limits: Limits,
    tell: Callable[[str], None],
) -> None:
    """Serve a team until SIGINT or SIGTERM. Clients must show the token of ``COLLM_TOKEN``, if it is set.

    Args:
        served: what is served.
        protocol: by which the team answers, if a request names no other.
        endpoints: URLs of agents that run elsewhere; they are shown the token of ``COLLM_AGENT_TOKEN``.
        door: where it listens.
        limits: what it bears.
        tell: called with lines for a person.

    Raises:
        CollmError: if the address cannot be had or is open to others without a token, the
            team cannot play by the protocol, or a model cannot be opened.
    """
    token = os.environ.get(TOKEN) or None
    if token is None and not is_local(door.host):
        problem = "whoever reaches this address could use the team."
        raise CollmError(f"--host {door.host}", problem, f"set {TOKEN} to a secret that clients must show.")
    stages = None if served.env is None else Stages(served.env, tuple(served.agents), protocol)
    listening = bound(door.host, door.port)
    try:
        voices = open_voices(served, endpoints, os.environ.get(AGENT_TOKEN) or None, limits.seconds)
        desk = Desk(stages, voices, limits)
        app = make_app(desk, hosts_of(door.host, door.names), token)
        tell(f"serving {', '.join(desk.models)} at {address(listening)}/v1")
        with suppress(KeyboardInterrupt):
            make_server(app, limits.seconds).run(sockets=[listening])
    finally:
        listening.close()


def make_server(app: ASGIApp, seconds: float) -> uvicorn.Server:
    """A server that finishes, when it is told to end, what takes no longer than so many seconds."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=ceil(seconds),
    )
    return uvicorn.Server(config)
