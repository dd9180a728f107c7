"""MAPPO and IPPO: actor-critic whose settings are PPO's."""

from __future__ import annotations

import pytest
import torch

from collm.algorithms.base import Algorithm, CriticView, make_algorithm
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.collm_dc import CoLLMDC
from collm.algorithms.ippo import IPPO
from collm.algorithms.mappo import MAPPO
from collm.algorithms.temporal_difference import CENTRAL
from collm.errors import CollmError
from tests.algorithms.predictions import values
from tests.trees import chain, turn

THREE = chain(turn(1.0), turn(0.0), turn(2.0))
VALUED = values(before=[4.0, 2.0, 1.0], following=[2.0, 1.0, 0.0])


def test_what_the_critics_read() -> None:
    assert MAPPO().critics(["a", "b"]) == {CENTRAL: CriticView()}
    assert IPPO().critics(["a", "b"]) == {"a": CriticView("a"), "b": CriticView("b")}


@pytest.mark.parametrize(
    ("ppo", "plain", "name"),
    [
        (MAPPO(trace_decay=0.5), CoLLMCC(trace_decay=0.5), CENTRAL),
        (IPPO(trace_decay=0.5), CoLLMDC(trace_decay=0.5), "a"),
    ],
)
def test_advantages_are_those_of_the_papers_methods(ppo: Algorithm, plain: Algorithm, name: str) -> None:
    said = {name: VALUED}
    assert torch.equal(ppo.advantages(THREE, "a", said), plain.advantages(THREE, "a", said))
    # residuals -1, -1, 1 decay by one half
    assert ppo.advantages(THREE, "a", said).tolist() == [-1.25, -0.5, 1.0]


def test_with_one_agent_they_are_the_same() -> None:
    grown = chain(turn(1.0, agents=("a",)), turn(2.0, agents=("a",)))
    said = values([3.0, 1.0], [1.0, 0.0])
    central = MAPPO().advantages(grown, "a", {CENTRAL: said})
    assert torch.equal(central, IPPO().advantages(grown, "a", {"a": said}))


def test_several_rewards_before_the_next_value() -> None:
    # residuals -1, -1, 1: two of them are 1 + 0 + V(2) - V(0) = 1 + 0 + 1 - 4, then 0 + 2 - 2, then 2 - 1
    said = {CENTRAL: VALUED}
    assert CoLLMCC(n_step=2).advantages(THREE, "a", said).tolist() == [-2.0, 0.0, 1.0]
    assert CoLLMCC(n_step=1).advantages(THREE, "a", said).tolist() == [-1.0, -1.0, 1.0]
    assert CoLLMCC(n_step=9).advantages(THREE, "a", said).tolist() == [3 - 4.0, 2 - 2.0, 2 - 1.0]
    # discounted by one half: 1 + 0 + 0.25 * V(2) - V(0), 0 + 0.5 * 2 - V(1)
    assert CoLLMCC(n_step=2, discount=0.5).advantages(THREE, "a", said).tolist() == [-2.75, -1.0, 1.0]


def test_there_is_one_way_to_look_ahead() -> None:
    with pytest.raises(CollmError, match="exclude each other"):
        make_algorithm({"type": "mappo", "n_step": 2})
    assert make_algorithm({"type": "mappo", "n_step": 2, "trace_decay": 0})


def test_a_clip_of_values_asks_for_several_steps() -> None:
    assert MAPPO(value_clip=0.2).clips_values
    assert not MAPPO().clips_values
    for settings in ({"critic_epochs": 1}, {"minibatch_size": 4}, {"update_epochs": 2}):
        assert make_algorithm({"type": "collm_cc", "value_clip": 0.2, **settings}).clips_values
    with pytest.raises(CollmError, match="value_clip does nothing in one step"):
        make_algorithm({"type": "collm_cc", "value_clip": 0.2})
