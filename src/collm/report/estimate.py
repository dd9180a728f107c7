"""What a recipe would need, without running it: parameters and memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from collm.agents.config import AgentConfig
from collm.config.tree import RunConfig
from collm.errors import CollmError
from collm.models.config import ModelConfig
from collm.models.loading import looks_local, model_source

_ADAM_STATES = 2
_ACTIVATIONS_PER_LAYER = 18
"""Floats kept for the backward pass, per token, layer and unit of width, in a Qwen block with SDPA."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Estimated needs of one model in training, in bytes; an estimate, not a promise.

    Attributes:
        role: ``agent NAME`` or ``critic NAME``.
        parameters: trainable ones.
        weights, gradients, optimizer: of the parameters.
        reference: weights of the policy at the start, where the recipe weighs the divergence from it.
        activations: of one microbatch of ``batch_tokens``, or of one full context if that is longer.
        cache: keys and values while ``batch_rows`` samples of full context are drawn; 0 for critics.
        kept: keys and values of all samples between turns; 0 for critics.
    """

    role: str
    parameters: int
    weights: int
    gradients: int
    optimizer: int
    reference: int
    activations: int
    cache: int
    kept: int

    @property
    def steady(self) -> int:
        """Bytes held throughout."""
        return self.weights + self.gradients + self.optimizer + self.reference


def footprints(config: RunConfig, rows: int) -> Iterator[Footprint]:
    """One estimate for each agent and critic.

    Args:
        config: the recipe.
        rows: samples that an agent draws at once.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    for name, agent in config.agents.items():
        kept = rows if agent.keeps_cache and config.env.num_turns > 1 else 0
        yield _footprint(
            agent,
            f"agent {name}",
            f"agents.{name}.model",
            min(rows, agent.batch_rows),
            kept,
            config.algorithm.reference_kl > 0,
        )
    if config.critic is not None:
        for name in config.algorithm.critics(list(config.agents)):
            yield _footprint(config.critic, f"critic {name}", "critic.model")


def peak(found: Sequence[Footprint]) -> int:
    """Bytes at the worst moment: everything steady, and either a model that learns or one that samples."""
    sampling = sum(one.kept for one in found) + max(one.cache for one in found)
    return sum(one.steady for one in found) + max(sampling, max(one.activations for one in found))


def _footprint(
    config: ModelConfig, role: str, field: str, rows: int = 0, kept_rows: int = 0, reference: bool = False
) -> Footprint:
    architecture = read_architecture(config.model, field)
    count = _parameters(architecture.to_json_string(use_diff=False))
    size = torch.finfo(getattr(torch, config.dtype)).bits // 8
    head_dim = (
        getattr(architecture, "head_dim", None)
        or architecture.hidden_size // architecture.num_attention_heads
    )
    cached = 2 * architecture.num_hidden_layers * architecture.num_key_value_heads * head_dim
    length = config.context + (config.sampling.max_tokens if isinstance(config, AgentConfig) else 0)
    width = architecture.hidden_size + architecture.intermediate_size / 4
    saved = _ACTIVATIONS_PER_LAYER * width * architecture.num_hidden_layers
    return Footprint(
        role=role,
        parameters=count,
        weights=count * size,
        gradients=count * size,
        optimizer=count * size * _ADAM_STATES,
        reference=count * size * reference,
        activations=int(max(config.batch_tokens, length) * saved * size),
        cache=rows * length * cached * size,
        kept=kept_rows * length * cached * size,
    )


@cache
def _parameters(architecture: str) -> int:
    """Number of a model's parameters, from its configuration as JSON."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**json.loads(architecture)))
    return sum(parameter.numel() for parameter in model.parameters())


def read_architecture(name: str, field: str) -> Any:
    """A model's configuration: from its folder, from the known ones in this package, or from the hub.

    Raises:
        CollmError: if none of them has it.
    """
    source = model_source(name)
    if looks_local(name) and not (Path(source) / "config.json").is_file():
        mend = "give a hub id or the path of a saved model."
        raise CollmError(field, f"{name} holds no model (no config.json).", mend)
    known = json.loads(files("collm").joinpath("assets", "architectures.json").read_text())
    if name in known:
        return AutoConfig.for_model(**known[name])
    try:
        return AutoConfig.from_pretrained(source)
    except Exception as error:
        problem = f"cannot find the architecture of {name!r} ({type(error).__name__})."
        mend = "check the name and the network, or give a local folder."
        raise CollmError(field, problem, mend) from None
