"""Agents behind endpoints of their own: they may die, come back, and answer wrongly."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from httpx2 import Client

from collm.agents.agent import Agent
from collm.serve.desk import Desk
from collm.serve.limits import Limits
from collm.serve.opening import Served, open_voices
from collm.serve.remote import Remote
from collm.serve.voice import Voice
from collm.types import Action, History, Observation
from tests.serve.servers import HOUSE, Echo, Running, agents_alone, running, stages
from tests.serve.test_app import said

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def remote(served: Served, agent: str, url: str) -> Remote:
    return Remote(agent, served.agents[agent], url, None, 60)


@contextmanager
def front(served: Served, url: str) -> Iterator[Running]:
    """The team with one agent here and one behind a URL."""
    voices: dict[str, Voice] = {"player_1": Echo(), "player_2": remote(served, "player_2", url)}
    with running(Desk(stages(served), voices, Limits(requests=128))) as server:
        yield server


def health(server: Running) -> tuple[int, Any]:
    with Client() as client:
        answer = client.get(server.url.replace("/v1", "/health"))
    return answer.status_code, answer.json()


def test_a_team_of_endpoints_says_what_the_team_in_one_process_says(demo: Running, served: Served) -> None:
    endpoints = dict.fromkeys(served.agents, demo.url)
    voices = open_voices(served, endpoints, None, 60)
    ask: dict[str, Any] = {"model": "team", "messages": said(HOUSE), "temperature": 0}
    with running(Desk(stages(served), voices, Limits())) as server:
        far = server.client().chat.completions.create(**ask)
        pieces = server.client().chat.completions.create(
            model="team/player_1", messages=said("hello"), temperature=0, stream=True
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in pieces)
    near = demo.client().chat.completions.create(**ask)
    assert far.choices[0].message.content == near.choices[0].message.content
    assert far.usage is not None
    assert far.usage.completion_tokens > 0
    direct = demo.client().chat.completions.create(
        model="team/player_1", messages=said("hello"), temperature=0
    )
    assert text == direct.choices[0].message.content


def test_a_dead_agent_is_named_and_found_again(served: Served) -> None:
    port = free_port()
    with front(served, f"http://127.0.0.1:{port}/v1") as server:
        ask = server.client().chat.completions.create
        with pytest.raises(openai.InternalServerError, match="player_2") as caught:
            ask(model="team", messages=said(HOUSE))
        assert (caught.value.status_code, caught.value.code) == (503, "agent_unavailable")
        status, told = health(server)
        assert (status, told["status"], told["agents"]["player_1"]) == (503, "degraded", "ok")
        assert ask(model="team/player_1", messages=said("a")).choices[0].message.content == "a"
        with running(agents_alone(["player_2"], Echo()), port):
            assert ask(model="team", messages=said(HOUSE)).choices[0].message.content is not None
            assert health(server)[0] == 200
        with pytest.raises(openai.APIError, match="player_2"):
            list(ask(model="team", messages=said(HOUSE), stream=True))


@contextmanager
def process(code: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that has said that it is ready."""
    started = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout is not None
        assert "127.0.0.1" in started.stdout.readline()
        yield started
    finally:
        started.kill()
        started.wait()


def echo_process(port: int, pause: float) -> str:
    return f"from tests.serve.servers import serve_echo\nserve_echo({port}, 'player_2', {pause})"


