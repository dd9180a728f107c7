"""``collm serve``: a trained team behind an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from collm.cli.arguments import Overrides, Protocol, split_off
from collm.cli.notes import tell_notices, warn
from collm.errors import AbsentError, CollmError


def serve(
    folder: Annotated[
        str, typer.Argument(help="A run, one of its checkpoints, or a recipe (the untrained team).")
    ],
    overrides: Overrides = None,
    protocol: Protocol = "parallel",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    name: Annotated[list[str] | None, typer.Option(help="Another host name under which to be asked.")] = None,
    agent: Annotated[
        list[str] | None, typer.Option(help="NAME=URL: an agent that runs behind another endpoint.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Serve this agent, and no team.")] = None,
    limit: Annotated[int, typer.Option(help="Requests answered at the same time.", min=1)] = 64,
    timeout: Annotated[float, typer.Option(help="Seconds for one answer.", min=1)] = 120.0,
    conversations: Annotated[int, typer.Option(help="Conversations to remember.", min=1)] = 256,
) -> None:
    """Put a team behind an OpenAI-style endpoint; COLLM_TOKEN holds the key, if there is one."""
    from collm.base.quiet import quiet_libraries, spare_absent_hub

    quiet_libraries()  # before they are imported
    spare_absent_hub()
    try:
        from collm.serve.limits import Limits
        from collm.serve.opening import find_served
        from collm.serve.serving import Door
        from collm.serve.serving import serve as run
    except ModuleNotFoundError as error:
        problem = f"the package {error.name} is not installed."
        raise AbsentError("collm serve", problem, "pip install 'collm[serve]'.") from None
    from collm.config.naming import named_after

    endpoints = _endpoints(agent or [])
    playing, others = split_off(protocol, overrides or [])
    if only and protocol != "parallel":
        problem = "agents that are served alone play nothing."
        raise CollmError(f"--protocol {protocol}", problem, "leave it out, or --only.")
    served = find_served(folder, others, only or [], warn)
    if served.env is not None:
        tell_notices(served.env.env)
    limits = Limits(requests=limit, seconds=timeout, conversations=conversations)
    with named_after(folder):
        run(served, playing, endpoints, Door(host, port, name or []), limits, typer.echo)


def _endpoints(pairs: Sequence[str]) -> dict[str, str]:
    """URLs by agent."""
    endpoints = {}
    for one in pairs:
        agent, _, url = one.partition("=")
        if not url.startswith(("http://", "https://")):
            mend = "write it as NAME=http://host:port/v1."
            raise CollmError(f"--agent {one}", "this names no agent and its URL.", mend)
        endpoints[agent] = url
    return endpoints
