from __future__ import annotations

import json
import math
import timeit
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collm.base.validation import validated
from collm.contract.check_env import check_env
from collm.envs.minecraft.blueprint import Blueprint
from collm.envs.minecraft.building import BuildState
from collm.envs.minecraft.feedback import MODES
from collm.envs.minecraft.framing import SYSTEM
from collm.envs.minecraft.housebuild import HouseBuild
from collm.envs.minecraft.prompts import first_prompt
from collm.envs.minecraft.world import resource_limits
from collm.errors import CollmError
from collm.types import Observations

PEACE = {"count": 0}


def env_of(**config: Any) -> HouseBuild:
    return validated(HouseBuild, config, "env")


def fills(house: Blueprint) -> list[str]:
    return [f"/fill {r.x1} {r.y} {r.z1} {r.x2} {r.y} {r.z2} {r.block}" for r in house.rectangles()]


def play(env: HouseBuild, house: Blueprint, *replies: str) -> Any:
    return env.step(env.reset(house, 0), dict(zip(env.agents, replies, strict=True)))


def second_state(env: HouseBuild, house: Blueprint, reply: str = "") -> BuildState[Blueprint]:
    state = play(env, house, *[reply] * env.num_agents).state
    assert isinstance(state, BuildState)
    return state


# --- reward: golden values ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("house", "share"),
    [("0002", 0.4150), ("0101", 0.2925), ("0104", 0.4966), ("0106", 0.3401), ("0108", 0.4898)],
)
def test_an_empty_answer_matches_the_air(houses: dict[str, Blueprint], house: str, share: float) -> None:
    transition = play(env_of(spiders=PEACE), houses[house], "", "")
    assert transition.reward == pytest.approx(share, abs=5e-5)
    assert transition.metrics["iou"] == 0.0


def test_the_full_answer_is_worth_one(houses: dict[str, Blueprint]) -> None:
    env = env_of(limited_resource=False)
    for house in houses.values():
        transition = play(env, house, "\n".join(fills(house)), "/kill")
        assert (
            transition.reward == transition.metrics["match"] == transition.metrics["iou_block_aware"] == 1.0
        )
        assert transition.metrics["fills"] == len(fills(house))


@pytest.mark.parametrize(("house", "alone", "halves"), [("0002", 0.82, 0.89), ("0108", 0.79, 0.85)])
def test_under_limits_one_agent_alone_or_naive_halves_fall_short(
    houses: dict[str, Blueprint], house: str, alone: float, halves: float
) -> None:
    env, commands = env_of(spiders=PEACE), fills(houses[house])
    half = len(commands) // 2
    assert play(env, houses[house], "\n".join(commands), "").reward == pytest.approx(alone, abs=5e-3)
    split = play(env, houses[house], "\n".join(commands[:half]), "\n".join(commands[half:]))
    assert split.reward == pytest.approx(halves, abs=5e-3)


def test_a_box_full_of_one_block_has_iou_but_little_match(houses: dict[str, Blueprint]) -> None:
    env = env_of(spiders=PEACE, limited_resource=False)
    for house, iou, match in (("0002", 0.585, 0.18), ("0108", 0.510, 0.13)):
        metrics = play(env, houses[house], "/fill 0 0 0 5 6 6 stone_bricks", "").metrics
        assert metrics["iou"] == pytest.approx(iou, abs=5e-4)
        assert metrics["match"] == pytest.approx(match, abs=5e-3)
        assert metrics["iou_block_aware"] < metrics["iou"]


@pytest.mark.parametrize(("damage", "penalty"), [(0, 0.0), (3, 0.06), (4, 0.08), (5, 0.10), (9, 0.10)])
def test_penalties_at_the_weight_of_the_reference(hut: Blueprint, damage: int, penalty: float) -> None:
    env = env_of(
        variant="reference", spiders={"count": 1, "attack_low": damage, "attack_high": damage}, num_turns=2
    )
    transition = play(env, hut, "", "")
    assert transition.components["spiders"] == pytest.approx(-penalty)
    assert transition.reward == pytest.approx(2 / 18 - penalty)
    assert transition.metrics["hp"] == pytest.approx(1 - min(1, damage / 5))


@pytest.mark.parametrize(
    ("config", "weight"),
    [
        ({}, 0.2),
        ({"variant": "reference"}, 0.1),
        ({"penalty_weight": 0.5}, 0.5),
        ({"penalty_weight": 0}, 0.0),
    ],
)
def test_the_weight_is_the_variants_unless_given(
    hut: Blueprint, config: dict[str, Any], weight: float
) -> None:
    env = env_of(**config)
    assert play(env, hut, "", "").components["spiders"] == pytest.approx(-weight)
    assert env.reward_range == (-weight, 1.0)


