"""Writes a ``compose.yaml`` that starts one service an agent, and the team in front of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collm.base.yaml_text import to_yaml

FRONT = "team"
PORT = 8000
_RUN = "/srv/run"
_SECRET = "${COLLM_TOKEN:?set it to a secret that clients must show}"
_HEALTH = f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{PORT}/health', timeout=10)"


def compose(agents: Sequence[str], run: Path, folder: Path) -> str:
    """The file's text. Only the front can be reached from outside, from this machine alone.

    Args:
        agents: by whose names the services go.
        run: the run or the checkpoint, which every service reads.
        folder: where the file is going to lie.
    """
    mount = Path(os.path.relpath(run.resolve(), folder.resolve())).as_posix()
    volume = f"{mount if mount.startswith('.') else f'./{mount}'}:{_RUN}:ro"
    services = {_host(name): _service(_host(name), ["--only", name], volume) for name in agents}
    endpoints = [part for name in agents for part in ("--agent", f"{name}=http://{_host(name)}:{PORT}/v1")]
    front = _service(FRONT, endpoints, volume, {"COLLM_AGENT_TOKEN": _SECRET})
    front["ports"] = [f"127.0.0.1:{PORT}:{PORT}"]
    front["depends_on"] = {host: {"condition": "service_healthy"} for host in services}
    return to_yaml({"services": {**services, FRONT: front}})


def _host(agent: str) -> str:
    """The service's name, which is its host's too."""
    return f"agent-{agent}"


def _service(
    name: str, options: Sequence[str], volume: str, secrets: Mapping[str, str] | None = None
) -> dict[str, Any]:
    where = ["--host", "0.0.0.0", "--port", str(PORT), "--name", name]
    return {
        "image": "${COLLM_IMAGE:-collm}",
        "command": ["collm", "serve", _RUN, *options, *where],
        "environment": {"COLLM_TOKEN": _SECRET, "HF_HUB_OFFLINE": "1", **(secrets or {})},
        "volumes": [volume],
        "restart": "unless-stopped",
        "stop_grace_period": "2m",
        "healthcheck": {
            "test": ["CMD", "python", "-c", _HEALTH],
            "interval": "15s",
            "timeout": "15s",
            "start_period": "2m",
        },
    }
