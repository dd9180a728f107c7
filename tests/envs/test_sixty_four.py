"""Environments that take any number of agents take sixty-four."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from collm.config.tree import make_config
from collm.contract.held import hold
from collm.env import make_env

TEAM = 64
ENVIRONMENTS: list[Mapping[str, Any]] = [
    {"type": "housebuild", "num_agents": TEAM},
    {"type": "strbuild", "num_agents": TEAM},
    {"type": "sections", "sections": {f"part_{number}": f"part {number}" for number in range(TEAM)}},
]


@pytest.mark.parametrize("settings", ENVIRONMENTS, ids=lambda settings: str(settings["type"]))
def test_an_episode_of_sixty_four_is_played_to_its_end(settings: Mapping[str, Any]) -> None:
    env = hold(make_env(settings))
    assert len(env.agents) == TEAM
    state = env.reset(env.tasks("train")[0], seed=1)
    assert len({one.text for one in env.observe(state).values()}) == TEAM  # each is told its own part
    for _ in range(env.num_turns):
        assert set(env.observe(state)) == set(env.agents)
        transition = env.step(state, {name: f"/setblock {n} 0 0 stone" for n, name in enumerate(env.agents)})
        state = transition.state
    assert transition.terminated


def test_a_recipe_of_sixty_four_adapters_needs_no_entry_for_each() -> None:
    values = {
        "env": {"type": "housebuild", "num_agents": TEAM},
        "algorithm": {"type": "magrpo"},
        "agents": {"*": {"model": "collm:tiny_team/player_1", "adapter": {"r": 4}}},
    }
    config = make_config(values, "recipe")
    assert [f"player_{number}" for number in range(1, TEAM + 1)] == list(config.agents)