def test_an_agent_that_is_killed_leaves_no_client_waiting(served: Served) -> None:
    port, texts = free_port(), [f"word{number} " * 40 for number in range(50)]

    async def ask(client: openai.AsyncOpenAI, text: str) -> str:
        stream = await client.chat.completions.create(model="team/player_2", messages=said(text), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def crowd(server: Running, agent: subprocess.Popen[str]) -> Sequence[str | BaseException]:
        async with server.many() as client, asyncio.timeout(300):
            early = asyncio.gather(*(ask(client, text.split()[0]) for text in texts))
            done = await early
            late = asyncio.gather(*(ask(client, text) for text in texts), return_exceptions=True)
            await asyncio.sleep(0.5)
            agent.kill()
            return [*done, *await late]

    with front(served, f"http://127.0.0.1:{port}/v1") as server, process(echo_process(port, 0.1)) as agent:
        answers = asyncio.run(crowd(server, agent))
        assert answers[:50] == [text.split()[0] for text in texts]
        assert all(isinstance(one, openai.APIError) and "player_2" in one.message for one in answers[50:])
        assert server.client().chat.completions.create(model="team/player_1", messages=said("a")).choices


def test_a_server_that_is_told_to_end_finishes_what_it_has_begun() -> None:
    command = "'serve', 'demo', '--port', '0', 'env.num_turns=1'"
    with running(agents_alone(["player_1", "player_2"], Echo(pause=0.1))) as agents:
        ends = "".join(f", '--agent', '{name}={agents.url}'" for name in ("player_1", "player_2"))
        code = f"import sys\nfrom collm.cli.app import main\nsys.argv = ['collm', {command}{ends}]\n"
        check = "sys.modules['torch'] = None  # a front of endpoints alone does without\nmain()"
        with subprocess.Popen(
            [sys.executable, "-u", "-c", code + check], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            client = openai.OpenAI(base_url=url, api_key="x", max_retries=0, timeout=300)
            words = "word " * 20
            stream = iter(
                client.chat.completions.create(model="team/player_1", messages=said(words), stream=True)
            )
            pieces = [next(stream).choices[0].delta.content or "" for _ in range(3)]
            server.send_signal(signal.SIGTERM)
            pieces += [chunk.choices[0].delta.content or "" for chunk in stream]
            assert "".join(pieces) == words.strip()
            assert server.wait(60) in (0, -signal.SIGTERM)
        with pytest.raises(openai.APIConnectionError):
            client.models.list()


class Answering:
    """An endpoint that sends the same bytes to everybody, and then hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            client, _ = self._listening.accept()
            with client:
                time.sleep(0.05)
                client.recv(100_000)
                client.sendall(self._answer)


def http(body: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", 503),
        (b"nonsense\r\n\r\n", 503),
        (http("<html>", kind="text/html"), 502),
        (http("{}"), 502),
        (http('{"data": [{"id": "other"}, {"id": "another"}]}'), 502),
        (http('{"error": {"message": "no"}}', "500 Internal Server Error"), 502),
        (http("oops", "403 Forbidden"), 502),
        (http('{"data": 3}'), 502),
    ],
    ids=range(8),
)
def test_an_endpoint_that_answers_nonsense_is_named(served: Served, answer: bytes, status: int) -> None:
    with front(served, Answering(answer).url) as server:
        with pytest.raises(openai.APIStatusError, match="player_2") as caught:
            server.client().chat.completions.create(model="team/player_2", messages=said("a"))
        assert caught.value.status_code == status


def test_what_the_client_did_wrong_is_passed_on(served: Served) -> None:
    refusal = http('{"error": {"message": "slow down", "code": "busy"}}', "429 Too Many Requests")
    with front(served, Answering(refusal).url) as server, pytest.raises(openai.RateLimitError, match="slow"):
        server.client().chat.completions.create(model="team/player_2", messages=said("a"))


def test_raw_histories_are_sent_as_texts(demo: Running, served: Served, team: Mapping[str, Agent]) -> None:
    from collm.serve.voice import Draw

    history = History().after(Observation("one", raw=True), Action(" two"))
    heard: list[str] = []

    class Recording(Echo):
        async def go_on(self, text: str, draw: Draw, tell: Any) -> Any:
            heard.append(text)
            return await super().go_on(text, draw, tell)

    with running(agents_alone(["player_1"], Recording())) as server:
        voice = remote(served, "player_1", server.url)

        async def act() -> str:
            reply = await voice.act(history, Observation("three", raw=True), Draw(0, {}), heard.append)
            await voice.close()
            return reply.action.text

        assert asyncio.run(act()) == "one two three"
    assert heard[0] == "one two\n\nthree"
