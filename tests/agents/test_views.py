from __future__ import annotations

from dataclasses import replace

import pytest

from collm.agents.views import joint_view, local_view
from collm.errors import CollmError
from collm.types import Action, Episode, Observation, Turn
from tests.trees import turn

FIRST = Turn(
    index=0,
    observations={"a": Observation("plan A"), "b": Observation("plan B", system="not for critics")},
    joint_action={"a": Action("yes"), "b": Action("no\nno")},
    reward=0.0,
    raw_reward=0.0,
    global_information="m0",
)
SECOND = Turn(
    index=1,
    observations={"b": Observation("again")},
    joint_action={"b": Action("done")},
    reward=1.0,
    raw_reward=1.0,
    global_information="m1",
    terminated=True,
)
EPISODE: Episode = (FIRST, SECOND)


def test_the_joint_view_holds_every_history_and_the_global_information() -> None:
    assert joint_view(EPISODE).passages == (
        "[a observation]\nplan A\n[b observation]\nplan B\nm0\n",
        "[a action]\nyes\n[b action]\nno\nno\n[b observation]\nagain\nm1\n",
    )


def test_a_local_view_holds_one_history_and_the_global_information() -> None:
    assert local_view(EPISODE, "b").passages == (
        "[b observation]\nplan B\nm0\n",
        "[b action]\nno\nno\n[b observation]\nagain\nm1\n",
    )


def test_an_agent_that_skips_a_turn_sees_the_global_information_alone() -> None:
    assert local_view(EPISODE, "a").passages == ("[a observation]\nplan A\nm0\n", "[a action]\nyes\nm1\n")


def test_what_follows_the_last_action_is_shown_only_where_the_episode_was_cut_off() -> None:
    beyond = {"a": Observation("on"), "b": Observation("and on")}
    cut_off = replace(
        SECOND, terminated=False, truncated=True, next_observations=beyond, next_global_information="m2"
    )
    assert joint_view((FIRST, cut_off)).passages[2:] == (
        "[b action]\ndone\n[a observation]\non\n[b observation]\nand on\nm2\n",
    )
    assert local_view((FIRST, cut_off), "a").passages[2:] == ("[a observation]\non\nm2\n",)


def test_one_critic_cannot_value_rewards_of_single_agents() -> None:
    with pytest.raises(CollmError, match="needs a joint reward"):
        joint_view((turn(0.0, rewards={"a": 1.0, "b": 0.0}),))


def test_an_uninformed_critic_reads_the_histories_alone() -> None:
    assert local_view(EPISODE, "a", informed=False).passages == (
        "[a observation]\nplan A\n",
        "[a action]\nyes\n",
    )
    assert "m0" not in "".join(joint_view(EPISODE, informed=False).passages)
