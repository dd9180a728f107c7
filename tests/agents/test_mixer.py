"""The small network that says how values are mixed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from collm.agents.mixer import Mixer
from collm.agents.views import MixerInput, mixer_input
from collm.algorithms.base import MixerView
from collm.errors import CollmError
from collm.types import Observation
from tests.trees import chain, tree, turn

VIEW = MixerView((1.0, -2.0, 0.5), learning_rate=1e-2, width=8)
READ = MixerInput(((0.0, 0.5), (0.5, -1.0)), (0, 1), (1, None), (0, 1))


def learn(mixer: Mixer, goal: float = 3.0) -> float:
    """Step towards a goal at every place; the loss before."""
    values = mixer.predict([READ, READ])
    errors = [one - goal for one in values.by_passage]
    mixer.update([READ, READ], values, [2 * error for error in errors], 1 / 12, 0, 1)
    return float(torch.cat(errors).square().mean())


def test_before_it_learns_it_says_the_same_everywhere() -> None:
    for said in Mixer(VIEW, 2, "one").predict([READ, READ]).by_passage:
        assert said.tolist() == [list(VIEW.first)] * 2


def test_it_learns() -> None:
    mixer = Mixer(VIEW, 2, "one")
    losses = [learn(mixer) for _ in range(300)]
    assert losses[0] == pytest.approx((4 + 25 + 6.25) / 3)
    assert losses[-1] < 0.01


def test_what_it_says_comes_to_depend_on_the_numbers() -> None:
    mixer = Mixer(VIEW, 2, "one")
    for _ in range(50):
        values = mixer.predict([READ])
        mixer.update([READ], values, [torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]])], 1.0, 0, 1)
    first, second = mixer.predict([READ]).by_passage[0]
    assert second[0] - first[0] > 0.1


def test_a_tree_with_more_numbers_at_a_later_turn_is_refused_before_a_run() -> None:
    first, second = turn(1.0), turn(2.0)
    uneven = chain(replace(first, global_numbers=(0.0, 1.0)), replace(second, global_numbers=(0.0, 1.0, 2.0)))
    Mixer(VIEW, 2, "one").check_reads(replace(uneven, turns=uneven.turns[:1], parents=(None,)))
    with pytest.raises(CollmError, match="2 at the first turn and 3 at another"):
        Mixer(VIEW, 2, "one").check_reads(uneven)


def test_another_seed_is_another_network_and_the_global_noise_stays() -> None:
    state = torch.get_rng_state()
    one, same, other = (next(Mixer(VIEW, 2, "one", seed=seed).parameters()) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_saved_mixer_goes_on_bit_for_bit(tmp_path: Path) -> None:
    mixer = Mixer(VIEW, 2, "one")
    learn(mixer)
    mixer.save(tmp_path / "mixer")
    mixer.save_optimizer(tmp_path / "mixer.pt")
    resumed = Mixer(VIEW, 2, "one", tmp_path / "mixer", seed=5)
    resumed.load_optimizer(tmp_path / "mixer.pt")
    for one in (mixer, resumed):
        learn(one)
    for found, expected in zip(resumed.parameters(), mixer.parameters(), strict=True):
        assert torch.equal(found, expected)


def test_it_reads_the_numbers_of_each_turn_and_of_what_follows() -> None:
    first, second = (replace(turn(0.0), global_numbers=(float(t),)) for t in (0, 1))
    assert mixer_input(chain(first, second)) == MixerInput(((0.0,), (1.0,)), (0, 1), (1, None), (0, 1))
    cut = replace(
        first,
        terminated=False,
        truncated=True,
        next_observations={"a": Observation("more")},
        next_global_numbers=(9.0,),
    )
    assert mixer_input(tree(cut, first)) == MixerInput(((0.0,), (0.0,), (9.0,)), (0, 1), (2, None), (0, 1))
