"""The endpoint as OpenAI's own client meets it, with the tiny team of the demo."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import openai
import pytest
from httpx2 import Client
from httpx2 import Limits as Connections

from collm.agents.agent import Agent
from collm.agents.policy import Request
from collm.envs.minecraft.housebuild import HouseBuild
from collm.serve.desk import Desk
from collm.serve.limits import Limits
from collm.serve.opening import Served
from collm.types import History, Observation
from tests.serve.servers import HOUSE, Echo, Running, agents_alone, running, stages

QUESTION = "You are Player 1. /kill or /fill 0 0 0 1 1 1 planks?"


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def drawn(agent: Agent, text: str, seed: int = 0, greedy: bool = False) -> str:
    """What an agent's own policy says of it, without a server."""
    request = Request(History(), Observation(text), seeds=(seed,))
    return agent.policy.submit([request], greedy=greedy).result()[0][0].text


def test_the_team_and_each_agent_are_models(demo: Running) -> None:
    client = demo.client()
    assert [model.id for model in client.models.list()] == ["team", "team/player_1", "team/player_2"]
    assert client.models.retrieve("team/player_2").id == "team/player_2"


def test_an_agent_says_what_its_policy_draws(demo: Running, team: Mapping[str, Agent]) -> None:
    answers = [
        demo.client().chat.completions.create(model="team/player_1", messages=said(QUESTION), seed=seed)
        for seed in range(4)
    ]
    texts = [answer.choices[0].message.content for answer in answers]
    assert texts == [drawn(team["player_1"], QUESTION, seed) for seed in range(4)]
    assert len(set(texts)) > 1
    assert answers[0].usage is not None
    assert answers[0].usage.prompt_tokens == len(
        team["player_1"].policy.context.prompt(History(), Observation(QUESTION))[0]
    )


