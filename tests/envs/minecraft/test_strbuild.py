from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.base.validation import validated
from collm.contract.check_env import check_env
from collm.env import environments
from collm.envs.minecraft.framing import SYSTEM
from collm.envs.minecraft.lettering import Lettering
from collm.envs.minecraft.lettering_feedback import MODES
from collm.envs.minecraft.lettering_plans import paper_plan
from collm.envs.minecraft.lettering_prompts import first_lettering_prompt
from collm.envs.minecraft.strbuild import StrBuild
from collm.errors import CollmError

L = Lettering("t", "L")


def env_of(**config: Any) -> StrBuild:
    return validated(StrBuild, config, "env")


def play(env: StrBuild, task: Lettering, *replies: str) -> Any:
    return env.step(env.reset(task, 0), dict(zip(env.agents, replies, strict=True)))


def planned(task: Lettering, agents: int) -> list[str]:
    """The replies that build the best lettering."""
    lines: list[list[str]] = [[] for _ in range(agents)]
    for (x, y, z), (owner, block) in paper_plan(task, agents).items():
        lines[owner].append(f"/setblock {x} {y} {z} {block}")
    return ["\n".join(each) for each in lines]


def test_it_is_registered() -> None:
    assert environments()["strbuild"] is StrBuild


def test_defaults_of_the_reference_configuration() -> None:
    env = env_of()
    assert (env.num_turns, env.num_agents, env.max_commands, env.feedback) == (4, 2, 300, "position_feedback")
    assert env.reward_range == (-3.0, 2.0)
    assert env.processed(2.0) == 0.0
    assert env.ends_early([env.processed(1.91)])
    assert not env.ends_early([env.processed(1.9)])
    assert "Your last-turn reward is -0.50 / 2." in env.global_information(1, -0.5)


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_an_empty_world_scores_minus_one_half(variant: str) -> None:
    for task in env_of(variant=variant).tasks("train"):
        assert play(env_of(variant=variant), task, "", "").reward == -0.5


@pytest.mark.parametrize("agents", [1, 2, 3, 8])
def test_the_best_answer_is_worth_two(agents: int) -> None:
    env = env_of(num_agents=agents)
    for task in (*env.tasks("train"), *env.tasks("test")):
        transition = play(env, task, *planned(task, agents))
        assert transition.reward == 2.0
        assert transition.metrics["iou"] == transition.metrics["coverage"] == 1.0
        assert transition.metrics["placements"] == len(task.cells)


def test_every_task_is_scored_against_its_own_target() -> None:
    """Bug S-2 of the reference is in no reading: I, C, M and L share a box but not a score."""
    for variant in ("paper", "reference"):
        env = env_of(variant=variant)
        answer = planned(L, 2)
        rewards = {task.text: play(env, task, *answer).reward for task in env.tasks("train")[:4]}
        assert rewards["L"] == 2.0
        assert all(rewards[text] < 1.5 for text in "ICM")


def test_agents_may_place_their_own_blocks_and_the_later_overwrites() -> None:
    env = env_of()
    assert play(env, L, "/setblock 0 0 0 obsidian", "/setblock 0 0 0 stone").metrics["placements"] == 0
    both = play(env, L, "/setblock 0 0 0 stone", "/setblock 0 0 0 obsidian\n/setblock 0 0 0 air")
    assert both.metrics["placements"] == 3
    assert both.metrics["coverage"] == 0


def test_half_of_the_commands_count_for_each_agent() -> None:
    reply = "/setblock 0 0 0 air\n" * 200
    assert play(env_of(), L, reply, reply).metrics["placements"] == 300
    assert play(env_of(max_commands=5), L, reply, "").metrics["placements"] == 3


def test_the_paper_reading_shows_the_letters_and_the_reference_does_not() -> None:
    for variant, graph in (("paper", True), ("reference", False)):
        env = env_of(variant=variant)
        first = env.observe(env.reset(L, 0))
        assert first["player_2"].text == first_lettering_prompt(L, 1, 2, env.reading, graph)
        assert first["player_2"].system == (None if graph else SYSTEM)
        shown = env_of(variant=variant, provide_graph=not graph)
        assert ("#####" in shown.observe(shown.reset(L, 0))["player_1"].text) is not graph


