"""Multi-agent DPO against its formula, written out with autograd."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from collm.algorithms.base import LOG_RATIOS, Branching, Prediction, make_algorithm
from collm.algorithms.madpo import MADPO
from collm.errors import CollmError
from collm.functional import TokenScores
from collm.types import Tree
from tests.trees import tree, turn

PAIR = tree(turn(1.0), turn(0.0))


def known(*log_ratios: float) -> dict[str, Prediction]:
    """What the joint actions' log-ratios are."""
    after = torch.tensor(log_ratios)
    return {LOG_RATIOS: Prediction(torch.full_like(after, math.nan), torch.full_like(after, math.nan), after)}


def dpo(chosen: Tensor, rejected: Tensor, beta: float) -> Tensor:
    """The sigmoid loss of DPO from the log-ratios of whole replies, as TRL's trainer has it."""
    logits = chosen - rejected
    return -torch.nn.functional.logsigmoid(beta * logits)


@pytest.mark.parametrize("agents", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_every_agent_gets_the_exact_gradient_of_the_joint_loss(agents: int, seed: int) -> None:
    """With one agent this is DPO."""
    stream = torch.Generator().manual_seed(seed)
    names, beta = "abc"[:agents], 0.3
    tokens = torch.tensor([0, 0, 0, 1, 1])  # three of the chosen reply, two of the rejected one
    now = torch.randn(agents, len(tokens), generator=stream).requires_grad_()
    reference = torch.randn(agents, len(tokens), generator=stream)
    log_ratios = torch.stack([(now - reference)[:, tokens == one].sum() for one in (0, 1)])
    dpo(log_ratios[0], log_ratios[1], beta).backward()

    algorithm = MADPO(beta=beta)
    of_team = tree(*(replace(turn(reward, agents=tuple(names))) for reward in (1.0, 0.0)))
    for index, name in enumerate(names):
        pushes = algorithm.advantages(of_team, name, known(*log_ratios.tolist()))
        own = now[index].detach().clone().requires_grad_()
        scores = TokenScores(own, own.detach() - 0.7, tokens, torch.zeros(2), pushes)
        algorithm.policy_losses(scores).mean().backward()
        assert own.grad is not None
        assert now.grad is not None
        torch.testing.assert_close(own.grad, now.grad[index])


def test_a_team_that_is_still_the_reference_has_the_loss_log_2() -> None:
    algorithm = MADPO(beta=0.5)
    assert algorithm.measures(PAIR, known(0.0, 0.0)) == {
        "preference_loss": [pytest.approx(math.log(2))],
        "preference_accuracy": [0.0],
        "preference_margin": [0.0],
    }
    assert algorithm.advantages(PAIR, "a", known(0.0, 0.0)).tolist() == [0.5, -0.5]


def test_a_pair_that_is_settled_pushes_no_more() -> None:
    pushes = MADPO(beta=1.0).advantages(PAIR, "a", known(30.0, -30.0))
    assert pushes.abs().max() < 1e-12
    assert MADPO(beta=1.0).measures(PAIR, known(30.0, -30.0))["preference_accuracy"] == [1.0]


def test_the_best_and_the_worst_of_the_samples_are_the_pair() -> None:
    one = tree(turn(1.0), turn(3.0), turn(0.0), turn(2.0))
    assert MADPO().compared(one) == [1, 2]
    pushes = MADPO().advantages(one, "a", known(math.nan, 0.0, 0.0, math.nan)).tolist()
    assert pushes == pytest.approx([math.nan, 0.1, -0.1, math.nan], nan_ok=True)


def nothing(grown: Tree, algorithm: MADPO) -> bool:
    """Whether a tree teaches nothing."""
    return (
        algorithm.compared(grown) == []
        and algorithm.measures(grown, {}) == {}
        and bool(algorithm.advantages(grown, "a", {}).isnan().all())
    )


def test_ties_and_small_gaps_make_no_pair() -> None:
    assert nothing(tree(turn(1.0), turn(1.0), turn(1.0)), MADPO())
    assert nothing(tree(turn(1.0)), MADPO())
    assert nothing(tree(turn(1.0), turn(0.5)), MADPO(least_gap=0.5))
    assert MADPO(least_gap=0.4).compared(tree(turn(1.0), turn(0.5))) == [0, 1]


def test_what_followed_counts_with_its_discount() -> None:
    grown = tree(turn(0.0, turn(4.0), turn(0.0)), turn(1.5, turn(0.0), turn(0.0)))
    families = {0: [0, 3], 1: [1, 2]}
    assert MADPO().compared(grown) == sorted(families[0] + families[1])  # 0 + 4/2 against 1.5
    pushes = MADPO().advantages(grown, "a", known(*[0.0] * 6)).tolist()
    assert pushes[0] > 0 > pushes[3]
    assert MADPO(discount=0.5).advantages(grown, "a", known(*[0.0] * 6)).tolist()[0] < 0


def test_it_samples_several_joint_actions_and_may_learn_from_saved_ones() -> None:
    assert MADPO(num_generations=3).branching == Branching(3)
    assert MADPO.offline


def test_entropy_and_the_distance_to_the_reference_join_the_loss() -> None:
    now = torch.tensor([0.5, 0.25]).log()
    scores = TokenScores(
        now, now, torch.tensor([0, 1]), now, torch.tensor([0.1, -0.1]), torch.tensor([0.25, 0.25]).log()
    )
    plain = MADPO().action_losses(scores)
    kept = MADPO(reference_kl=0.5).policy_losses(scores) - plain
    assert kept.tolist() == pytest.approx([0.5 * (0.5 + math.log(2) - 1), 0.0])
    diverse = MADPO(entropy_bonus=0.5).policy_losses(replace(scores, reference=None)) - plain
    assert diverse.tolist() == pytest.approx([0.5 * math.log(0.5), 0.5 * math.log(0.25)])


@pytest.mark.parametrize(
    "setting",
    [
        {"ratio": "token"},
        {"ratio_clip": 0.2},
        {"advantage_clip": 1.0},
        {"advantage_normalization": True},
        {"num_generations": 1},
        {"beta": 0},
    ],
)
def test_keys_without_use_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(CollmError, match=next(iter(setting))):
        make_algorithm({"type": "madpo", **setting})
