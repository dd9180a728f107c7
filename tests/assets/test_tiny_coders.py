from __future__ import annotations

import random
from importlib.resources import files
from pathlib import Path
from statistics import mean
from typing import get_args

import pytest

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.team import policies_of
from collm.envs.coding.coding import Coding
from collm.envs.coding.feedback import FeedbackMode
from collm.models.config import Sampling
from collm.rollout import Reset, rollout
from collm.types import Turn
from scripts.tiny_coders.demonstrations import WRITERS
from scripts.tiny_coders.practice import draw
from tests.tiny_agents import model_of

TEAM = Path(str(files("collm"))) / "assets/tiny_coders"
ENV = Coding(num_turns=1)
NAMES = ENV.agents
SAMPLING = Sampling(temperature=0.7, max_tokens=96)
AGENTS = {
    name: Agent(AgentConfig(model=f"collm:tiny_coders/{name}", sampling=SAMPLING, device="cpu"), name)
    for name in NAMES
}


@pytest.fixture(scope="module")
def turns() -> list[Turn]:
    resets = [Reset(task, seed) for task in ENV.tasks("test") for seed in range(2)]
    return [tree.roots[0] for tree in rollout(ENV, policies_of(AGENTS), resets).trees]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_small_and_ordinary(name: str) -> None:
    stored = {file.name: file.stat().st_size for file in (TEAM / name).iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= set(stored)
    assert sum(stored.values()) < 1_000_000


def test_architectures_tokenizers_and_templates_differ() -> None:
    aux, main = (AGENTS[name] for name in NAMES)
    assert [model_of(agent).config.model_type for agent in (aux, main)] == ["qwen3", "qwen2"]
    text = "def aux(words):\n    return len(words)"
    assert aux.policy.context.tokenizer.tokenize(text) != main.policy.context.tokenizer.tokenize(text)
    assert aux.policy.context.tokenizer.chat_template != main.policy.context.tokenizer.chat_template


@pytest.mark.parametrize("mode", get_args(FeedbackMode))
@pytest.mark.parametrize("name", NAMES)
def test_prompts_of_both_turns_are_read_whole(name: str, mode: FeedbackMode) -> None:
    env, tokenizer = Coding(feedback=mode, feedback_tests=2), AGENTS[name].policy.context.tokenizer
    for task in env.tasks("train")[:6]:
        state = env.reset(task, 0)
        replies = {
            "aux": "def aux(x):\n    return x",
            "main": f"def {task.entry_point}(x):\n    return aux(x)",
        }
        for now in (state, env.step(state, replies).state):
            text = env.observe(now)[name].text
            ids = tokenizer(text).input_ids
            assert tokenizer.decode(ids) == text
            assert tokenizer.unk_token_id not in ids
            assert len(ids) < 300


@pytest.mark.parametrize("name", NAMES)
def test_foreign_characters_never_break_the_tokenizer(name: str) -> None:
    tokenizer = AGENTS[name].policy.context.tokenizer
    ids = tokenizer("naïve ☃ \U0001f600\t\x00").input_ids
    assert all(0 <= token < len(tokenizer) for token in ids)


def test_replies_are_functions_in_form(turns: list[Turn]) -> None:
    for name in NAMES:
        replies = [turn.joint_action[name] for turn in turns]
        assert mean(reply.finish_reason == "stop" for reply in replies) > 0.9
        assert mean("def " in reply.text for reply in replies) > 0.9
    assert mean(turn.components["aux_defined"] > 0 for turn in turns) > 0.3
    assert mean(turn.components["main_defined"] > 0 for turn in turns) > 0.2


def test_there_is_something_to_learn(turns: list[Turn]) -> None:
    rewards = [turn.raw_reward for turn in turns]
    assert 0.5 < mean(rewards) < 2.0
    assert max(rewards) > 2.5


def test_demonstrations_leave_room_and_show_the_best() -> None:
    stream, rewards = random.Random(0), list[float]()
    for _ in range(60):
        practice = draw(stream)
        replies = {name: write(practice, stream) for name, write in WRITERS.items()}
        rewards.append(ENV.step(ENV.reset(practice.problem, 0), replies).reward)
    assert 1.2 < mean(rewards) < 2.4
    assert mean(reward == ENV.reward_range[1] for reward in rewards) > 0.02


def test_practice_problems_are_none_of_the_environments() -> None:
    stream = random.Random(1)
    known = {task.entry_point for split in ("train", "test") for task in ENV.tasks(split)}
    assert not known & {draw(stream).name for _ in range(100)}
