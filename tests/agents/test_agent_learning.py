from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from collm.agents.agent import Agent
from collm.agents.learner import PolicyLoss, Sample, Step
from collm.agents.policy import Request
from collm.algorithms.magrpo import MAGRPO
from collm.functional.losses import TokenScores, policy_gradient_losses, token_divergences
from collm.types import Action, History, Observation
from tests.agents.models import (
    CUTS,
    PLAIN,
    assert_close,
    forced_logprobs,
    gradients,
    open_model,
    weights,
)
from tests.tiny_agents import MakeAgent, model_of

PLAIN_STEP = {"learning_rate": 1e8, "betas": (0.0, 0.0), "epsilon": 1e8, "max_grad_norm": None}
"""Settings under which AdamW subtracts the gradient, so that a step shows it."""

ADVANTAGES = (1.0, -2.0, 0.5, 3.0, -1.0, 0.25)


def actions(agent: Agent) -> list[Action]:
    """Two turns with siblings, so that prefixes are shared."""
    opening = Observation("Build a house.")
    (first,) = agent.policy.submit([Request(History(), opening, (0, 1, 2))]).result()
    requests = [
        Request(History((opening,), (action,)), Observation("Again."), (10 + k,))
        for k, action in enumerate(first)
    ]
    return [*first, *(action for (action,) in agent.policy.submit(requests).result())]


def experience(agent: Agent, shift: float = 0.0) -> list[Sample]:
    """What the agent did, as if the behavior policy had found it ``shift`` nats less likely."""
    return [
        Sample(
            action.prompt_ids,
            action.token_ids,
            (action.token_logprobs[0] - shift, *action.token_logprobs[1:]),
            advantage,
        )
        for action, advantage in zip(actions(agent), ADVANTAGES, strict=True)
    ]


def behavior_of(one: Sample) -> float:
    assert one.behavior_logprobs is not None
    return sum(one.behavior_logprobs)


def update(
    agent: Agent, lessons: Sequence[Sample], reference_kl: float = 0.0, loss: PolicyLoss | None = None
) -> dict[str, float]:
    algorithm = MAGRPO(reference_kl=reference_kl)
    return agent.update(Step(tuple(lessons), loss or algorithm.policy_losses, reference_kl > 0, 0, 1))


def step_of(agent: Agent, lessons: Sequence[Sample], **settings: Any) -> dict[str, Tensor]:
    """What an update subtracts from the weights; the weights are put back."""
    before = weights(model_of(agent))
    update(agent, lessons, **settings)
    step = {name: before[name] - value for name, value in weights(model_of(agent)).items()}
    model_of(agent).load_state_dict(before)
    return step


