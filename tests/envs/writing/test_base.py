"""The writing environments, which share all but their prompts and constants."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collm.contract.check_env import check_env
from collm.env import AnyEnvironment, make_env
from collm.envs.writing.base import Writing
from collm.errors import CollmError

SECTIONS = {number: {f"s{n}": f"part {n}" for n in range(number)} for number in (2, 3, 8)}
CONFIGS: list[dict[str, Any]] = [
    *({"type": "tldr", "num_agents": number} for number in (1, 2)),
    *({"type": "arxiv", "num_agents": number} for number in (1, 2)),
    *({"type": "sections", "sections": sections} for sections in SECTIONS.values()),
]
TEXT_METRICS = ("tokens", "characters", "unique_words", "in_token_range")


def env_of(config: dict[str, Any]) -> Writing:
    env = make_env(config)
    assert isinstance(env, Writing)
    return env


@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_contract_is_kept(config: dict[str, Any], variant: str) -> None:
    env = env_of({**config, "variant": variant})
    check_env(env)
    assert len(env.agents) == config.get("num_agents", len(config.get("sections", ())))
    assert make_env(env.model_dump()) == env


@settings(max_examples=60)
@given(
    config=st.sampled_from(CONFIGS),
    variant=st.sampled_from(["paper", "reference"]),
    replies=st.lists(st.text(st.characters(exclude_categories=()), max_size=300), min_size=8, max_size=8),
)
def test_any_replies_have_a_reward(config: dict[str, Any], variant: str, replies: list[str]) -> None:
    env = env_of({**config, "variant": variant})
    state = env.reset(env.tasks("test")[0], 0)
    transition = env.step(state, dict(zip(env.agents, replies, strict=False)))
    assert env.reward_range[0] <= transition.reward <= env.reward_range[1] + 1e-9
    assert transition.reward == pytest.approx(sum(transition.components.values()))
    assert transition.metrics["score"] == pytest.approx(transition.reward / 3)
    assert transition.terminated


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_text_is_measured(config: dict[str, Any]) -> None:
    env = env_of(config)
    transition = env.step(env.reset(env.tasks("test")[0], 0), dict.fromkeys(env.agents, "two words"))
    for text in env.texts:
        assert {f"{text}_{metric}" for metric in TEXT_METRICS} <= set(transition.metrics)


def prompts(env: AnyEnvironment) -> dict[str, str]:
    observations = env.observe(
        env.reset(env.parse_task({"prompt": "A post.", "abstract_text": "Text."}, "x"), 0)
    )
    assert all(seen.raw and seen.system is None for seen in observations.values())
    return {agent: seen.text for agent, seen in observations.items()}


def test_the_prompts_of_tldr() -> None:
    paper = prompts(env_of({"type": "tldr"}))
    assert paper["summary"] == (
        "Create a concise summary response to this post.\nQuery: A post.\n"
        "Instructions: Provide a brief and focused summary in a few sentences\n"
    )
    reference = prompts(env_of({"type": "tldr", "variant": "reference"}))
    assert reference["elaboration"] == (
        "Create a detailed summary response to this post.\n\nOriginal Query:\nA post.\n\n"
        "IMPORTANT INSTRUCTIONS:\n- Use more unique words\n- Use some transition words to improve flow\n"
    )
    assert prompts(env_of({"type": "tldr", "prompts": "reference"})) == reference


def test_the_prompts_of_arxiv() -> None:
    read = prompts(env_of({"type": "arxiv"}))
    assert "Abstract:\nText.\n" in read["background"]
    assert "another agent that will provide methodology and implications\n" in read["background"]
    assert "another agent that will provide the background and motivation\n" in read["method"]
    assert "Avoid repeating background and motivation content\n" in read["method"]
    assert read == prompts(env_of({"type": "arxiv", "variant": "reference"}))


def test_the_prompts_of_sections() -> None:
    read = prompts(env_of({"type": "sections", "sections": SECTIONS[3]}))
    assert "Write only section 2: part 1\n" in read["s1"]
    assert "Leave to the others: part 0; part 2\n" in read["s1"]


@pytest.mark.parametrize("kind", ["tldr", "arxiv"])
def test_one_writer_is_scored_as_two(kind: str) -> None:
    pair, single = env_of({"type": kind}), env_of({"type": kind, "num_agents": 1})
    assert "[PARAGRAPH_SPLIT]" in prompts(single)["writer"]
    state = pair.reset(pair.tasks("train")[0], 0)
    one, two = (
        "My dog wakes us before sunrise.",
        "However, the dog wakes everybody early and then sleeps all day.",
    )
    joint = pair.step(state, dict(zip(pair.texts, (one, two), strict=True)))
    alone = single.step(state, {"writer": f"Paragraph 1: {one}\n[PARAGRAPH_SPLIT]\nParagraph 2: {two}"})
    assert alone.reward == joint.reward > 0.0
    assert alone.metrics == joint.metrics


def test_own_data_in_the_same_columns(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    rows = [{"prompt": "one"}, {"prompt": "two", "id": "second"}, {"prompt": "three"}]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    env = env_of({"type": "tldr", "dataset": str(file), "train": ":2", "test": "2:"})
    assert [(task.id, task.text) for task in env.tasks("train")] == [(f"{file}[0]", "one"), ("second", "two")]
    assert [task.text for task in env.tasks("test")] == ["three"]
    with pytest.raises(CollmError, match=r"posts.jsonl\[0\]: no column 'abstract_text'"):
        env_of({"type": "arxiv", "dataset": str(file)}).tasks("train")


@pytest.mark.parametrize(
    ("kind", "variant", "splits"),
    [
        ("tldr", "paper", ("train[:1000]", "train[1000:1100]")),
        ("tldr", "reference", ("train[:1100]", "test[:1100]")),
        ("arxiv", "reference", ("train[:1100]", "val[:1100]")),
    ],
)
def test_the_hub_is_cut_as_the_variant_does(
    monkeypatch: pytest.MonkeyPatch, kind: str, variant: str, splits: tuple[str, str]
) -> None:
    asked: list[str] = []

    def load(
        dataset: str, where: str, *, split: str, columns: tuple[str, ...], split_where: str
    ) -> list[Any]:
        asked.append(split)
        return [("place", dict.fromkeys(columns, "text"))]

    monkeypatch.setattr("collm.data.tasks.load_labelled_rows", load)
    env = env_of({"type": kind, "variant": variant, "dataset": "some/posts"})
    assert [env.tasks("train")[0].id, env.tasks("test")[0].id] == ["place", "place"]
    assert tuple(asked) == splits


@pytest.mark.parametrize(
    ("named", "known_as"),
    [({"id": 0}, "0"), ({"id": "", "task_id": "x"}, "x"), ({"article_id": None}, "line 7"), ({}, "line 7")],
)
def test_a_row_is_known_by_its_id_or_by_its_place(named: dict[str, Any], known_as: str) -> None:
    assert env_of({"type": "tldr"}).parse_task({"prompt": "text", **named}, "line 7").id == known_as


@pytest.mark.parametrize("row", [{}, {"prompt": " \n"}, {"prompt": 3}])
def test_a_broken_row_is_named(row: dict[str, Any]) -> None:
    with pytest.raises(CollmError, match=r"line 7\.prompt: this field must be a text"):
        env_of({"type": "tldr"}).parse_task(row, "line 7")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"type": "tldr", "num_agents": 3},
            r"env\.num_agents: must be 1 or 2; use type: sections for more, got 3",
        ),
        ({"type": "tldr", "num_turns": 2}, r"env\.num_turns"),
        ({"type": "tldr", "token_range": [9, 8]}, r"env\.token_range: write it as \[fewest, most\]"),
        ({"type": "tldr", "length_ratio": {"low": 2, "full_from": 1}}, "order the ends"),
        ({"type": "tldr", "transition_formula": "cubic"}, r"env\.transition_formula"),
        ({"type": "sections", "sections": {"one": "all"}}, r"env\.sections"),
    ],
)
def test_a_bad_config_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(CollmError, match=message):
        make_env(config)


def test_a_bad_slice_is_named() -> None:
    with pytest.raises(CollmError, match=r"env\.test: slice '900:' of 32 rows is empty"):
        env_of({"type": "tldr", "test": "900:"}).tasks("test")
