"""VDAC: what it asks for, its mixture, and the gradient by enumeration."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collm.algorithms.base import CriticView, Prediction
from collm.algorithms.collm_cc import CoLLMCC
from collm.algorithms.monotonic import MIXER
from collm.algorithms.temporal_difference import CENTRAL
from collm.algorithms.vdac import VDAC
from tests.algorithms.predictions import values
from tests.algorithms.tabular import Growing, moments
from tests.algorithms.test_exact import LATE, PLACES, wrong
from tests.algorithms.test_invariants import chained
from tests.functional.test_mixing import summing_weights

WIDTH = 2


def mixing(terminated: list[bool]) -> Prediction:
    """The sum at every turn; nothing follows where an episode has terminated."""
    own = torch.tensor([summing_weights(2, WIDTH)] * len(terminated))
    following = own * torch.tensor([[0.0 if end else 1.0] for end in terminated])
    return Prediction(own, following, own)


def test_what_it_asks_for() -> None:
    assert VDAC().critics(["a", "b"]) == {"a": CriticView("a"), "b": CriticView("b")}
    assert list(VDAC().mixers(["a", "b"])) == [MIXER]


opinions = st.lists(st.tuples(*[st.floats(0, 4, width=16)] * 3), min_size=1, max_size=4)
"""By turn, a reward and two agents' values."""


@given(opinions, st.sampled_from([0.0, 0.5, 1.0]))
def test_with_a_sum_it_is_a_centralized_critic_that_says_the_sum(
    episode: list[tuple[float, float, float]], decay: float
) -> None:
    tree = chained([(reward, 0.0) for reward, _, _ in episode])
    before = {"a": [a for _, a, _ in episode], "b": [b for _, _, b in episode]}
    said = {agent: values(own, [*own[1:], 0.0]) for agent, own in before.items()}
    ends = [turn.terminated for turn in tree.turns]
    algorithm = VDAC(mixer_width=WIDTH, trace_decay=decay)
    mixed = algorithm.mixed({**said, MIXER: mixing(ends)})
    both = [a + b for a, b in zip(*before.values(), strict=True)]
    central = {CENTRAL: values(both, [*both[1:], 0.0])}
    expected = CoLLMCC(trace_decay=decay)
    found = algorithm.advantages(tree, "a", mixed)
    torch.testing.assert_close(found, expected.advantages(tree, "a", central), atol=1e-4, rtol=1e-4)
    assert found.equal(algorithm.advantages(tree, "b", mixed))
    goal, other = algorithm.targets(tree, mixed)["team"].before, expected.targets(tree, central)[CENTRAL]
    torch.testing.assert_close(goal, other.before, atol=1e-4, rtol=1e-4)


def opinionated(growing: Growing) -> dict[str, Prediction]:
    said = wrong(growing)
    ends = [turn.terminated for turn in growing.turns]
    return {"a": said["a"], "b": said["b"], MIXER: mixing(ends)}


@pytest.mark.parametrize(("agent", "turn"), PLACES)
def test_a_full_trace_gives_the_gradient_whatever_the_critics_say(agent: int, turn: int) -> None:
    algorithm = VDAC(trace_decay=1, mixer_width=WIDTH)
    found, _ = moments(algorithm, LATE, agent, turn, opinionated)
    assert found == pytest.approx(LATE.gradient(agent, turn), abs=1e-6)


def test_a_wrong_mixture_biases_short_traces() -> None:
    found, _ = moments(VDAC(trace_decay=0, mixer_width=WIDTH), LATE, 0, 0, opinionated)
    assert abs(found - LATE.gradient(0, 0)) > 0.005