def test_the_end_pays_what_all_turns_earned(hut: Blueprint) -> None:
    turns = [("/kill", ""), ("/fill 0 0 0 2 0 1 oak_planks", ""), ("/fill 0 0 0 2 0 1 oak_planks", "/kill")]
    rewards: dict[str, list[float]] = {}
    told: dict[str, list[Observations]] = {}
    for pay in ("each", "end"):
        env = env_of(pay=pay, num_turns=3)
        state, rewards[pay], told[pay] = env.reset(hut, 0), [], []
        for one, other in turns:
            told[pay].append(env.observe(state))
            transition = env.step(state, {"player_1": one, "player_2": other})
            state = transition.state
            rewards[pay].append(transition.reward)
    assert rewards["end"] == [0, 0, pytest.approx(sum(rewards["each"]))]
    assert len(set(rewards["each"])) == 3
    assert told["end"] == told["each"]
    assert env_of(pay="end", num_turns=3).reward_range == pytest.approx((-0.6, 3.0))


@pytest.mark.parametrize("replies", [("/kill", ""), ("", "/kill"), ("kill all\n/kill", "/kill")])
def test_one_attack_by_anyone_removes_the_penalty(hut: Blueprint, replies: tuple[str, str]) -> None:
    transition = play(env_of(), hut, *replies)
    assert str(transition.components["spiders"]) == "0.0"
    assert transition.metrics["hp"] == 1.0
    assert transition.metrics["attacks"] == "\n".join(replies).count("kill")


def test_the_attack_of_the_papers_prompt_counts_in_its_reading_alone(hut: Blueprint) -> None:
    attack = "/damage @e[type=spider,limit=1] 8 minecraft:player attack"
    assert play(env_of(), hut, attack, "").metrics["hp"] == 1.0
    assert play(env_of(variant="reference"), hut, attack, "").metrics["hp"] == 0.0


def test_spiders_spare_a_single_agent_of_the_reference_but_feedback_tells_of_them(hut: Blueprint) -> None:
    env = env_of(variant="reference", num_agents=1)
    transition = play(env, hut, "")
    assert transition.reward == transition.metrics["match"]
    text = env.observe(transition.state)["player_1"].text
    assert f"- Previous reward: {2 / 18 - 0.1:.4f}" in text
    paper = play(env_of(num_agents=1), hut, "")
    assert paper.reward == pytest.approx(2 / 18 - 0.2)


# --- rules -------------------------------------------------------------------------------------------


def test_agents_apply_in_order_and_the_last_overwrites(hut: Blueprint) -> None:
    stone, wood = "/fill 0 1 0 0 1 0 stone", "/fill 0 1 0 0 1 0 oak_planks"
    env = env_of(spiders=PEACE)
    assert play(env, hut, wood, stone).reward > play(env, hut, stone, wood).reward


def test_nothing_persists_between_turns(hut: Blueprint) -> None:
    env = env_of(spiders=PEACE)
    first = play(env, hut, "/fill 0 0 0 2 0 0 oak_planks", "")
    second = env.step(first.state, {"player_1": "", "player_2": ""})
    assert first.reward == pytest.approx(5 / 18)
    assert second.reward == pytest.approx(2 / 18)


def test_commands_are_shared_out_and_the_first_agent_gets_the_rest(hut: Blueprint) -> None:
    reply = "/fill 0 0 0 0 0 0 air\n" * 10
    for agents, shares in ((2, [6, 5]), (3, [5, 3, 3])):
        env = env_of(num_agents=agents, max_commands=11)
        for index, share in enumerate(shares):
            replies = [reply if other == index else "" for other in range(agents)]
            assert play(env, hut, *replies).metrics["fills"] == share


def test_limits_count_for_each_agent_alone(hut: Blueprint) -> None:
    env = env_of(spiders=PEACE)
    assert play(env, hut, "/fill 0 0 0 2 0 2 oak_planks", "").metrics["fills"] == 0
    rows = "/fill 0 0 0 2 0 1 oak_planks", "/fill 0 0 2 2 0 2 oak_planks"
    assert play(env, hut, *rows).reward == pytest.approx(11 / 18)


def test_the_episode_ends_after_its_turns_by_termination(hut: Blueprint) -> None:
    env = env_of(num_turns=2)
    first = play(env, hut, "", "")
    second = env.step(first.state, {"player_1": "", "player_2": ""})
    assert [first.terminated, second.terminated] == [False, True]
    assert not second.truncated


def test_processed_rewards_end_an_episode_early_above_nine_tenths() -> None:
    env = env_of()
    assert env.processed(1.0) == 0.0
    assert env.processed(-0.2) == pytest.approx(-1.2)
    assert env.ends_early([0.0, -0.1])
    assert not env.ends_early([-0.1, -0.1])
    assert not env_of(termination_threshold=None).ends_early([0.0])


