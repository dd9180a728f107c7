from __future__ import annotations

import json
import math
import re
import socket
import time

import pytest

from collm.engines.http.answers import ChatAnswer
from collm.engines.http.drawing import completed, name_of
from collm.engines.http.endpoint import AGENT_TOKEN, Endpoint, called
from collm.errors import CollmError
from collm.models.config import Sampling
from tests.engines.endpoints import chat, drawn, hostile, trickle


def ask(url: str, seconds: float = 20.0, attempts: int = 3) -> ChatAnswer:
    return Endpoint("agents.b.engine", url, seconds, attempts, pause=0.01).ask(
        "/chat/completions", {}, ChatAnswer
    )


def test_an_answer_is_read() -> None:
    with hostile(chat("hello")) as end:
        assert ask(end.url).choices[0].said == "hello"
        assert end.asked == [("/v1/chat/completions", {})]


@pytest.mark.parametrize("wrong", [b"", b"<html>", b"{}", b"[]", b'{"choices": []}', (b"busy", 503)])
def test_what_fails_once_is_asked_again(wrong: object) -> None:
    with hostile(wrong, wrong, chat("at last")) as end:
        assert ask(end.url).choices[0].said == "at last"
        assert len(end.asked) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"\xff\xfe", "cannot be read"),
        (b'{"choices": [{"message": {"content": 3}, "finish_reason": "stop"}]}', "content: Input should be"),
        (b'{"choices": [{"message": {"content": "a"}}]}', "finish_reason: Field required"),
        ((b"the GPU is on \x1b[31mfire\nor so", 500), "answers with status 500: the GPU is on"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_nonsense_ends_in_one_clear_line(answer: object, said: str) -> None:
    with hostile(answer) as end, pytest.raises(CollmError, match=re.escape(said)) as caught:
        ask(end.url)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert str(caught.value).startswith(f"agents.b.engine: {end.url}: ")


def test_what_the_endpoint_refuses_is_not_asked_again() -> None:
    with hostile((json.dumps({"error": "no such model"}).encode(), 404)) as end:
        with pytest.raises(CollmError, match=r"404.*no such model"):
            ask(end.url)
        assert len(end.asked) == 1


def test_an_endpoint_that_trickles_is_given_up() -> None:
    began = time.perf_counter()
    with hostile(trickle) as end, pytest.raises(CollmError, match=r"no answer within 0\.3 s"):
        ask(end.url, seconds=0.3, attempts=2)
    assert time.perf_counter() - began < 8


def test_an_endpoint_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(CollmError, match=r"no answer within 0\.3 s|timed out"):
            ask(f"http://127.0.0.1:{port}/v1", seconds=0.3, attempts=1)


def test_nobody_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(CollmError, match=r"no connection .*refused.*see that it runs"):
        ask(f"http://127.0.0.1:{port}/v1")


def test_the_key_of_the_environment_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AGENT_TOKEN, "secret")
    with hostile(chat("a")) as end:
        ask(end.url)
        assert end.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["team", "team/a", "a"], "team/a"),
        (["a", "b"], "a"),
        (["anything"], "anything"),
        (["x", "y"], None),
        ([], None),
    ],
)
def test_an_agent_is_found_by_its_name_or_because_it_is_alone(names: list[str], found: str | None) -> None:
    assert called(names, "a") == found


def test_adapters_that_an_earlier_run_left_behind_do_not_hide_the_base(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = [{"id": f"b-{number}", "parent": "base"} for number in (1, 2)]
    monkeypatch.setattr("tests.engines.endpoints.MODELS", {"data": [{"id": "base", "parent": None}, *left]})
    with hostile(b"") as end:
        assert name_of(Endpoint("agents.b.engine", end.url, 20), "b") == "base"
        assert name_of(Endpoint("agents.b.engine", end.url, 20), "b-1") == "b-1"
        monkeypatch.setattr("tests.engines.endpoints.MODELS", {"data": [{"id": "x"}, {"id": "y"}]})
        with pytest.raises(CollmError, match="serves x, y, and none of them is b"):
            name_of(Endpoint("agents.b.engine", end.url, 20), "b")


def test_drawn_tokens_have_a_log_probability_each() -> None:
    def complete(url: str) -> object:
        end = Endpoint("agents.b.engine", url, 20, 1)
        return completed(end, "m", (1, 2), 7, Sampling(max_tokens=4, top_k=3), (9,))

    with hostile(drawn([5, 9], [-0.5, -0.25]), drawn([5], [-0.5], "length")) as end:
        assert complete(end.url) == ((5, 9), (-0.5, -0.25), "stop")
        assert complete(end.url) == ((5,), (-0.5,), "length")
        body = end.asked[0][1]
        assert (body["prompt"], body["seed"], body["top_k"], body["stop_token_ids"]) == ([1, 2], 7, 3, [9])
    wrong = {
        "2 tokens have 1": drawn([5, 9], [-0.5]),
        "token_ids": drawn([], []),
        "greater than or equal to 0": drawn([-5], [-0.5]),
        "less than 2147483648": drawn([2**40], [-0.5]),
        "finite": drawn([5], [math.nan]),
        "valid array": drawn(None, [0.0]),  # type: ignore[arg-type]
    }
    for said, answer in wrong.items():
        with hostile(answer) as end, pytest.raises(CollmError, match=re.escape(said)):
            complete(end.url)
