"""Agents whose engine is an endpoint: they are evaluated and served, and not trained."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from collm.agents.policy import Policy, Request
from collm.config.recipes import load_recipe
from collm.errors import CollmError
from collm.evaluation.evaluate import evaluate
from collm.evaluation.saved import open_team
from collm.serve.opening import find_served, open_voices
from collm.serve.remote import Remote
from collm.types import Action, History, Observation
from tests.engines.endpoints import chat, drawn, hostile
from tests.serve.servers import Running

SHORT = ("env.num_turns=2", "agents.*.sampling.max_tokens=24", "evaluation.tasks=2")


def elsewhere(url: str, **settings: Any) -> list[str]:
    """Overrides by which endpoints play the demo's team."""
    engine = {"type": "http", "url": url, "attempts": 1, **settings}
    return [*SHORT, f"agents.*.engine={engine}"]


def policy(url: str, **settings: Any) -> Policy:
    _, policies, _ = open_team("demo", elsewhere(url, **settings))
    return policies["player_1"]


def ask(asked: Policy, *observations: Observation) -> list[tuple[Action, ...]]:
    requests = [Request(History(), one, (1, 2)) for one in observations]
    return asked.submit(requests, False, False).result()


def test_a_team_behind_endpoints_plays_as_the_team_of_this_process(demo: Running) -> None:
    config, near, _ = open_team("demo", SHORT)
    _, far, _ = open_team("demo", elsewhere(demo.url))
    here, there = (evaluate(config.env, one, config.evaluation, 0) for one in (near, far))

    def texts(trees: Any) -> list[str]:
        return [action.text for tree in trees for turn in tree.turns for action in turn.joint_action.values()]

    assert texts(there.greedy) == texts(here.greedy)
    assert texts(there.sampled) == texts(here.sampled), "the endpoint is sent the seeds"
    assert there.measures["return_mean"] == here.measures["return_mean"]


def test_nothing_of_an_agent_elsewhere_is_loaded() -> None:
    with hostile(chat("hello", "length")) as end:
        settings = [*elsewhere(end.url), "agents.*.model=no-such/model"]
        _, policies, _ = open_team("demo", settings)
        ((first, second),) = ask(policies["player_1"], Observation("hello"))
        assert first == second == Action("hello", finish_reason="length")
        assert {body["seed"] for _, body in end.asked} == {1, 2}


def test_token_ids_go_both_ways_where_they_are_offered() -> None:
    with hostile(drawn([40, 41, 2], [-0.5, -1.0, -0.25])) as end:
        asked = policy(end.url, prompts="ids")
        ((action, _),) = ask(asked, Observation("hello"))
        path, body = end.asked[0]
        assert (path, body["model"], body["return_token_ids"]) == ("/v1/completions", "theirs", True)
        assert action.prompt_ids == tuple(body["prompt"])
        assert (action.token_ids, action.logprob) == ((40, 41, 2), -1.75)


def test_an_endpoint_without_token_ids_is_named(demo: Running) -> None:
    with pytest.raises(CollmError, match=r"agents\.player_1\.engine: .*400.*prompt"):
        ask(policy(demo.url, prompts="ids"), Observation("hello"))


def test_raw_observations_are_sent_as_texts() -> None:
    answer = b'{"choices": [{"text": "on", "finish_reason": "length"}]}'
    with hostile(answer) as end:
        ((action, _),) = ask(policy(end.url), Observation("go", raw=True))
        assert (action.text, action.finish_reason) == ("on", "length")
        assert (end.asked[0][0], end.asked[0][1]["prompt"]) == ("/v1/completions", "go")


def test_a_reply_without_text_is_an_empty_one() -> None:
    with hostile(chat(None)) as end:
        ((action, _),) = ask(policy(end.url), Observation("hello"))
        assert action.text == ""


def test_one_endpoint_that_fails_ends_an_evaluation_with_its_name() -> None:
    with hostile((b"out of memory", 500)) as end:
        config, policies, _ = open_team("demo", elsewhere(end.url))
        with pytest.raises(CollmError, match=r"agents\.player_1\.engine: .*status 500: out of memory"):
            evaluate(config.env, policies, config.evaluation, 0)


def test_an_endpoint_that_is_not_there_is_named_before_anything_is_played() -> None:
    with pytest.raises(CollmError, match=r"agents\.player_1\.engine: http://127.*:9/v1: no connection"):
        open_team("demo", elsewhere("http://127.0.0.1:9/v1"))


def test_an_agent_elsewhere_is_not_trained() -> None:
    said = "agents.player_1.engine.type: an endpoint plays an agent whose weights are its own"
    with pytest.raises(CollmError, match=re.escape(said)):
        load_recipe("demo", elsewhere("http://127.0.0.1:9/v1"))


def test_an_agent_elsewhere_is_served_from_there(demo: Running) -> None:
    served = find_served("demo", elsewhere(demo.url))
    voices = open_voices(served, {}, None, 60)
    assert all(isinstance(voice, Remote) for voice in voices.values())
    for voice in voices.values():
        asyncio.run(voice.check())


@pytest.mark.parametrize(
    ("key", "said"),
    [("url=ftp://x", "engine.url"), ("prompts=voice", "engine.prompts"), ("correction={}", "unknown key")],
)
def test_what_does_not_fit_an_endpoint_is_refused(key: str, said: str) -> None:
    with pytest.raises(CollmError, match=re.escape(said)):
        load_recipe("demo", [*elsewhere("http://x"), f"agents.*.engine.{key}"], learns=False)