def test_global_information_tells_the_turn_and_the_raw_reward() -> None:
    text = env_of().global_information(1, 0.51)
    assert text == "You are at turn = 1 over a 4-turn episode.\nYour last-turn reward is 0.51 / 1."


# --- observations ------------------------------------------------------------------------------------


def opening(env: HouseBuild, house: Blueprint, agent: int) -> str:
    limits = resource_limits(house, env.num_agents) if env.limited_resource else None
    return first_prompt(house, agent, env.num_agents, env.reading, env.spiders, limits, env.include_air)


def test_the_reference_opens_with_a_system_message_and_goes_on_raw(hut: Blueprint) -> None:
    env = env_of(variant="reference")
    first = env.observe(env.reset(hut, 0))["player_2"]
    assert (first.text, first.system, first.raw) == (opening(env, hut, 2), SYSTEM, False)
    later = env.observe(second_state(env, hut))["player_2"]
    assert (later.system, later.raw) == (None, True)
    assert later.text.startswith(f"{SYSTEM}\n\nScore feedback:\n- Turn: 2\n")


def test_the_paper_reading_keeps_the_chat_template_and_leaves_history_to_the_agent(hut: Blueprint) -> None:
    env = env_of()
    first = env.observe(env.reset(hut, 0))["player_1"]
    assert (first.text, first.system, first.raw) == (opening(env, hut, 1), None, False)
    later = env.observe(second_state(env, hut, "/kill"))["player_1"]
    assert later.text == (
        "Score feedback:\n- Turn: 2\n- Previous reward: 0.1111\n- Do not output any text other than commands."
    )
    assert not later.raw


def marks(text: str) -> list[str]:
    """The parts of a follow-up in the order in which they come."""
    titles = {
        "original": "Task: Build the 3D structure",
        "limits": "Resource limits per agent",
        "commands": "Your previous commands:\n",
        "raw output": "Your previous raw output:\n",
        "mode": "- Do not output any text other than commands.",
        "position": "Position feedback",
    }
    found = {name: text.index(title) for name, title in titles.items() if title in text}
    return sorted(found, key=lambda name: found[name])


ORDERS = {
    "score_feedback": ["mode", "original", "limits", "commands"],
    "perfect_feedback": ["mode", "original", "limits", "commands"],
    "position_feedback": ["position", "original", "limits", "commands"],
    "position_modification": ["original", "limits", "mode", "commands"],
    "rect_modification": ["original", "limits", "mode", "raw output"],
    "resource_schedule": ["original", "limits", "mode", "raw output"],
}


@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize("mode", sorted(MODES))
def test_the_order_of_parts(hut: Blueprint, mode: str, variant: str) -> None:
    env = env_of(variant=variant, feedback=mode, original_prompt=True, previous_response=True)
    text = env.observe(second_state(env, hut, "my own words"))["player_1"].text
    assert marks(text) == ORDERS[mode]
    assert text.endswith(":\nmy own words")
    assert opening(env, hut, 1) in text


@pytest.mark.parametrize("blank", ["", " \n "])
def test_a_blank_reply_is_not_repeated_and_others_without_the_space_around(
    hut: Blueprint, blank: str
) -> None:
    env = env_of(variant="reference")
    assert "commands" not in marks(env.observe(second_state(env, hut, blank))["player_1"].text)
    text = env.observe(second_state(env, hut, "\n my own words \n"))["player_1"].text
    assert text.endswith(":\nmy own words")


@pytest.mark.parametrize("mode", sorted(MODES))
def test_limits_replace_the_original_prompt_where_the_mode_wants_them(hut: Blueprint, mode: str) -> None:
    env = env_of(variant="reference", feedback=mode, original_prompt=False, previous_response=False)
    text = env.observe(second_state(env, hut, "my own words"))["player_1"].text
    name = "position" if mode == "position_feedback" else "mode"
    bare = mode in {"score_feedback", "position_feedback"}
    assert marks(text) == ([name] if bare else ["limits", name])
    assert "my own words" not in text


@pytest.mark.parametrize(("variant", "repeats"), [("paper", False), ("reference", True)])
def test_defaults_of_the_flags_are_the_variants(hut: Blueprint, variant: str, repeats: bool) -> None:
    env = env_of(variant=variant)
    text = env.observe(second_state(env, hut, "my own words"))["player_1"].text
    assert ("original" in marks(text)) is repeats
    assert ("commands" in marks(text)) is repeats


def test_without_limits_no_limits_are_told(hut: Blueprint) -> None:
    env = env_of(feedback="rect_modification", limited_resource=False)
    assert marks(env.observe(second_state(env, hut))["player_1"].text) == ["mode"]
    assert "limits" not in marks(env.observe(env.reset(hut, 0))["player_1"].text)


