"""Learners in several processes against one process, over gloo on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from safetensors import safe_open
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.learner import Sample, Step
from collm.algorithms.magrpo import MAGRPO
from collm.base.validation import validated
from collm.models import teacher_forcing
from collm.models.backbone import Backbones
from collm.models.peers import ALONE, Peers
from collm.models.process_group import DataParallel
from collm.models.sharding import Sharded
from collm.models.spreading import whole
from tests.processes import together

CLOSE = 2e-6
"""Float32 sums in another order differ by a few units in the last place (6e-8 each) of the largest term."""

CLOSE_STEPS = 2e-5
"""The same of weights that began at 0: they are nothing but steps, and a step is a quotient of such sums."""

OPTIMIZATION = {"learning_rate": 1e-3, "epsilon": 1e-3, "weight_decay": 0.1, "max_grad_norm": 0.05}
"""Clipped, with decay; an epsilon that does not blow rounding up where a gradient is nearly 0."""


@dataclass(frozen=True)
class Learnt:
    """What came of some steps.

    Attributes:
        reports: of each step.
        weights: after the last, by name.
        logprobs: of all samples then.
    """

    reports: list[dict[str, float]]
    weights: dict[str, Tensor]
    logprobs: list[tuple[float, ...]]


@dataclass(frozen=True)
class Job:
    """Steps to take.

    Attributes:
        saved: a folder to begin from.
        out: a folder to write to.
        chunk_logits: how many logits are held at once.
    """

    settings: Mapping[str, Any]
    steps: Sequence[Sequence[Sample]]
    first: int = 0
    saved: Path | None = None
    out: Path | None = None
    chunk_logits: int = 2**25
    algorithm: MAGRPO = field(default_factory=lambda: MAGRPO(reference_kl=0.1))


def samples(lengths: Sequence[int], seed: int = 0, advantage: float = 1.0) -> list[Sample]:
    """Actions of some lengths after prompts of which most share a beginning."""
    draw = torch.Generator().manual_seed(seed)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(3, 90, (count,), generator=draw).tolist())

    shared, found = tokens(8), []
    for number, length in enumerate(lengths):
        prompt = shared[: 8 - number % 3] + tokens(number % 4)
        weight = advantage * (1.0 - 0.7 * number)
        found.append(Sample(prompt, tokens(length), (-4.5,) * length if number % 2 else None, weight))
    return found


UNEQUAL = samples([3, 40, 5, 1, 17, 9])
ONE = samples([6], seed=1)
NOTHING = samples([4, 6, 2], seed=2, advantage=0.0)
STEPS = (UNEQUAL, ONE, NOTHING, samples([12, 12, 2, 30], seed=3))


def opened(job: Job, peers: Peers) -> Agent:
    config = validated(AgentConfig, {"device": "cpu", **job.settings}, "agent")
    weights = None if job.saved is None else job.saved / "agent"
    agent = Agent(config, "a", weights, 0, Backbones(peers))
    if job.saved is not None:
        agent.load_optimizer(job.saved / "optimizer.pt")
    return agent


def learnt(job: Job, peers: Peers) -> Learnt:
    """Take the steps; the policy that they began with is the reference."""
    agent = opened(job, peers)
    steps = [
        Step(tuple(own), job.algorithm.policy_losses, job.algorithm.reference_kl > 0, update, 10)
        for update, own in enumerate(job.steps, job.first)
    ]
    with patch.object(teacher_forcing, "_CHUNK_LOGITS", job.chunk_logits):
        reports = [agent.update(step) for step in steps]
    logprobs = agent.learner.logprobs([(one.prompt_ids, one.token_ids) for own in job.steps for one in own])
    if job.out is not None:
        out = job.out if peers.first else job.out / "nothing"
        agent.save(out / "agent")
        agent.save_optimizer(out / "optimizer.pt")
    with agent.learner.weights.model() as model:
        weights = {name: whole(value).detach().clone() for name, value in model.named_parameters()}
    return Learnt(reports, weights, logprobs)


def all_learnt(jobs: Mapping[str, tuple[Job, type[Peers]]]) -> dict[str, Learnt]:
    return {name: learnt(job, kind()) for name, (job, kind) in jobs.items()}


@dataclass(frozen=True)
class Found:
    """The same jobs here, and in each of two processes; where they began and what they wrote."""

    here: dict[str, Learnt]
    there: list[dict[str, Learnt]]
    model: Path
    out: Path


@pytest.fixture(scope="module")
def found(qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """One start of two processes for all tests: it takes them seconds."""
    out = tmp_path_factory.mktemp("out")
    (out / "results").mkdir()
    plain = {"model": str(qwen3), "batch_tokens": 48, "optimization": OPTIMIZATION}
    rounded = {**plain, "dtype": "bfloat16"}
    untied = {**plain, "model": str(save_untied(out / "untied", qwen3)), "gradient_checkpointing": True}
    adapter = {**plain, "adapter": {"r": 2, "target_modules": "all-linear"}}
    whole, begun = Job(plain, STEPS, out=out / "whole"), Job(plain, STEPS[:2], out=out / "begun")
    ended = Job(plain, STEPS[2:], first=2)
    here = {
        "plain": learnt(whole, ALONE),
        "begun": learnt(begun, ALONE),
        "rounded": learnt(Job(rounded, STEPS), ALONE),
        "untied": learnt(Job(untied, STEPS), ALONE),
    }
    jobs: dict[str, tuple[Job, type[Peers]]] = {
        "plain": (replace(whole, out=out / "whole, parallel"), DataParallel),
        "rounded": (Job(rounded, STEPS), DataParallel),
        "rounded, sharded": (Job(rounded, STEPS, out=out / "rounded"), Sharded),
        "untied, sharded": (Job(untied, STEPS, chunk_logits=1000), Sharded),
        "begun, sharded": (replace(begun, out=out / "begun, sharded"), Sharded),
        "ended, sharded": (replace(ended, saved=out / "begun"), Sharded),
    }
    if find_spec("peft"):
        here["adapter"] = learnt(Job(adapter, STEPS), ALONE)
        jobs["adapter"] = (Job(adapter, STEPS), DataParallel)
    there = together(2, all_learnt, out / "results", jobs)
    here["ended"] = learnt(replace(ended, saved=out / "begun, sharded"), ALONE)
    return Found(here, there, qwen3, out)


def save_untied(folder: Path, tokens: Path) -> Path:
    """A model with a head of its own, which reads and writes another's tokens."""
    tokenizer = AutoTokenizer.from_pretrained(tokens)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
    config = LlamaConfig(
        **sizes, num_key_value_heads=1, vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def farthest(one: Learnt, other: Learnt) -> float:
    """The largest difference of weights, as a share of the largest weight of the same parameter."""
    assert one.weights.keys() == other.weights.keys()
    return max(
        float((one.weights[name] - value).abs().max() / value.abs().max().clamp_min(1e-3))
        for name, value in other.weights.items()
    )


def assert_same_learning(one: Learnt, other: Learnt, close: float = CLOSE) -> None:
    assert farthest(one, other) < close
    for report, expected in zip(one.reports, other.reports, strict=True):
        assert report == pytest.approx(expected, rel=1e-5, abs=1e-6)
    for logprobs, expected_logprobs in zip(one.logprobs, other.logprobs, strict=True):
        assert logprobs == pytest.approx(expected_logprobs, abs=1e-5)


@pytest.mark.parametrize("name", ["plain", "begun, sharded", "untied, sharded", "adapter"])
def test_several_processes_learn_what_one_does(found: Found, name: str) -> None:
    if name not in found.there[0]:
        pytest.skip("needs peft")
    expected = found.here[name.removesuffix(", sharded")]
    assert_same_learning(found.there[0][name], expected, CLOSE_STEPS if name == "adapter" else CLOSE)
    assert max(report["grad_norm"] for report in expected.reports) > 0.05  # so that something was clipped


def test_the_steps_are_large_beside_what_is_taken_for_equal(found: Found) -> None:
    assert farthest(found.here["plain"], found.here["begun"]) > 100 * CLOSE


def test_all_processes_have_the_same_weights_to_the_last_bit(found: Found) -> None:
    first, second = found.there
    for name, one in first.items():
        other = second[name]
        assert all(torch.equal(one.weights[key], other.weights[key]) for key in other.weights), name
        assert (one.reports, one.logprobs) == (other.reports, other.logprobs)


@pytest.mark.parametrize("name", ["rounded", "rounded, sharded"])
def test_half_precision_differs_by_rounding_alone(found: Found, name: str) -> None:
    """Parts of a tensor draw other noise than the whole; the weights still go the same way."""
    one, other = found.there[0][name], found.here["rounded"]
    begin = AutoModelForCausalLM.from_pretrained(found.model, dtype=torch.bfloat16)
    moved, expected_move = (
        torch.cat([(took.weights[key] - value).float().flatten() for key, value in begin.named_parameters()])
        for took in (one, other)
    )
    alike = torch.nn.functional.cosine_similarity(moved, expected_move, dim=0)
    assert alike > (0.5 if "sharded" in name else 0.9)
    for report, expected in zip(one.reports, other.reports, strict=True):
        assert report["grad_norm"] == pytest.approx(expected["grad_norm"], rel=0.1, abs=1e-2)


def test_a_checkpoint_of_several_processes_is_one_of_one_process(found: Found) -> None:
    """The same files, byte for byte but for the numbers learned, and one process goes on with them."""
    for name in ("whole, parallel", "begun, sharded"):
        one, other = found.out / name, found.out / name.split(",")[0]
        written, expected = contents(one), contents(other)
        moving = {"agent/model.safetensors", "optimizer.pt"}
        assert written.keys() == expected.keys() > moving
        assert {key for key, value in written.items() if value != expected[key]} <= moving
        assert layout(one / "agent" / "model.safetensors") == layout(other / "agent" / "model.safetensors")
        assert_same_state(one / "optimizer.pt", other / "optimizer.pt")
    assert_same_learning(found.here["ended"], second_half(found.here["plain"]))


def test_a_checkpoint_of_one_process_is_gone_on_with_in_several(found: Found) -> None:
    assert_same_learning(found.there[0]["ended, sharded"], second_half(found.here["plain"]))


def test_moments_in_half_precision_are_saved_whole(found: Found) -> None:
    state = torch.load(found.out / "rounded" / "optimizer.pt", weights_only=True)["adamw"]["state"]
    shapes = [value.shape for value in found.here["rounded"].weights.values()]
    assert [state[number]["mean"].shape for number in range(len(shapes))] == shapes
    assert {state[number]["square"].dtype for number in state} == {torch.bfloat16}


def second_half(one: Learnt) -> Learnt:
    seen = sum(len(own) for own in STEPS[:2])
    return Learnt(one.reports[2:], one.weights, one.logprobs[seen:])


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and "nothing" not in file.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def layout(file: Path) -> list[tuple[str, list[int], str]]:
    """What a file of weights says of its tensors, in order."""
    with safe_open(file, "pt") as opened:
        parts = [(name, opened.get_slice(name)) for name in opened.keys()]  # noqa: SIM118
        return [(name, part.get_shape(), part.get_dtype()) for name, part in parts]


def assert_same_state(one: Path, other: Path) -> None:
    found, expected = (torch.load(file, weights_only=True) for file in (one, other))
    assert found["steps"] == expected["steps"]
    assert found["adamw"]["param_groups"] == expected["adamw"]["param_groups"]
    assert found["adamw"]["state"].keys() == expected["adamw"]["state"].keys()
    for number, moments in expected["adamw"]["state"].items():
        for name, value in moments.items():
            torch.testing.assert_close(found["adamw"]["state"][number][name], value, rtol=1e-4, atol=1e-7)
