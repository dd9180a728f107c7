"""Real servers on this machine, and agents that need no model."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import openai

from collm.base.listening import address, bound, hosts_of
from collm.protocols.base import PlayProtocol
from collm.serve.app import make_app
from collm.serve.desk import Desk
from collm.serve.limits import Limits
from collm.serve.opening import Served
from collm.serve.serving import make_server
from collm.serve.stages import Stages
from collm.serve.voice import Draw, Messages, Reply, Tell
from collm.types import Action, History, Observation

KEY = "a-key"
HOUSE = json.dumps(
    {
        "task_id": "small",
        "inventory": {"A": "planks", "B": "air"},
        "target_spec": {"layers": [{"y": 0, "rows": ["AA", "AB"]}]},
    }
)


@dataclass
class Echo:
    """An agent that repeats what it read last, word by word; it remembers who left before the end."""

    pause: float = 0.0
    left: int = 0
    histories: list[History] = field(default_factory=list)

    async def act(self, history: History, observation: Observation, draw: Draw, tell: Tell) -> Reply:
        self.histories.append(history)
        return await self._say(observation.text, tell)

    async def chat(self, messages: Messages, draw: Draw, tell: Tell) -> Reply:
        return await self._say(messages[-1]["content"], tell)

    async def go_on(self, text: str, draw: Draw, tell: Tell) -> Reply:
        return await self._say(text, tell)

    async def check(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def _say(self, text: str, tell: Tell) -> Reply:
        words = text.split()
        try:
            for number, word in enumerate(words):
                await asyncio.sleep(self.pause)
                tell(word if number == 0 else f" {word}")
        except asyncio.CancelledError:
            self.left += 1
            raise
        return Reply(Action(" ".join(words)), len(words), len(words))


@dataclass(frozen=True)
class Running:
    """A server that listens at ``url``."""

    url: str
    desk: Desk

    def client(self, key: str = KEY) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=300)

    def many(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=self.url, api_key=KEY, max_retries=0, timeout=300)


@contextmanager
def running(desk: Desk, port: int = 0, token: str | None = None) -> Iterator[Running]:
    """Serve from a thread until the block ends; then whoever is still answered is cut off."""
    listening = bound("127.0.0.1", port)
    app = make_app(desk, hosts_of("127.0.0.1", ["testing"]), token)
    server = make_server(app, 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield Running(f"{address(listening)}/v1", desk)
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()


def stages(served: Served, protocol: PlayProtocol | None = None) -> Stages:
    """What the team plays."""
    assert served.env is not None
    return Stages(served.env, tuple(served.agents), protocol)


def agents_alone(names: Sequence[str], voice: Echo, limits: Limits | None = None) -> Desk:
    """A desk without an environment, at which one voice speaks for all agents."""
    return Desk(None, dict.fromkeys(names, voice), limits or Limits())


def serve_echo(port: int, name: str, pause: float) -> None:
    """Serve one agent that repeats what it reads, until the process is ended."""
    listening = bound("127.0.0.1", port)
    app = make_app(agents_alone([name], Echo(pause), Limits(requests=128)), hosts_of("127.0.0.1", []), None)
    print(address(listening), flush=True)
    make_server(app, 0).run(sockets=[listening])
