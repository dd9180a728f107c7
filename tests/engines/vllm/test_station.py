"""The station, with our own decoder in the part of vLLM: what is taken over, when, and what is checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.learner import Sample, Step
from collm.algorithms.magrpo import MAGRPO
from collm.base.validation import validated
from collm.engines.base import Completion, Engine, Prompt
from collm.engines.decoding import Decoder, Draft
from collm.engines.following import Following
from collm.engines.kind import EngineKind, EngineNeeds
from collm.engines.kinds.vllm import VllmKind
from collm.engines.vllm.backend import Adapter, Backend, Drawn, Job, Named
from collm.engines.vllm.engine import VllmEngine
from collm.engines.vllm.station import Member, Station
from collm.errors import CollmError
from collm.models.backbone import Backbones
from collm.models.config import ModelConfig
from tests.agents.models import open_model

EVENTS: list[str] = []


@dataclass
class Mirror:
    """A model of its own that takes weights over, as a vLLM would; adapters are only noted."""

    model: Any
    loses: bool = False
    batches: list[int] = field(default_factory=list)

    def draw(self, jobs: Sequence[Job]) -> list[Drawn]:
        self.batches.append(len(jobs))
        drawn = []
        for job in jobs:
            decoder = Decoder(self.model, frozenset(job.end_ids), 0)
            (one,) = decoder.sample([Draft(job.token_ids, None, job.seed)], job.sampling)
            drawn.append(Drawn(one.token_ids, one.token_logprobs, one.finish_reason))
        return drawn

    def take_weights(self, weights: Named) -> None:
        EVENTS.append("take")
        if not self.loses:
            self.model.load_state_dict(dict(weights))

    def take_adapter(self, adapter: Adapter, before: Adapter | None) -> None:
        assert (adapter.folder / "adapter_model.safetensors").is_file()
        EVENTS.append(f"adapter {adapter.number}, not {before and before.number}")

    def forget(self) -> None:
        EVENTS.append("forget")

    def sleep(self, level: int) -> None:
        EVENTS.append(f"sleep {level}")

    def wake(self) -> None:
        EVENTS.append("wake")


class MirrorKind(EngineKind):
    """Opens mirrors; agents of one model share one."""

    type: Literal["mirror"] = "mirror"
    sleep_level: int | None = None
    loses: bool = False
    bound: float = 1e-4

    def following(self, model: ModelConfig) -> Following:
        return Following(self.bound, VllmKind().correction)

    def open(self, needs: EngineNeeds) -> Engine:
        def opened(members: Sequence[Member]) -> Backend:
            EVENTS.append(f"open for {len(members)}")
            return Mirror(open_model(Path(needs.model.model)), self.loses)

        station = needs.shared.setdefault("mirror", Station(opened, None, self.sleep_level))
        return VllmEngine(station, Member(needs, self.following(needs.model)))


Make = Callable[..., Agent]


@pytest.fixture
def make(qwen3: Path) -> Make:
    EVENTS.clear()

    def made(name: str = "one", bases: Backbones | None = None, adapter: Any = None, **engine: Any) -> Agent:
        settings = {
            "model": str(qwen3),
            "device": "cpu",
            "context": 400,
            "sampling": {"max_tokens": 6},
            "adapter": adapter,
            "optimization": {"learning_rate": 1e-2},
            "engine": {"type": f"{__name__}:MirrorKind", **engine},
        }
        return Agent(validated(AgentConfig, settings, name), name, None, 0, bases)

    return made


def draw(agent: Agent, *prompts: Prompt) -> list[tuple[Completion, ...]]:
    return agent.policy.engine.submit(prompts, agent.config.sampling, True).result()


def learn(
    agent: Agent,
    drawn: Completion,
    said: tuple[float, ...] | None = None,
    behavior: tuple[float, ...] | None = None,
) -> dict[str, float]:
    """A step on what was drawn, of which the sampler may have ``said`` something else."""
    sample = Sample((10, 20), drawn.token_ids, behavior, 1.0, said or drawn.token_logprobs)
    return agent.update(Step((sample,), MAGRPO().policy_losses, False, 0, 1))


def test_weights_are_taken_over_once_for_all_steps_between_two_draws(make: Make) -> None:
    agent = make()
    ((first,),) = draw(agent, Prompt((10, 20), (1,)))
    draw(agent, Prompt((10, 20), (2,)))
    assert EVENTS == ["open for 1", "take", "forget"]
    for _ in range(3):
        learn(agent, first, behavior=first.token_logprobs)
    ((after,),) = draw(agent, Prompt((10, 20), (1,)))
    assert EVENTS[3:] == ["take", "forget"]
    assert (first.version, after.version) == (0, 3)
    (scores,) = agent.learner.logprobs([((10, 20), after.token_ids)])
    assert after.token_logprobs == pytest.approx(scores, abs=1e-5)


def test_requests_of_all_agents_become_one_batch(make: Make) -> None:
    bases = Backbones()
    one, other = make("one", bases, bound=100), make("other", bases, bound=100)
    asked = [
        agent.policy.engine.submit([Prompt((10, 20), (1, 2))], agent.config.sampling, True)
        for agent in (one, other)
    ]
    results = [pending.result() for pending in asked]
    assert [len(own) for ((own),) in results] == [2, 2]
    station: Any = one.policy.engine._station  # type: ignore[attr-defined]
    assert station._backend.batches == [1, 1, 4], "two probes, and everything asked for"
    assert EVENTS[0] == "open for 2"


def test_weights_that_do_not_arrive_stop_the_run(make: Make) -> None:
    agent = make(loses=True)
    ((drawn,),) = draw(agent, Prompt((10, 20), (1,)))
    learn(agent, drawn)
    with pytest.raises(CollmError, match=r"agents\.one\.engine\.max_mismatch: after step 1, the log-prob"):
        draw(agent, Prompt((10, 20), (1,)))


def test_replies_of_other_weights_stop_the_run(make: Make) -> None:
    agent = make()
    ((drawn,),) = draw(agent, Prompt((10, 20), (1,)))
    off = tuple(one - 0.5 for one in drawn.token_logprobs)
    with pytest.raises(CollmError, match=r"over the replies of this update, .* differ by 0\.5 nats a token"):
        learn(agent, drawn, off)


def test_the_difference_is_reported(make: Make) -> None:
    agent = make(bound=1)
    ((drawn,),) = draw(agent, Prompt((10, 20), (1,)))
    off = (drawn.token_logprobs[0] - 0.3, *drawn.token_logprobs[1:])
    report = learn(agent, drawn, off)
    assert report["sampler_mismatch_max"] == pytest.approx(0.3, abs=1e-4)
    assert report["sampler_mismatch"] == pytest.approx(0.3 / len(off), abs=1e-4)
    assert report["sampler_probe"] < 1e-5
    assert report["ratio"] == pytest.approx(1, abs=1e-5), "ratios are the trainer's own"
    assert "sampler_weight" not in report


def test_each_state_of_an_adapter_has_a_name_and_a_folder_of_its_own(make: Make) -> None:
    agent = make(adapter={"r": 2}, bound=100)
    ((drawn,),) = draw(agent, Prompt((10, 20), (1,)))
    learn(agent, drawn)
    draw(agent, Prompt((10, 20), (1,)))
    assert EVENTS == ["open for 1", "adapter 1, not None", "forget", "adapter 2, not 1", "forget"]
    station: Any = agent.policy.engine._station  # type: ignore[attr-defined]
    assert len(list(station._adapters().iterdir())) == 1, "the old one is removed"


@pytest.mark.parametrize(("level", "again"), [(1, []), (2, ["take", "forget"])])
def test_it_sleeps_while_nobody_draws(make: Make, level: int, again: list[str]) -> None:
    agent = make(sleep_level=level)
    draw(agent, Prompt((10, 20), (1,)))
    agent.policy.release()
    agent.policy.release()
    draw(agent, Prompt((10, 20), (1,)))
    assert EVENTS[3:] == [f"sleep {level}", "wake", *again]


def test_a_correction_weighs_gradients_by_what_the_sampler_said(make: Make) -> None:
    """With one token and a cap, the step is the uncorrected one times the weight."""
    from collm.agents.mismatch import Mismatch
    from collm.engines.following import Correction
    from collm.functional.losses import TokenScores

    logprobs = torch.tensor([-1.0, -2.0], requires_grad=True)
    known = logprobs.detach()
    scores = TokenScores(logprobs, known, torch.tensor([0, 1]), known, torch.tensor([1.0, 1.0]))
    mismatch = Mismatch()
    corrected = mismatch.corrected(scores, known - torch.tensor([0.1, 5.0]), Correction(cap=2.0))
    MAGRPO().policy_losses(corrected).sum().backward()
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == pytest.approx([-(2.718281828**0.1), -2.0], rel=1e-5)
    weight = (2.718281828**0.1 + 2) / 2
    assert mismatch.report() == pytest.approx(
        {"sampler_mismatch": 2.55, "sampler_mismatch_max": 5.0, "sampler_weight": weight}, rel=1e-5
    )