def test_agents_never_see_each_others_replies(hut: Blueprint) -> None:
    for mode in MODES:
        env = env_of(variant="reference", feedback=mode)
        replies = "first secret\n/fill 0 0 0 0 0 0 stone", "second secret\n/fill 2 1 2 2 1 2 air"
        texts = env.observe(play(env, hut, *replies).state)
        assert "second secret" not in texts["player_1"].text
        assert "/fill 2 1 2 2 1 2 air" not in texts["player_1"].text
        assert "first secret" not in texts["player_2"].text
        assert "/fill 0 0 0 0 0 0 stone" not in texts["player_2"].text


def test_score_feedback_shows_the_raw_reward(hut: Blueprint) -> None:
    env = env_of(reward_scale=10.0, reward_shift=3.0)
    assert "- Previous reward: -0.0889\n" in env.observe(second_state(env, hut))["player_1"].text


# --- tasks and configuration ---------------------------------------------------------------------------


def test_splits_of_the_dataset(dataset_path: str) -> None:
    env = env_of(dataset=dataset_path, train=":8", test="8:10")
    assert [len(env.tasks(split)) for split in ("train", "test")] == [8, 2]
    assert env.tasks("train")[0].id == "house_build_0002"
    assert env.tasks("test")[0].layers == env.tasks("test")[1].layers


def test_a_broken_row_is_named_by_file_and_index(tmp_path: Path, hut_row: dict[str, Any]) -> None:
    file = tmp_path / "houses.json"
    file.write_text(json.dumps([hut_row, {**hut_row, "inventory": {}}]))
    with pytest.raises(CollmError) as caught:
        env_of(dataset=str(file)).tasks("train")
    assert caught.value.where == f"{file}[1].target_spec.layers"


def test_a_task_can_be_read_alone(hut: Blueprint, hut_row: dict[str, Any]) -> None:
    assert env_of().parse_task(hut_row, "row") == hut


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"feedback": "resource_schedule", "limited_resource": False}, "needs limited_resource"),
        ({"max_commands": 1}, "max_commands must be at least num_agents"),
        ({"feedback": "none"}, "env.feedback"),
        ({"num_agents": 0}, "env.num_agents"),
        ({"spider": {}}, "did you mean 'spiders'"),
        ({"spiders": {"hp": 5}}, "env.spiders.hp: unknown key"),
    ],
)
def test_inconsistent_configurations_are_refused(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        env_of(**config)


# --- the contract ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("agents", [1, 2, 3, 8])
@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize("mode", sorted(MODES))
def test_the_contract_holds(agents: int, variant: str, mode: str) -> None:
    env = env_of(num_agents=agents, variant=variant, feedback=mode, train=":2", test=":2")
    assert env.agents == tuple(f"player_{number}" for number in range(1, agents + 1))
    check_env(env, tasks_per_split=1)


pieces = st.sampled_from(
    ["/fill", "0 0 0 2 1 2", "stone", "air", "/kill", "\n", "```", "- ", "1.", "~", "-1"]
)
replies = st.one_of(st.text(), st.text(st.characters(codec=None)), st.lists(pieces).map(" ".join))
configs = st.fixed_dictionaries(
    {
        "num_agents": st.sampled_from([1, 2, 3, 8]),
        "variant": st.sampled_from(["paper", "reference"]),
        "feedback": st.sampled_from(sorted(MODES)),
    }
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(configs, st.data())
def test_any_reply_gives_a_finite_reward_in_range(
    hut: Blueprint, config: dict[str, Any], data: st.DataObject
) -> None:
    env = env_of(**config)
    state, low_high = env.reset(hut, 0), env.reward_range
    for _ in range(env.num_turns):
        observations = env.observe(state)
        assert set(observations) == set(env.agents)
        transition = env.step(state, {agent: data.draw(replies) for agent in observations})
        assert math.isfinite(transition.reward)
        assert low_high[0] <= transition.reward <= low_high[1]
        assert transition.reward == pytest.approx(sum(transition.components.values()))
        state = transition.state
    assert transition.terminated


@pytest.mark.parametrize("mode", sorted(MODES))
def test_a_house_is_played_well_below_two_milliseconds(houses: dict[str, Blueprint], mode: str) -> None:
    env, reply = env_of(feedback=mode), "\n".join(fills(houses["0002"])[::2])
    state = env.reset(houses["0002"], 0)
    replies = dict.fromkeys(env.agents, reply)
    following = env.step(state, replies).state
    for call in (lambda: env.step(state, replies), lambda: env.observe(following)):
        assert min(timeit.repeat(call, number=1, repeat=30)) < 2e-3
