from __future__ import annotations

import random
import re
from importlib.resources import files
from pathlib import Path
from statistics import mean

import pytest

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.team import policies_of
from collm.envs.writing.posts import embedded_posts, random_post
from collm.envs.writing.tldr import TLDR
from collm.models.config import Sampling
from collm.rollout import Reset, rollout
from collm.types import Turn
from tests.tiny_agents import model_of

TEAM = Path(str(files("collm"))) / "assets/tiny_writers"
NAMES = TLDR().texts
AGENTS = {
    name: Agent(
        AgentConfig(model=f"collm:tiny_writers/{name}", sampling=Sampling(max_tokens=96), device="cpu"), name
    )
    for name in NAMES
}


@pytest.fixture(scope="module")
def turns() -> list[Turn]:
    env = TLDR()
    resets = [Reset(task, seed) for task in env.tasks("test") for seed in range(2)]
    return [tree.roots[0] for tree in rollout(env, policies_of(AGENTS), resets).trees]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_small_and_ordinary(name: str) -> None:
    stored = {file.name: file.stat().st_size for file in (TEAM / name).iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= set(stored)
    assert sum(stored.values()) < 1_000_000


def test_architectures_and_tokenizers_differ() -> None:
    summary, elaboration = (AGENTS[name] for name in NAMES)
    assert [model_of(agent).config.model_type for agent in (summary, elaboration)] == ["qwen3", "qwen2"]
    text = "My dog wakes us before sunrise."
    assert summary.policy.context.tokenizer.tokenize(text) != elaboration.policy.context.tokenizer.tokenize(
        text
    )
    assert (
        summary.policy.context.tokenizer.chat_template
        is elaboration.policy.context.tokenizer.chat_template
        is None
    )


@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize("name", NAMES)
def test_prompts_are_read_whole(name: str, variant: str) -> None:
    env, tokenizer, stream = (
        TLDR.model_validate({"variant": variant}),
        AGENTS[name].policy.context.tokenizer,
        random.Random(7),
    )
    for _ in range(50):
        text = env.observe(env.reset(env.parse_task({"prompt": random_post(stream).text}, ""), 0))[name].text
        ids = tokenizer(text).input_ids
        assert tokenizer.decode(ids) == text
        assert tokenizer.unk_token_id not in ids
        assert len(ids) < 100


def test_replies_are_sentences_about_the_post(turns: list[Turn]) -> None:
    known = set(re.findall(r"[a-z]+", " ".join(p.text for p in embedded_posts("train")).lower()))
    for name in NAMES:
        replies = [turn.joint_action[name] for turn in turns]
        assert mean(reply.finish_reason == "stop" for reply in replies) > 0.95
        assert mean(reply.text.rstrip().endswith((".", "?")) for reply in replies) > 0.95
        words = re.findall(r"[a-z]+", " ".join(reply.text for reply in replies).lower())
        assert mean(word in known for word in words) > 0.8
    about = [turn.observations["summary"].text.split("TITLE: ")[1].split("\n")[0] for turn in turns]
    retold = [title in turn.joint_action["summary"].text for title, turn in zip(about, turns, strict=True)]
    assert mean(retold) > 0.3


def test_there_is_something_to_learn(turns: list[Turn]) -> None:
    rewards = [turn.raw_reward for turn in turns]
    assert 0.7 < mean(rewards) < 1.6
    assert mean(reward > 2.5 for reward in rewards) > 0.05
