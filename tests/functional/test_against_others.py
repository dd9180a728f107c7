"""Our mathematics against independent implementations on random tensors: torchrl's, and TRL's real trainers.

They are not part of the tests' installation: ``pip install 'collm[compare]'``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.functional import (
    TokenScores,
    clipped_value_losses,
    group_relative,
    lambda_advantages,
    leave_one_out,
    surrogate_losses,
    td_residuals,
)
from tests.checkpoints import save_qwen3

GROUPS, SIZE = 2, 4


def test_generalized_advantages_are_torchrls() -> None:
    functional = pytest.importorskip("torchrl.objectives.value.functional")
    generator = torch.Generator().manual_seed(0)
    for discount, decay in ((0.9, 0.8), (1.0, 0.95), (0.5, 0.0), (1.0, 1.0)):
        rewards, values = torch.randn(2, 9, generator=generator).unbind()
        following = torch.cat([values[1:], torch.zeros(1)])
        ended = torch.zeros(9, 1, dtype=torch.bool)
        ended[-1] = True
        columns = (one.unsqueeze(-1) for one in (values, following, rewards))
        expected, _ = functional.generalized_advantage_estimate(discount, decay, *columns, ended, ended)
        residuals = td_residuals(rewards, values, following, discount)
        found = lambda_advantages(residuals, [None, *range(8)], discount, decay)
        torch.testing.assert_close(found, expected.squeeze(-1), atol=1e-5, rtol=1e-5)


def test_the_clipped_surrogate_and_its_gradient_are_torchrls() -> None:
    objectives = pytest.importorskip("torchrl.objectives")
    from tensordict import TensorDict
    from tensordict.nn import (
        ProbabilisticTensorDictModule,
        ProbabilisticTensorDictSequential,
        TensorDictModule,
    )
    from torch.distributions import Categorical

    generator = torch.Generator().manual_seed(1)
    logits = torch.nn.Parameter(torch.randn(64, 5, generator=generator))
    actions = torch.randint(5, (64,), generator=generator)
    advantages = torch.randn(64, generator=generator)
    logprobs = logits.log_softmax(-1).gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    behavior = (logprobs + 0.4 * torch.randn(64, generator=generator)).detach()

    class Table(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.logits = logits

        def forward(self, seen: torch.Tensor) -> torch.Tensor:
            return self.logits

    actor = ProbabilisticTensorDictSequential(
        TensorDictModule(Table(), in_keys=["seen"], out_keys=["logits"]),
        ProbabilisticTensorDictModule(
            in_keys=["logits"], out_keys=["action"], distribution_class=Categorical, return_log_prob=True
        ),
    )
    loss = objectives.ClipPPOLoss(actor, None, clip_epsilon=0.2, entropy_bonus=False, critic_coeff=None)
    given = {
        "seen": torch.zeros(64, 1),
        "action": actions,
        "advantage": advantages.unsqueeze(-1),
        loss.tensor_keys.sample_log_prob: behavior,
    }
    expected = loss(TensorDict(given, [64]))["loss_objective"]
    (theirs,) = torch.autograd.grad(expected, list(loss.actor_network_params.values(True, True)))
    scores = TokenScores(logprobs, behavior, torch.arange(64), behavior, advantages)
    found = surrogate_losses(scores, "token", 0.2).mean()
    (ours,) = torch.autograd.grad(found, logits)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours, theirs, atol=1e-7, rtol=1e-4)


def test_clipped_value_losses_are_torchrls() -> None:
    utils = pytest.importorskip("torchrl.objectives.utils")
    generator = torch.Generator().manual_seed(2)
    values, first, targets = torch.randn(3, 64, generator=generator).unbind()
    plain = (values - targets).square()
    expected, _ = utils._clip_value_loss(first, values, torch.tensor(0.3), targets, plain, "l2")
    torch.testing.assert_close(clipped_value_losses(values, targets, first, 0.3), expected)


def trained(trainer: str, folder: Path, **settings: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Rewards and the advantages that one step of a trainer of TRL makes of them, group by group."""
    trl = pytest.importorskip("trl")
    from datasets import Dataset

    given: list[float] = []
    generator = torch.Generator().manual_seed(3)

    def reward(completions: list[str], **columns: Any) -> list[float]:
        drawn: list[float] = torch.rand(len(completions), generator=generator).tolist()
        given.extend(drawn)
        return drawn

    config = getattr(trl, f"{trainer}Config")(
        output_dir=str(folder / "out"),
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        max_steps=1,
        num_generations=SIZE,
        per_device_train_batch_size=GROUPS * SIZE,
        max_completion_length=2,
        beta=0.0,
        **settings,
    )
    prompts = Dataset.from_list([{"prompt": "a"}, {"prompt": "b"}])
    made = getattr(trl, f"{trainer}Trainer")(
        model=str(save_qwen3(folder / "model")), reward_funcs=reward, args=config, train_dataset=prompts
    )
    made.train()
    return torch.tensor(given), torch.tensor(list(made._logs["advantages"]))


LABELS = [number // SIZE for number in range(GROUPS * SIZE)]


def test_leave_one_out_advantages_are_trls(tmp_path: Path) -> None:
    rewards, expected = trained("RLOO", tmp_path, normalize_advantages=False)
    found = leave_one_out(rewards, LABELS, [str(number) for number in range(len(rewards))])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("scaled", [False, True])
def test_group_advantages_are_trls(tmp_path: Path, scaled: bool) -> None:
    """TRL divides by the deviation of a sample, and adds 1e-4 to it; we by that of the population."""
    rewards, expected = trained("GRPO", tmp_path, scale_rewards="group" if scaled else "none")
    found = group_relative(rewards, LABELS, scaled)
    share = math.sqrt((SIZE - 1) / SIZE) if scaled else 1.0
    torch.testing.assert_close(found * share, expected, atol=1e-6, rtol=1e-3 if scaled else 1e-5)
