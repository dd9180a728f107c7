"""A real ``vllm serve``: adapters by file, full weights by file, and agents that only play there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from collm.agents.config import AgentConfig
from collm.agents.elsewhere import Elsewhere
from collm.agents.policy import Request
from collm.base.validation import validated
from collm.engines.base import Prompt
from collm.models.backbone import Backbones
from collm.types import History, Observation
from tests.vllm.conftest import Open
from tests.vllm.test_drawing import LONG, assert_own, draw, step

PATIENCE = 900
"""Seconds for a server to start on a busy machine."""


@dataclass(frozen=True)
class Server:
    """A server that has started."""

    url: str
    folder: Path


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/models", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def server(wide: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("shared")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    settings = {
        "--port": port,
        "--host": "127.0.0.1",
        "--dtype": "float32",
        "--max-model-len": 600,
        "--logprobs-mode": "processed_logprobs",
        "--max-lora-rank": 8,
        "--max-loras": 3,
        "--worker-extension-cls": "collm.engines.vllm.worker.WeightsFromFile",
        "--generation-config": "vllm",
    }
    words = [str(word) for pair in settings.items() for word in pair]
    flags = ["--enforce-eager", "--enable-lora", "--no-enable-chunked-prefill"]
    steering = {"VLLM_SERVER_DEV_MODE": "1", "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}
    command = [str(Path(sys.executable).parent / "vllm"), "serve", str(wide), *words, *flags]
    log = folder / "log"
    with log.open("w") as told:
        started = subprocess.Popen(
            command, env={**os.environ, **steering}, stdout=told, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}/v1"
    try:
        began = time.monotonic()
        while not answers(url):
            assert started.poll() is None, log.read_text()[-4000:]
            assert time.monotonic() - began < PATIENCE, log.read_text()[-4000:]
            time.sleep(1)
        yield Server(url, folder)
    finally:
        started.terminate()
        started.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def engine(server: Server) -> dict[str, object]:
    return {"type": "vllm", "url": server.url, "sync_folder": str(server.folder), "seconds": PATIENCE}


def test_adapters_reach_a_server_by_file(open_agent: Open, server: Server) -> None:
    bases = Backbones()
    settings = {"adapter": {"r": 4}, "engine": engine(server)}
    one, other = (open_agent(bases, name, **settings) for name in ("one", "other"))
    for _ in range(2):
        ((first,),), ((second,),) = (draw(agent, Prompt(LONG, (5,))) for agent in (one, other))
        assert_own(one, LONG, first)
        assert_own(other, LONG, second)
        step(one, LONG, first)
    assert draw(one, Prompt((10, 20), (1, 2))) == draw(one, Prompt((10, 20), (1, 2)))


def test_a_server_plays_with_token_ids_and_with_messages(wide: Path, server: Server) -> None:
    request = Request(History(), Observation("Say something."), (1, 2))
    actions = {}
    for prompts in ("ids", "text"):
        kind = {"type": "http", "url": server.url, "prompts": prompts, "seconds": PATIENCE}
        config = validated(AgentConfig, {"model": str(wide), "sampling": {"max_tokens": 8}, "engine": kind})
        agent = Elsewhere(config, "one")
        agent.check_reads([request.observation], "the task")
        ((first, second),) = agent.policy.submit([request], False, False).result()
        assert first.text != second.text
        actions[prompts] = first
    assert len(actions["ids"].token_ids) == len(actions["ids"].token_logprobs) > 0
    said = actions["text"].text  # one template, one seed; a character cut short at the end is left out
    assert said
    assert actions["ids"].text.startswith(said)


def test_full_weights_reach_a_server_by_file(open_agent: Open, server: Server) -> None:
    """Last, since it changes the base of all that the server has."""
    agent = open_agent(engine=engine(server))
    for _ in range(2):
        ((drawn,),) = draw(agent, Prompt(LONG, (5,)))
        assert_own(agent, LONG, drawn)
        step(agent, LONG, drawn)
    ((after,),) = draw(agent, Prompt(LONG, (5,)))
    assert after.version == 2
    assert_own(agent, LONG, after)