def test_a_stream_says_the_same_piece_by_piece(demo: Running) -> None:
    ask: dict[str, Any] = {"model": "team/player_1", "messages": said(QUESTION), "seed": 2}
    whole = demo.client().chat.completions.create(**ask)
    chunks = list(
        demo.client().chat.completions.create(**ask, stream=True, stream_options={"include_usage": True})
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_text_is_gone_on_with_as_it_is(demo: Running) -> None:
    ask: dict[str, Any] = {"model": "team/player_1", "prompt": QUESTION, "temperature": 0}
    whole = demo.client().completions.create(**ask)
    streamed = demo.client().completions.create(**ask, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == whole.choices[0].text


def test_a_request_may_change_the_sampling_but_not_lengthen_replies(demo: Running) -> None:
    ask: dict[str, Any] = {"model": "team/player_1", "messages": said(QUESTION), "temperature": 0}
    completions = demo.client().chat.completions
    short = completions.create(**ask, max_tokens=3)
    assert short.usage is not None
    assert (short.usage.completion_tokens, short.choices[0].finish_reason) == (3, "length")
    long = completions.create(**ask, max_tokens=100_000)
    assert long.usage is not None
    assert long.usage.completion_tokens <= 24
    assert completions.create(**ask).choices[0].message.content == long.choices[0].message.content


def test_the_team_answers_a_task_with_what_it_composes(demo: Running) -> None:
    answer = demo.client().chat.completions.create(model="team", messages=said(HOUSE), seed=3)
    message, env = answer.choices[0].message, HouseBuild(num_turns=2)
    assert message.model_extra is not None
    turns = message.model_extra["collm"]["turns"]
    assert [set(turn) for turn in turns] == [{"player_1", "player_2"}] * 2
    assert message.content == env.compose(env.parse_task(json.loads(HOUSE), "task"), turns)


def test_a_streamed_team_tells_who_says_what(demo: Running) -> None:
    ask: dict[str, Any] = {"model": "team", "messages": said(HOUSE), "seed": 3}
    message = demo.client().chat.completions.create(**ask).choices[0].message
    chunks = list(demo.client().chat.completions.create(**ask, stream=True))
    heard = [chunk.model_extra["collm"] for chunk in chunks if chunk.model_extra]
    assert message.model_extra is not None
    for t, turn in enumerate(message.model_extra["collm"]["turns"]):
        for agent, reply in turn.items():
            own = [part["content"] for part in heard if (part["agent"], part["turn"]) == (agent, t)]
            assert "".join(own) == reply
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(texts) == message.content


def test_a_conversation_goes_on_in_each_agents_own_history(served: Served) -> None:
    first, second = Echo(), Echo()
    with running(Desk(stages(served), {"player_1": first, "player_2": second}, Limits())) as server:
        ask = server.client().chat.completions.create
        answer = ask(model="team", messages=said(HOUSE)).choices[0].message.content
        follow = [*said(HOUSE), {"role": "assistant", "content": answer}, *said("and a roof")]
        last = ask(model="team", messages=follow).choices[0].message
        assert last.model_extra == {
            "collm": {"turns": [dict.fromkeys(("player_1", "player_2"), "and a roof")]}
        }
        with pytest.raises(openai.BadRequestError, match="not remembered"):
            ask(model="team", messages=[*said(HOUSE), {"role": "assistant", "content": "!"}, *said("?")])
    assert [len(history.actions) for history in first.histories] == [0, 1, 2]
    opening = first.histories[-1].observations[0].text
    assert opening != second.histories[-1].observations[0].text
    assert first.histories[-1].actions[0].text == " ".join(opening.split())


LONG_LIVED = Connections(keepalive_expiry=60)
HALF_A_LETTER = HOUSE.replace("planks", "\\ud800")
WRONG: list[tuple[dict[str, Any], int, str | None, str | None]] = [
    ({"model": "nobody"}, 404, "model_not_found", "model"),
    ({"model": "team/nobody"}, 404, "model_not_found", "model"),
    ({"tools": [{"type": "function"}]}, 400, "unsupported_parameter", "tools"),
    ({"n": 2}, 400, "unsupported_value", "n"),
    ({"stop": ["\n"]}, 400, "unsupported_parameter", "stop"),
    ({"temperature": -1}, 400, "invalid_value", "temperature"),
    ({"max_tokens": 0}, 400, "invalid_value", "max_tokens"),
    ({"messages": []}, 400, "invalid_value", "messages"),
    ({"messages": said("word " * 5000)}, 400, "context_length_exceeded", "messages"),
    ({"messages": said("\ud800")}, 400, "invalid_json", None),
    (
        {"model": "team", "messages": said(HOUSE.replace("planks", "\\ud800"))},
        400,
        "invalid_task",
        "messages",
    ),
    ({"model": "team", "messages": said("a house, please")}, 400, "invalid_task", "messages"),
    ({"model": "team", "messages": said("{" * 5000)}, 400, "invalid_task", "messages"),
    ({"model": "team", "messages": said('{"task_id": "x"}')}, 400, "invalid_task", "messages"),
    (
        {"model": "team", "messages": [{"role": "system", "content": "x"}]},
        400,
        "invalid_messages",
        "messages",
    ),
    ({"messages": said("x" * 300_000)}, 413, "request_too_large", None),
]


@pytest.mark.parametrize(("wrong", "status", "code", "param"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_request_is_told_what_is_wrong(
    demo: Running, wrong: dict[str, Any], status: int, code: str | None, param: str | None
) -> None:
    body = {"model": "team/player_1", "messages": said("hello"), **wrong}
    with Client() as client:
        answer = client.post(f"{demo.url}/chat/completions", content=json.dumps(body), timeout=300)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"\xff", b'{"model": NaN}'])
def test_a_body_that_is_no_request_is_refused(demo: Running, body: bytes) -> None:
    with Client() as client:
        answer = client.post(f"{demo.url}/chat/completions", content=body, timeout=300)
        assert client.get(f"{demo.url}/nothing").json()["error"]["type"] == "invalid_request_error"
        assert client.get(f"{demo.url}/chat/completions").status_code == 405
    assert answer.status_code == 400


def test_whoever_has_no_key_or_asks_another_host_is_refused() -> None:
    with running(agents_alone(["one"], Echo()), token="gehéim") as server:
        with pytest.raises(openai.AuthenticationError) as caught:
            server.client("wrong").models.list()
        assert caught.value.code == "invalid_api_key"
        with Client() as client:
            models = f"{server.url}/models"
            assert client.get(models).status_code == 401
            right = {b"authorization": "Bearer gehéim".encode()}
            assert client.get(models, headers=right).status_code == 200
            assert client.get(models, headers={**right, b"host": b"evil.example"}).status_code == 400
            assert client.get(models, headers={**right, b"host": b"testing:80"}).status_code == 200
            assert client.get(server.url.replace("/v1", "/health")).status_code == 200
            assert client.get(server.url.replace("/v1", "/metrics")).status_code == 401


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_more_requests_than_the_limit_are_told_to_come_back() -> None:
    voice = Echo(pause=0.2)

    async def ask(server: Running) -> list[Any]:
        async with server.many() as client:
            asked = (
                client.chat.completions.create(model="team/one", messages=said("a b c")) for _ in range(10)
            )
            return await asyncio.gather(*asked, return_exceptions=True)

    with running(agents_alone(["one"], voice, Limits(requests=3))) as server:
        answers = asyncio.run(ask(server))
        refused = [one for one in answers if isinstance(one, openai.RateLimitError)]
        texts = [one.choices[0].message.content for one in answers if not isinstance(one, Exception)]
        assert texts == ["a b c"] * 3
        assert [one.response.headers["retry-after"] for one in refused] == ["1"] * 7
        again = server.client().chat.completions.create(model="team/one", messages=said("d"))
        assert again.choices[0].message.content == "d"


def test_an_answer_that_takes_too_long_ends() -> None:
    voice = Echo(pause=600)
    with running(agents_alone(["one"], voice, Limits(seconds=0.3))) as server:
        with pytest.raises(openai.InternalServerError) as caught:
            server.client().chat.completions.create(model="team/one", messages=said("a"))
        assert (caught.value.status_code, caught.value.code) == (504, "timeout")
    assert voice.left == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_the_generation(stream: bool) -> None:
    voice = Echo(pause=0.05)
    with running(agents_alone(["one"], voice, Limits(requests=1))) as server:
        hasty = server.client().with_options(timeout=1.0)
        ask: dict[str, Any] = {"model": "team/one", "messages": said("word " * 10_000)}
        if stream:
            with hasty.chat.completions.create(**ask, stream=True) as chunks:
                assert next(iter(chunks)).choices
        else:
            with pytest.raises(openai.APITimeoutError):
                hasty.chat.completions.create(**ask)
        until(lambda: voice.left == 1)
        server.client().chat.completions.create(model="team/one", messages=said("next"))


def test_a_failure_amid_a_stream_is_an_event(served: Served) -> None:
    class Broken(Echo):
        async def _say(self, text: str, tell: Any) -> Any:
            tell("half a")
            raise ZeroDivisionError

    with running(agents_alone(["one"], Broken())) as server:
        stream = server.client().chat.completions.create(model="team/one", messages=said("a"), stream=True)
        with pytest.raises(openai.APIError, match="its log says why"):
            list(stream)


def test_an_idle_connection_outlives_what_clients_keep() -> None:
    """Clients drop idle connections after 5 seconds; a server that did so too would cross them."""
    with running(agents_alone(["one"], Echo())) as server, Client(limits=LONG_LIVED) as client:
        client.get(f"{server.url}/models")
        (connection,) = client._transport._pool.connections  # type: ignore[attr-defined]
        time.sleep(6)
        client.get(f"{server.url}/models")
        assert client._transport._pool.connections == [connection]  # type: ignore[attr-defined]


def test_what_was_answered_is_counted() -> None:
    with running(agents_alone(["one"], Echo())) as server:
        server.client().chat.completions.create(model="team/one", messages=said("a b"))
        with pytest.raises(openai.NotFoundError):
            server.client().chat.completions.create(model="x" * 50, messages=said("a"))
        with Client() as client:
            lines = client.get(server.url.replace("/v1", "/metrics")).text.splitlines()
    assert 'collm_answers_total{end="stop",model="team/one"} 1.0' in lines
    assert 'collm_tokens_total{agent="one",kind="completion"} 2.0' in lines
    assert 'collm_requests_total{status="404"} 1.0' in lines
    assert "collm_answers_in_progress 0.0" in lines
    assert not [line for line in lines if "xxx" in line]
