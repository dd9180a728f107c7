"""What vLLM draws is what the trainer would say of it, and stays so when weights change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from collm.agents.agent import Agent
from collm.agents.learner import Sample, Step
from collm.algorithms.magrpo import MAGRPO
from collm.engines.base import Completion, Prompt
from collm.engines.vllm.engine import VllmEngine
from collm.errors import CollmError
from collm.models.backbone import Backbones
from collm.models.config import Sampling
from tests.vllm.conftest import Open

LONG = tuple(3 + 7 * place % 200 for place in range(300))
"""Two whole blocks of vLLM's cache of prefixes on a CPU, and more."""


def draw(agent: Agent, *prompts: Prompt, sampling: Sampling | None = None) -> list[tuple[Completion, ...]]:
    return agent.policy.engine.submit(prompts, sampling or agent.config.sampling, True).result()


def forced(agent: Agent, prompt: Sequence[int], drawn: Completion) -> tuple[float, ...]:
    (scores,) = agent.learner.logprobs([(tuple(prompt), drawn.token_ids)])
    return scores


def assert_own(agent: Agent, prompt: Sequence[int], drawn: Completion) -> None:
    """The completion's log-probabilities are those of the agent's weights as they are now."""
    assert drawn.token_logprobs == pytest.approx(forced(agent, prompt, drawn), abs=1e-5)


def step(agent: Agent, prompt: Sequence[int], drawn: Completion) -> dict[str, float]:
    sample = Sample(tuple(prompt), drawn.token_ids, None, 1.0, drawn.token_logprobs)
    return agent.update(Step((sample,), MAGRPO().policy_losses, False, 0, 1))


@pytest.fixture(scope="module")
def agent(open_agent: Open) -> Agent:
    """An agent with weights of its own."""
    return open_agent()


@pytest.fixture(scope="module")
def pair(open_agent: Open) -> tuple[Agent, Agent]:
    """Two agents with adapters on one base, and so at one vLLM."""
    bases, adapter = Backbones(), {"r": 4}
    one, other = (open_agent(bases, name, adapter=adapter) for name in ("one", "other"))
    return one, other


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(max_tokens=12),
        Sampling(max_tokens=12, temperature=0.7, top_p=0.8),
        Sampling(max_tokens=12, temperature=1.3, top_k=5),
    ],
)
def test_log_probabilities_are_the_trainers(agent: Agent, open_agent: Open, sampling: Sampling) -> None:
    drawn = draw(agent, Prompt(LONG, (1, 2)), Prompt((10, 20), (3,)), sampling=sampling)
    scorer = open_agent(sampling=sampling.model_dump(), engine={"type": "in_process"})
    scorer.learner.weights = agent.learner.weights
    for prompt, own in zip((LONG, (10, 20)), drawn, strict=True):
        for one in own:
            assert one.token_logprobs == pytest.approx(forced(scorer, prompt, one), abs=1e-5)
    assert [len(own) for own in drawn] == [2, 1]


def test_an_end_token_ends_a_reply_and_is_part_of_it(agent: Agent) -> None:
    (end,) = sorted(cast(Any, agent.policy.engine)._member.needs.end_ids)
    seeds = tuple(range(64))
    (drawn,) = draw(agent, Prompt((10, 20), seeds), sampling=Sampling(max_tokens=60))
    stopped = [one for one in drawn if one.finish_reason == "stop"]
    assert stopped
    for one in drawn:
        assert (one.token_ids[-1] == end) == (one.finish_reason == "stop")
        assert end not in one.token_ids[:-1]
        assert len(one.token_ids) == len(one.token_logprobs)


def test_noise_is_the_seeds_alone(agent: Agent) -> None:
    prompts = [Prompt((10, 20, place), (100 + place,)) for place in range(6)]
    together = draw(agent, *prompts)
    assert draw(agent, *reversed(prompts)) == together[::-1]
    assert [draw(agent, prompt)[0] for prompt in prompts] == together
    ((first, second, third),) = draw(agent, Prompt((10, 20), (1, 2, 1)))
    assert first == third
    assert first != second


def test_steps_reach_the_sampler(agent: Agent) -> None:
    """Full weights, the head that is tied to the embedding among them; no old prefix is used."""
    for _ in range(2):
        ((before,),) = draw(agent, Prompt(LONG, (1,)))
        assert before.version == agent.learner.version
        report = step(agent, LONG, before)
        assert report["sampler_mismatch"] < 1e-5
        assert report["sampler_probe"] < 1e-5
        ((after,),) = draw(agent, Prompt(LONG, (1,)))
        assert after.version == before.version + 1
        assert_own(agent, LONG, after)
        moved = zip(before.token_logprobs, forced(agent, LONG, before), strict=True)
        assert max(abs(was - now) for was, now in moved) > 1e-2, "a stale sampler would show"


def test_each_of_two_adapters_is_drawn_with(pair: tuple[Agent, Agent]) -> None:
    one, other = pair
    engines = [cast(VllmEngine, agent.policy.engine) for agent in pair]
    assert engines[0]._station is engines[1]._station
    for _ in range(2):
        asked = [
            agent.policy.engine.submit([Prompt(LONG, (5,))], agent.config.sampling, True) for agent in pair
        ]
        ((first,),), ((second,),) = (pending.result() for pending in asked)
        assert_own(one, LONG, first)
        assert_own(other, LONG, second)
        step(one, LONG, first)
        assert (first.version, second.version) == (one.learner.version - 1, 0)
    ((after,),) = draw(one, Prompt(LONG, (5,)))
    assert_own(one, LONG, after)
    assert after != second, "the other's adapter has not moved"
    folders = list(engines[0]._station._adapters().iterdir())
    assert len(folders) == 2, "old states of adapters are removed"


def test_a_sampler_that_lags_stops_the_run(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe itself is tried: weights that do not arrive, and prefixes that are not forgotten."""
    station = cast(VllmEngine, agent.policy.engine)._station
    for lost in ("take_weights", "forget"):
        ((drawn,),) = draw(agent, Prompt(LONG, (1,)))
        step(agent, LONG, drawn)
        with monkeypatch.context() as patch:
            patch.setattr(station._backend, lost, lambda *given: None)
            with pytest.raises(CollmError, match=r"agents\.one\.engine\.max_mismatch: after step \d+, .*"):
                draw(agent, Prompt(LONG, (1,)))
        agent.policy.engine.refresh(agent.learner.version)
    assert_own(agent, LONG, draw(agent, Prompt(LONG, (1,)))[0][0])
