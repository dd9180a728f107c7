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
from tests.algorithms.tabular import Game, Growing, Joint, moments
from tests.algorithms.test_counterfactual import NAN, ONE_TURN, advantages, equal, q
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


def fitted(game: Game, mixes: bool, as_played: bool) -> dict[Joint, float]:
    """The best mixture or sum of one value for each bit of each agent: least squares over joint actions.

    Each is weighed by how often the policies play it, or all alike.
    """
    said, mixing = torch.zeros(2, 2, requires_grad=True), torch.tensor(first_weights(2, WIDTH))
    parameters = [said, mixing.requires_grad_()] if mixes else [said]
    joints = game.joints()
    weights = torch.tensor([game.chance(0, joint) if as_played else 0.25 for joint in joints])
    paid = torch.tensor([float(game.reward((joint,))) for joint in joints])

    def values() -> torch.Tensor:
        own = torch.stack([said[agent, [joint[agent] for joint in joints]] for agent in (0, 1)])
        return monotonic_mix(own, mixing.expand(len(joints), -1), WIDTH) if mixes else own.sum(0)

    optimizer = torch.optim.Adam(parameters, lr=0.02)
    for _ in range(1500):
        loss = (weights * (values() - paid).square()).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return dict(zip(joints, values().tolist(), strict=True))


class Fitted(QMIX):
    """QMIX whose mixture is given as a table."""

    def mixed(self, predictions: dict[str, Prediction]) -> dict[str, Prediction]:  # type: ignore[override]
        return predictions


def mean(game: Game, mixes: bool, as_played: bool) -> float:
    """The expected gradient estimate at the first agent, with the best values that there are."""
    table = fitted(game, mixes, as_played)

    def critic(growing: Growing) -> dict[str, Prediction]:
        return {"team": q(*(table[past[-1]] for past in growing.pasts))}

    return moments(Fitted(alternatives=1), game, 0, 0, critic)[0]


ADDED = Game(1, lambda past: 2.0 * past[-1][0] - past[-1][1], [[0.3, 0.6]])
BOTH_ONE = Game(1, lambda past: past[-1][0] * past[-1][1], [[0.3, 0.6]])
DIFFER = Game(1, lambda past: float(past[-1][0] != past[-1][1]), [[0.3, 0.6]])


@pytest.mark.parametrize(
    ("game", "mixes", "as_played", "expected"),
    [
        (ADDED, False, False, 0.42),
        (ADDED, True, False, 0.42),
        (BOTH_ONE, False, True, 0.126),
        (BOTH_ONE, False, False, 0.105),
        (BOTH_ONE, True, True, 0.126),
        (BOTH_ONE, True, False, 0.126),
        (DIFFER, False, True, -0.042),
        (DIFFER, False, False, 0.0),
        (DIFFER, True, True, -0.1),
        (DIFFER, True, False, 0.0),
    ],
)
def test_the_table_of_factored_values(game: Game, mixes: bool, as_played: bool, expected: float) -> None:
    assert mean(game, mixes, as_played) == pytest.approx(expected, abs=2e-3)


def test_the_true_gradients_of_that_table() -> None:
    found = [game.gradient(0, 0) for game in (ADDED, BOTH_ONE, DIFFER)]
    assert found == pytest.approx([0.42, 0.126, -0.042])
