from __future__ import annotations

import json
import random
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from collm.envs.minecraft.commands import Rules, command_lines, parse_commands
from collm.envs.minecraft.feedback import MODES
from collm.envs.minecraft.housebuild import HouseBuild

TEAM = Path(str(files("collm"))) / "assets/tiny_team"
AGENTS = ("player_1", "player_2")
BLOCKS = (
    "white_concrete",
    "obsidian",
    "stone_stairs",
    "planks",
    "oak_planks",
    "cobblestone",
    "bricks",
    "air",
)
ENV = HouseBuild()
TOKENIZERS: dict[str, Any] = {agent: AutoTokenizer.from_pretrained(TEAM / agent) for agent in AGENTS}
MODELS: dict[str, Any] = {agent: AutoModelForCausalLM.from_pretrained(TEAM / agent) for agent in AGENTS}


def encode(agent: str, text: str) -> list[int]:
    return list(TOKENIZERS[agent].encode(text, add_special_tokens=False))


def prompt(agent: str, messages: list[dict[str, str]], generate: bool = True) -> str:
    rendered = TOKENIZERS[agent].apply_chat_template(messages, tokenize=False, add_generation_prompt=generate)
    return str(rendered)


def greedy_reply(agent: str, observation: str) -> str:
    ids = encode(agent, prompt(agent, [{"role": "user", "content": observation}]))
    with torch.no_grad():
        output = MODELS[agent].generate(input_ids=torch.tensor([ids]), do_sample=False, max_new_tokens=160)
    return str(TOKENIZERS[agent].decode(output[0, len(ids) :], skip_special_tokens=True))


def housebuild_texts() -> list[str]:
    """Every observation of two turns of a few houses under each variant and mode, and the reply between."""
    texts = []
    for variant in ("paper", "reference"):
        for mode in MODES:
            env = HouseBuild.model_validate({"variant": variant, "feedback": mode, "include_air": True})
            for house in env.tasks("test")[:2]:
                replies = {
                    agent: "\n".join(
                        f"/fill {r.x1} {r.y} {r.z1} {r.x2} {r.y} {r.z2} {r.block}" for r in house.rectangles()
                    )
                    for agent in AGENTS
                }
                state = env.reset(house, 0)
                texts += [seen.text for seen in env.observe(state).values()]
                texts += [seen.text for seen in env.observe(env.step(state, replies).state).values()]
                texts += [*replies.values(), "/kill"]
    return texts


@pytest.mark.parametrize("agent", AGENTS)
def test_folder_is_small_and_ordinary(agent: str) -> None:
    stored = {file.name: file.stat().st_size for file in (TEAM / agent).iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= set(stored)
    assert sum(stored.values()) < 1_000_000


def test_architectures_tokenizers_and_templates_differ() -> None:
    assert [MODELS[agent].config.model_type for agent in AGENTS] == ["qwen3", "qwen2"]
    first, second = (TOKENIZERS[agent] for agent in AGENTS)
    assert first.get_vocab().keys() != second.get_vocab().keys()
    assert first.chat_template != second.chat_template
    line = "/fill 0 1 2 3 4 5 bricks"
    assert first.tokenize(line) != second.tokenize(line)


@pytest.mark.parametrize("agent", AGENTS)
def test_special_tokens_agree_between_tokenizer_and_model(agent: str) -> None:
    tokenizer, model = TOKENIZERS[agent], MODELS[agent]
    assert tokenizer.eos_token_id != tokenizer.pad_token_id
    for config in (model.config, model.generation_config):
        assert (config.eos_token_id, config.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert len(tokenizer) == model.config.vocab_size
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize("agent", AGENTS)
def test_every_text_of_housebuild_survives_the_tokenizer(agent: str) -> None:
    tokenizer = TOKENIZERS[agent]
    for text in housebuild_texts():
        ids = encode(agent, text)
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("agent", AGENTS)
@given(
    numbers=st.lists(st.integers(-99, 999), min_size=6, max_size=6),
    block=st.sampled_from(BLOCKS),
    reward=st.floats(-0.2, 1),
)
@settings(max_examples=30, deadline=None)
def test_any_command_and_reward_survives_the_tokenizer(
    agent: str, numbers: list[int], block: str, reward: float
) -> None:
    text = f"/fill {' '.join(map(str, numbers))} {block}\n/kill\n- Previous reward: {reward:.4f}"
    assert TOKENIZERS[agent].decode(encode(agent, text)) == text


@pytest.mark.parametrize("agent", AGENTS)
@given(text=st.text(max_size=40))
@settings(max_examples=30, deadline=None)
def test_foreign_characters_never_break_the_tokenizer(agent: str, text: str) -> None:
    ids = encode(agent, text)
    assert all(0 <= token < len(TOKENIZERS[agent]) for token in ids)


def test_foreign_characters_are_unknown_to_one_and_vanish_for_the_other() -> None:
    first, second = (TOKENIZERS[agent].decode(encode(agent, "/kill ☃")) for agent in AGENTS)
    assert (first, second) == ("/kill <unk>", "/kill ")


@pytest.mark.parametrize("agent", AGENTS)
def test_texts_are_short_in_tokens(agent: str) -> None:
    first = [ENV.observe(ENV.reset(house, 0))[agent].text for house in ENV.tasks("test")]
    assert sum(len(encode(agent, text)) for text in first) / len(first) < 150
    feedback = ENV.step(ENV.reset(ENV.tasks("test")[0], 0), dict.fromkeys(AGENTS, "/kill")).state
    assert len(encode(agent, ENV.observe(feedback)[agent].text)) <= 20
    for block in BLOCKS:
        assert len(encode(agent, f"\n/fill 0 1 2 3 4 5 {block}")) == 8


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("system", [None, "Be brief."])
def test_templates_only_append(agent: str, system: str | None) -> None:
    messages = [] if system is None else [{"role": "system", "content": system}]
    written = ""
    for turn in range(3):
        messages.append({"role": "user", "content": f"Turn: {turn}"})
        asked = prompt(agent, messages)
        assert prompt(agent, messages, generate=False).startswith(written)
        assert asked.startswith(written)
        messages.append({"role": "assistant", "content": "/kill"})
        written = prompt(agent, messages, generate=False)
        assert written.startswith(f"{asked}/kill{TOKENIZERS[agent].eos_token}")
    assert (system or "") in written


@pytest.mark.parametrize("agent", AGENTS)
def test_greedy_replies_are_commands_and_mostly_copy_unseen_plans(agent: str) -> None:
    written, parsed, exact = 0, 0, 0
    for house in random.Random(0).sample(ENV.tasks("test"), 8):
        reply = greedy_reply(agent, ENV.observe(ENV.reset(house, 0))[agent].text)
        plan = {f"/fill {r.x1} {r.y} {r.z1} {r.x2} {r.y} {r.z2} {r.block}" for r in house.rectangles()}
        lines = list(command_lines(reply))
        rules = Rules((0, 0, 0), house.end, house.blocks, {}, max_commands=300, damage_attacks=True)
        written += len(lines)
        parsed += len(parse_commands(reply, rules))
        exact += sum(line in plan for line in lines)
    assert written >= 8
    assert parsed >= 0.9 * written
    assert exact >= 0.75 * written


@pytest.mark.parametrize("agent", AGENTS)
def test_context_holds_long_conversations(agent: str) -> None:
    config = json.loads((TEAM / agent / "config.json").read_text())
    assert config["max_position_embeddings"] == 4096