def named(agent: Agent, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Steps of parameters alone, without the tied copy of the embedding."""
    return {name: found[name] for name, _ in model_of(agent).named_parameters()}


@pytest.mark.parametrize("how", [PLAIN, CUTS[-1]])
def test_a_step_is_that_of_the_papers_equations(
    make_agent: MakeAgent, folder: Path, how: tuple[float, int | None, float]
) -> None:
    """Minus the mean of ``rho * grad log pi(a | h) * advantage`` (equations 1, 2 and 4)."""
    temperature, top_k, top_p = how
    agent = make_agent(
        model=folder, temperature=temperature, top_k=top_k, top_p=top_p, optimization=PLAIN_STEP
    )
    lessons = experience(agent, shift=0.3)
    model = open_model(folder)
    expected = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for one in lessons:
        logprob = forced_logprobs(model, one.prompt_ids, one.token_ids, how).sum()
        ratio = float((logprob.detach() - behavior_of(one)).exp())
        assert ratio == pytest.approx(2.718281828**0.3, rel=1e-3)
        for name, score in gradients(model, logprob).items():
            expected[name] -= ratio * one.advantage * score / len(lessons)
    assert_close(named(agent, step_of(agent, lessons)), expected, tolerance=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_unchanged_policy_is_its_own_behavior(make_agent: MakeAgent, dtype: str) -> None:
    agent = make_agent(dtype=dtype, optimization=PLAIN_STEP)
    unscored = [replace(one, behavior_logprobs=None) for one in experience(agent)]
    report = update(agent, unscored)
    assert (report["ratio"], report["behavior_kl"]) == (1.0, 0.0)


def test_behavior_is_scored_again_only_where_the_sampler_rounds(make_agent: MakeAgent) -> None:
    agent = make_agent()
    drawn = actions(agent)
    assert agent.learner.behavior_logprobs(drawn) == [action.token_logprobs for action in drawn]
    agent = make_agent(dtype="bfloat16")
    drawn = actions(agent)
    forced = agent.learner.logprobs([(action.prompt_ids, action.token_ids) for action in drawn])
    assert agent.learner.behavior_logprobs(drawn) == forced != [action.token_logprobs for action in drawn]


def test_the_gradient_of_a_batch_is_the_mean_of_single_gradients(make_agent: MakeAgent) -> None:
    agent = make_agent(optimization=PLAIN_STEP)
    lessons = experience(agent)
    together = named(agent, step_of(agent, lessons))
    singles = [named(agent, step_of(agent, [one])) for one in lessons]
    mean = {name: torch.stack([one[name] for one in singles]).mean(0) for name in together}
    assert_close(together, mean, tolerance=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 60, 200])
def test_microbatches_change_memory_alone(make_agent: MakeAgent, batch_tokens: int) -> None:
    whole = make_agent(optimization=PLAIN_STEP)
    small = make_agent(optimization=PLAIN_STEP, batch_tokens=batch_tokens)
    lessons = experience(whole)
    expected = named(whole, step_of(whole, lessons))
    assert_close(named(small, step_of(small, lessons)), expected, tolerance=1e-4)


def test_an_update_reports_means(make_agent: MakeAgent) -> None:
    agent = make_agent(optimization={"learning_rate": 0.125})
    report = update(agent, experience(agent))
    assert report["ratio"] == pytest.approx(1.0, abs=1e-4)
    assert report["policy_loss"] == pytest.approx(-sum(ADVANTAGES) / 6, abs=1e-4)
    assert report["behavior_kl"] == pytest.approx(0.0, abs=1e-4)
    assert report["reference_kl"] == 0.0
    assert report["learning_rate"] == 0.125
    assert report["grad_norm"] > 0


def test_an_update_reports_the_ratios_outside_the_clip(make_agent: MakeAgent) -> None:
    agent = make_agent()
    algorithm = MAGRPO(ratio_clip=0.2)
    samples = tuple(
        one if number % 3 else replace(one, behavior_logprobs=None)
        for number, one in enumerate(experience(agent, shift=0.5))
    )
    report = agent.update(Step(samples, algorithm.policy_losses, False, 0, 1, algorithm.policy_measures))
    assert report["ratios_clipped"] == pytest.approx(4 / 6), "two of six are their own behavior"
    assert "ratios_clipped" not in update(agent, experience(agent))


def test_an_update_makes_good_actions_likelier_and_bad_ones_less_likely(make_agent: MakeAgent) -> None:
    agent = make_agent(optimization={"learning_rate": 1e-3})
    lessons = experience(agent)
    samples = [(one.prompt_ids, one.token_ids) for one in lessons]
    before = agent.learner.logprobs(samples)
    for _ in range(5):
        update(agent, lessons)
    changes = [sum(after) - sum(b) for after, b in zip(agent.learner.logprobs(samples), before, strict=True)]
    assert sum(c * a for c, a in zip(changes, ADVANTAGES, strict=True)) > 1.0
    assert update(agent, lessons)["ratio"] != pytest.approx(1.0, abs=0.05)


def test_updating_one_agent_leaves_the_others_bit_for_bit(make_agent: MakeAgent) -> None:
    one, other = make_agent(), make_agent()
    before = weights(model_of(other))
    update(one, experience(one), reference_kl=0.1)
    assert any(not torch.equal(value, before[name]) for name, value in model_of(one).state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in model_of(other).state_dict().items())


def test_zero_advantages_teach_nothing(make_agent: MakeAgent) -> None:
    agent = make_agent(optimization=PLAIN_STEP)
    lessons = [replace(one, advantage=0.0) for one in experience(agent)]
    assert all(not step.any() for step in step_of(agent, lessons).values())


def test_a_step_that_wants_nothing_moves_the_weights_as_a_whole_backward_pass_does(
    make_agent: MakeAgent,
) -> None:
    """No backward pass is made, and yet the moments of the step before go on and fade."""
    quick, slow = make_agent(), make_agent()
    lessons = experience(quick)
    nothing = [replace(one, advantage=0.0) for one in lessons]
    backward_passes = []
    for agent in (quick, slow):
        update(agent, lessons)
        count: list[Tensor] = []
        handle = next(iter(model_of(agent).parameters())).register_hook(count.append)
        # One entry of a loss that wants next to nothing sends the slow one through the model.
        update(agent, nothing, loss=None if agent is quick else _hardly_anything)
        backward_passes.append(len(count))
        handle.remove()
    assert backward_passes == [0, 1]
    for name, value in weights(model_of(quick)).items():
        torch.testing.assert_close(value, weights(model_of(slow))[name], rtol=0, atol=1e-9)


def _hardly_anything(scores: TokenScores) -> Tensor:
    return 1e-30 * scores.summed(scores.logprobs)


def test_the_loss_is_the_algorithms(make_agent: MakeAgent) -> None:
    agent = make_agent(optimization=PLAIN_STEP)
    seen: list[TokenScores] = []

    def loss(scores: TokenScores) -> Tensor:
        seen.append(scores)
        logprobs = scores.summed(scores.logprobs)
        return policy_gradient_losses(logprobs, scores.behavior_sums, 2 * scores.advantages)

    lessons = experience(agent)
    doubled, plain = step_of(agent, lessons, loss=loss), step_of(agent, lessons)
    assert_close(doubled, {name: 2 * step for name, step in plain.items()}, tolerance=1e-4)
    told = sorted(
        (float(a), float(b)) for one in seen for a, b in zip(one.advantages, one.behavior_sums, strict=True)
    )
    expected = sorted((one.advantage, behavior_of(one)) for one in lessons)
    assert [a for a, _ in told] == [a for a, _ in expected]
    assert [b for _, b in told] == pytest.approx([b for _, b in expected], abs=1e-4)


def test_the_reference_is_the_policy_that_training_started_with(make_agent: MakeAgent) -> None:
    agent = make_agent(optimization={"learning_rate": 5e-3})
    lessons = experience(agent)
    assert update(agent, lessons, reference_kl=0.1)["reference_kl"] == pytest.approx(0.0, abs=1e-6)
    for _ in range(3):
        update(agent, lessons)
    drifted = update(agent, lessons, reference_kl=1e-9)["reference_kl"]
    assert drifted > 0.1


def test_the_reference_stays_when_an_agent_is_resumed(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent(optimization={"learning_rate": 5e-3})
    lessons = experience(agent)
    for _ in range(3):
        update(agent, lessons)
    agent.save(tmp_path)
    expected = update(agent, lessons, reference_kl=1e-9)["reference_kl"]
    resumed = make_agent(weights=tmp_path, optimization={"learning_rate": 5e-3})
    assert update(resumed, lessons, reference_kl=1e-9)["reference_kl"] == pytest.approx(expected, rel=1e-4)


def test_the_divergence_pulls_back_with_its_own_gradient(
    make_agent: MakeAgent, qwen3: Path, tmp_path: Path
) -> None:
    """With zero advantages the step is the gradient of the mean divergence, whatever the packing."""
    drifting = make_agent(optimization={"learning_rate": 5e-3})
    lessons = experience(drifting)
    update(drifting, lessons)
    drifting.save(tmp_path)
    agent = make_agent(weights=tmp_path, optimization=PLAIN_STEP, batch_tokens=60)
    still = [replace(one, advantage=0.0) for one in lessons]
    model, reference = open_model(tmp_path), open_model(qwen3)
    total = torch.zeros(())
    for one in still:
        sample = one.prompt_ids, one.token_ids
        with torch.no_grad():
            anchor = forced_logprobs(reference, *sample)
        total = total + token_divergences(forced_logprobs(model, *sample), anchor).sum()
    expected = gradients(model, 0.5 * total / len(still))
    assert_close(named(agent, step_of(agent, still, reference_kl=0.5)), expected, tolerance=1e-4)


def test_a_saved_agent_and_optimizer_go_on_bit_for_bit(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent(optimization={"learning_rate": 1e-3})
    lessons = experience(agent)
    update(agent, lessons)
    agent.save(tmp_path / "agent")
    agent.save_optimizer(tmp_path / "agent.pt")
    update(agent, lessons)
    resumed = make_agent(weights=tmp_path / "agent", optimization={"learning_rate": 1e-3})
    resumed.load_optimizer(tmp_path / "agent.pt")
    update(resumed, lessons)
    assert all(
        torch.equal(value, weights(model_of(agent))[name])
        for name, value in weights(model_of(resumed)).items()
    )


def test_an_update_does_not_disturb_a_history_begun_before_it(make_agent: MakeAgent) -> None:
    """An update in the middle leaves old keys and values behind; a history made before it still samples."""
    agent = make_agent()
    seen = Observation("hi")
    ((action,),) = agent.policy.submit([Request(History(), seen, (0,))], keep=True).result()
    update(agent, experience(agent))
    request = Request(History((seen,), (action,)), Observation("on"), (1,))
    ((after,),) = agent.policy.submit([request], keep=True).result()
    past = action.prompt_ids + action.token_ids
    assert after.prompt_ids[: len(past)] == past
    scores = agent.learner.logprobs([(after.prompt_ids, after.token_ids)])
    assert after.token_logprobs == pytest.approx(scores[0], abs=1e-4), "drawn with the new weights alone"


def test_replies_that_no_engine_drew_are_not_held_against_it(make_agent: MakeAgent) -> None:
    """Saved ones, say, beside an engine with weights of its own."""
    drawn, learning = make_agent(), make_agent(engine={"type": "vllm", "correction": {}})
    lessons = [replace(one, behavior_logprobs=None) for one in experience(drawn)]
    report = learning.learner.update(Step(tuple(lessons), MAGRPO().policy_losses, False, 0, 1))
    assert "sampler_mismatch" not in report
    assert report["grad_norm"] > 0