@pytest.mark.parametrize("mode", sorted(MODES))
def test_a_follow_up_of_the_reference_repeats_prompt_and_reply(mode: str) -> None:
    env = env_of(variant="reference", feedback=mode)
    transition = play(env, L, "my own words", "other words")
    observation = env.observe(transition.state)["player_1"]
    opening = env.observe(env.reset(L, 0))["player_1"].text
    assert observation.raw
    assert observation.text.startswith(f"{SYSTEM}\n\n")
    assert observation.text.endswith(f"\n\n{opening}\n\nYour previous commands:\nmy own words")
    assert observation.text.count("- Turn: 2\n") == 1
    assert "other words" not in observation.text


def test_a_blank_reply_is_not_repeated() -> None:
    env = env_of(variant="reference")
    texts = env.observe(play(env, L, " \n", " words ").state)
    assert "Your previous commands" not in texts["player_1"].text
    assert texts["player_2"].text.endswith("Your previous commands:\nwords")


@pytest.mark.parametrize("mode", sorted(MODES))
def test_a_follow_up_of_the_paper_reading_is_the_mode_alone(mode: str) -> None:
    env = env_of(feedback=mode)
    observation = env.observe(play(env, L, "", "").state)["player_2"]
    assert not observation.raw
    assert "Task: Write" not in observation.text
    assert "Your previous commands" not in observation.text
    both = env_of(feedback=mode, original_prompt=True, previous_response=True)
    text = both.observe(play(both, L, "", "words").state)["player_2"].text
    assert text.startswith(f"{observation.text}\n\nYou are Player 2")
    assert text.endswith("Your previous commands:\nwords")


@pytest.mark.parametrize("variant", ["paper", "reference"])
def test_feedback_shows_the_raw_reward(variant: str) -> None:
    env = env_of(variant=variant, feedback="score_feedback", reward_scale=3.0)
    assert "- Previous reward: -0.5000" in env.observe(play(env, L, "", "").state)["player_1"].text


def test_obeying_perfect_feedback_of_the_paper_reading_wins() -> None:
    env = env_of(feedback="perfect_feedback")
    texts = env.observe(play(env, L, "", "").state)
    replies = []
    for agent in env.agents:
        edits = [line[3:].split(") = ") for line in texts[agent].text.splitlines() if " = " in line]
        replies.append("\n".join(f"/setblock {cell.replace(',', '')} {block}" for cell, block in edits))
    assert play(env, L, *replies).reward == 2.0


def test_strings_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "strings.csv").write_text("string,difficulty\nhi,1\nYO,2\n")
    (tmp_path / "strings.json").write_text(json.dumps([{"string": "hi", "difficulty": 1}]))
    env = env_of(dataset=str(tmp_path / "strings.csv"), train=":1", test="1:")
    assert [task.text for task in env.tasks("train")] == ["HI"]
    assert [(task.text, task.difficulty) for task in env.tasks("test")] == [("YO", 2)]
    assert len(env_of(dataset=str(tmp_path / "strings.json")).tasks("train")) == 1


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "strings.csv"
    file.write_text("string,difficulty\nHI,1\n?,2\n")
    with pytest.raises(CollmError) as caught:
        env_of(dataset=str(file)).tasks("train")
    assert caught.value.where == f"{file}[1].string"


def test_slices_of_the_embedded_strings() -> None:
    assert [task.text for task in env_of(train=":2").tasks("train")] == ["I", "C"]


@pytest.mark.parametrize("agents", [1, 2, 3, 8])
@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize("mode", sorted(MODES))
def test_the_contract_holds(agents: int, variant: str, mode: str) -> None:
    check_env(env_of(num_agents=agents, variant=variant, feedback=mode), tasks_per_split=2)


pieces = st.sampled_from(["/setblock", "0 0 0", "1 4 0", "stone", "obsidian", "air", "\n", "```", "-", "9"])
replies = st.one_of(st.text(), st.text(st.characters(codec=None)), st.lists(pieces).map(" ".join))
configs = st.fixed_dictionaries(
    {
        "num_agents": st.sampled_from([1, 2, 3, 8]),
        "variant": st.sampled_from(["paper", "reference"]),
        "feedback": st.sampled_from(sorted(MODES)),
    }
)


@given(configs, st.data())
def test_any_reply_gives_a_finite_reward_in_range(config: dict[str, Any], data: st.DataObject) -> None:
    env = env_of(**config)
    state, (low, high) = env.reset(L, 0), env.reward_range
    for _ in range(env.num_turns):
        transition = env.step(state, {agent: data.draw(replies) for agent in env.observe(state)})
        assert math.isfinite(transition.reward)
        assert low <= transition.reward <= high
        assert transition.reward == pytest.approx(sum(transition.components.values()))
        state = transition.state
    assert transition.terminated
