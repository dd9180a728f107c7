"""Copies of weights stay as they are while the ones they were made of learn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from collm.models.backbone import Backbones, Handle
from collm.models.config import AdapterConfig, ModelConfig
from collm.models.copies import copies, follow
from tests.models.test_backbone import learn, logits, optimizer_of, storages
from tests.models.test_quantization import folder, needs_kernels

__all__ = ["folder"]  # a fixture

ONE = AdapterConfig(r=4)


@pytest.fixture
def config(qwen3: Path) -> ModelConfig:
    return ModelConfig(model=str(qwen3), device="cpu")


def memory(handle: Handle) -> dict[int, int]:
    with handle.model() as model:
        return storages(model.parameters())


def learns_apart(original: Handle, copy: Handle) -> None:
    before = logits(original)
    assert torch.equal(logits(copy), before)
    learn(original, optimizer_of(original))
    assert not torch.equal(logits(original), before)
    assert torch.equal(logits(copy), before)
    follow(copy, original)
    assert torch.equal(logits(copy), logits(original))


def test_full_weights_are_copied_and_follow(config: ModelConfig) -> None:
    original = Backbones().full(config, "one")
    copy = copies({"one": original}, ["one"])["one"]
    assert not memory(copy).keys() & memory(original).keys()
    learns_apart(original, copy)


def test_what_never_learns_is_not_copied(config: ModelConfig) -> None:
    original = Backbones().full(config, "one")
    copy = copies({"one": original}, [])["one"]
    assert memory(copy) == memory(original)
    assert torch.equal(logits(copy), logits(original))


def test_of_adapters_the_base_is_where_it_was(config: ModelConfig) -> None:
    bases = Backbones()
    handles = {name: bases.adapter(config, name, ONE, seed) for seed, name in enumerate("ab")}
    critic = bases.adapter(config, "critic", ONE, 7)
    made = copies(handles, ["a", "b"])
    more = sum(size for place, size in memory(made["a"]).items() if place not in memory(handles["a"]))
    own = sum(4 * one.numel() for handle in handles.values() for one in handle.parameters())
    assert more == own
    for name, handle in handles.items():
        learns_apart(handle, made[name])
    before = logits(critic)
    learn(critic, optimizer_of(critic))
    assert not torch.equal(logits(critic), before)


def test_a_copy_switches_adapters_without_the_original(config: ModelConfig) -> None:
    """Or a backward pass that the other thread has begun would leave no gradients."""
    bases = Backbones()
    handles: dict[str, Handle] = {
        name: bases.adapter(config, name, ONE, seed) for seed, name in enumerate("ab")
    }
    made = copies(handles, ["a", "b"])
    with handles["a"].model() as model:
        logits(made["b"])
        found = model(input_ids=torch.tensor([[5, 6, 7]])).logits.logsumexp(-1).sum()
        logits(made["b"])
        found.backward()
    assert all(one.grad is not None for one in handles["a"].parameters())
    assert all(one.grad is None for one in made["b"].parameters())


@needs_kernels
def test_a_base_in_four_bits_is_shared_too(folder: Path) -> None:
    config = ModelConfig(model=str(folder), device="cpu", adapter=ONE, quantization="nf4")
    original = Backbones().adapter(config, "one", ONE, 1)
    copy = copies({"one": original}, ["one"])["one"]
    learns_apart(original, copy)
