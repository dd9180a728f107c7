"""QMIX: what it asks for, that it begins as VDN, and its bias, by enumeration."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from collm.algorithms.base import CriticView, Prediction
from collm.algorithms.monotonic import MIXER
from collm.algorithms.qmix import QMIX
from collm.algorithms.vdn import VDN
from collm.functional import first_weights, monotonic_mix
from tests.algorithms.tabular import Game, Growing, moments
from tests.algorithms.test_counterfactual import NAN, ONE_TURN, advantages, equal, q
from tests.algorithms.test_exact import terms
from tests.functional.test_mixing import summing_weights

WIDTH = 4


def weights(*numbers: float) -> Prediction:
    """A mixer that says the same at every turn of :data:`ONE_TURN`."""
    said = torch.tensor([list(numbers)] * 5)
    return Prediction(said, said, said)


IDENTITY = weights(*summing_weights(2, WIDTH))

opinions = st.lists(st.floats(-0.375, 4, width=32), min_size=5, max_size=5)


def test_what_it_asks_for() -> None:
    algorithm = QMIX(mixer_width=WIDTH, mixer_learning_rate=0.01)
    assert algorithm.critics(["a", "b"]) == {
        "a": CriticView("a", ("after",)),
        "b": CriticView("b", ("after",)),
    }
    (view,) = algorithm.mixers(["a", "b"]).values()
    assert len(view.first) == 2 * WIDTH + WIDTH + WIDTH + 1
    assert view.learning_rate == 0.01
    assert VDN().mixers(["a", "b"]) == {}


@given(opinions, opinions)
def test_with_an_identity_mixer_it_is_vdn(a: list[float], b: list[float]) -> None:
    said, algorithm = {"a": q(*a), "b": q(*b)}, QMIX(mixer_width=WIDTH)
    mixing = {**said, MIXER: IDENTITY}
    mixed, summed = algorithm.mixed(mixing)["team"].after, VDN().mixed(said)["team"].after
    assert mixed.tolist() == pytest.approx(summed.tolist(), abs=1e-4)
    for agent in ("a", "b"):
        found, expected = (
            advantages(algorithm, ONE_TURN, agent, mixing),
            advantages(VDN(), ONE_TURN, agent, said),
        )
        assert found == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_credit_is_what_the_mixture_loses_with_the_alternatives() -> None:
    # one hidden unit: twice a's value and b's, bent below 0, times 3
    said = {"a": q(1.0, 0.0, 0.5, 1.0, 1.0), "b": q(0.5, 0.5, 0.5, 1.5, -2.0), MIXER: weights(2, 1, 0, 3, 7)}
    algorithm = QMIX(mixer_width=1)
    unread, lowest = [NAN] * 4, 2 * 1.0 - 2.0
    assert equal(advantages(algorithm, ONE_TURN, "a", said), [3 * (2.5 - (0.5 + 1.5) / 2), *unread])
    assert equal(advantages(algorithm, ONE_TURN, "b", said), [3 * (2.5 - (3.5 + lowest) / 2), *unread])


def fitted(game: Game) -> dict[tuple[int, int], float]:
    """The best mixture of one value for each bit of each agent: least squares over all joint actions."""
    torch.manual_seed(0)
    said = torch.zeros(2, 2, requires_grad=True)
    mixing = torch.tensor(first_weights(2, WIDTH)).requires_grad_()
    joints = game.joints()
    paid = torch.tensor([game.reward((joint,)) for joint in joints])
    optimizer = torch.optim.Adam([said, mixing], lr=0.02)
    for _ in range(1500):
        loss = (_mixture(said, mixing, joints) - paid).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = _mixture(said, mixing, joints).tolist()
    return {(joint[0], joint[1]): value for joint, value in zip(joints, found, strict=True)}


def _mixture(said: torch.Tensor, mixing: torch.Tensor, joints: list[tuple[int, ...]]) -> torch.Tensor:
    values = torch.stack([said[agent, [joint[agent] for joint in joints]] for agent in (0, 1)])
    return monotonic_mix(values, mixing.expand(len(joints), -1), WIDTH)


class Fitted(QMIX):
    """QMIX whose mixture is given as a table."""

    def mixed(self, predictions: dict[str, Prediction]) -> dict[str, Prediction]:  # type: ignore[override]
        return predictions


def mean(game: Game) -> float:
    """The expected gradient estimate at the first agent, with the best mixture there is."""
    table = fitted(game)

    def critic(growing: Growing) -> dict[str, Prediction]:
        return {"team": q(*(table[past[-1][0], past[-1][1]] for past in growing.pasts))}

    return moments(Fitted(alternatives=1), game, 0, 0, critic)[0]


def test_rewards_that_rise_with_every_action_are_held_though_they_do_not_add_up() -> None:
    """Paid if both say one, policies uneven: VDN's sum misses the gradient, the mixture has it."""
    both = Game(1, lambda past: past[-1][0] * past[-1][1], [[0.5, 0.9]])
    true = both.gradient(0, 0)
    assert mean(both) == pytest.approx(true, abs=2e-3)
    summed, _ = moments(VDN(alternatives=1), both, 0, 0, terms)
    assert abs(summed - true) > 0.05


def test_an_exclusive_or_has_no_monotonic_mixture() -> None:
    """For a partner that mostly says one, the gradient is far below 0; the best mixture's is not."""
    differ = Game(1, lambda past: float(past[-1][0] != past[-1][1]), [[0.5, 0.9]])
    assert differ.gradient(0, 0) == pytest.approx(-0.2)
    assert abs(mean(differ) - differ.gradient(0, 0)) > 0.05
