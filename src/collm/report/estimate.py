"""What a recipe would need, without running it: parameters, and the peak of memory in each phase."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from collm.agents.config import AgentConfig, CriticConfig, TrunkConfig
from collm.config.tree import RunConfig
from collm.engines.kinds.in_process import InProcessKind
from collm.errors import CollmError
from collm.models.config import ModelConfig
from collm.models.loading import looks_local, model_source
from collm.models.rounding import PART
from collm.report.alternatives import learned_beside, read_beside, row_tokens
from collm.report.bases import base_bytes, largest_layer
from collm.report.simulation import Learning, Shape, drawing, learning, parameters, scoring

_PASSING = 40
"""Bytes of passing float32 tensors for each number of a part that a rounding step works on."""


@dataclass(frozen=True, slots=True)
class Work:
    """How much a model does at once, from the recipe.

    Attributes:
        rows: samples that an agent draws at the last turn.
        kept: samples whose keys and values it keeps from the turn before.
        siblings: samples drawn at one history.
        episodes: rows that a step learns from.
        turns: of an episode.
        reference: whether the first policy is looked at too.
        ahead: whether the next rollouts are drawn beside the learning, with a copy of the weights.
        beside: tokens of each episode's alternatives that the role reads in learning.
    """

    rows: int
    kept: int
    siblings: int
    episodes: int
    turns: int
    reference: bool
    ahead: bool = False
    beside: int = 0


@dataclass(frozen=True, slots=True)
class Footprint:
    """Estimated needs of one agent or critic in training, in bytes.

    Attributes:
        role: ``agent NAME`` or ``critic NAME``.
        device: where it is.
        parameters: trained ones.
        weights: its own, all or those of its adapter.
        moments: of the optimizer, where they lie on the device.
        base: name and bytes of frozen weights that it shares with others, or ``None``.
        kept: keys and values from the turn before the last one.
        sampling, scoring, update: at most in that phase, beside weights and moments; 0 where
            the role has no part in it.
        graph: what a role holds from a prediction until its step.
        copy: weights once more, to draw with beside the learning; ``None`` where nothing is drawn then.
    """

    role: str
    device: str
    parameters: int
    weights: int
    moments: int
    base: tuple[str, int] | None
    kept: int
    sampling: int
    scoring: int
    update: int
    graph: int
    copy: int | None = None


def footprints(config: RunConfig, work: Work) -> Iterator[Footprint]:
    """One estimate for each agent and critic.

    Args:
        config: the recipe.
        work: of an agent.

    Raises:
        CollmError: if a model's architecture cannot be found out.
        AbsentError: if there are adapters and peft is not installed.
    """
    heads = isinstance(config.critic, TrunkConfig)
    players = Counter(agent.shares or name for name, agent in config.agents.items())
    for name, agent in config.agents.items():
        role, field = f"agent {name}", f"agents.{name}.model"
        episodes = work.episodes * players[agent.shares or name]
        of_step = replace(work, episodes=episodes, beside=learned_beside(config, name))
        yield _of_agent(agent, footprint(agent, role, field, of_step, heads))
    if isinstance(config.critic, CriticConfig):
        for name, view in config.algorithm.critics(list(config.agents)).items():
            reads = replace(work, beside=read_beside(config, config.critic, view.agent))
            yield footprint(config.critic, f"critic {name}", "critic.model", reads)


def _of_agent(config: AgentConfig, whole: Footprint) -> Footprint:
    """The needs of an agent that may play another's weights, or never learn."""
    if config.shares is None and not config.frozen:
        return whole
    one = replace(whole, parameters=0, moments=0, update=0, copy=None if whole.copy is None else 0)
    if config.shares is not None:
        return replace(one, weights=0, scoring=0, base=None)
    return one if config.adapter is not None else replace(one, base=None)  # nobody asks where it began


def phases(roles: Sequence[Footprint]) -> dict[str, dict[str, int]]:
    """The peak of each phase on each device, what stays there included."""
    return {device: _phases([one for one in roles if one.device == device]) for device in _devices(roles)}


def steady(roles: Sequence[Footprint]) -> int:
    """Bytes that some models on one device hold throughout: each shared base counts once."""
    bases = dict(one.base for one in roles if one.base is not None)
    return sum(one.weights + one.moments + (one.copy or 0) for one in roles) + sum(bases.values())


def _devices(roles: Sequence[Footprint]) -> list[str]:
    return list(dict.fromkeys(one.device for one in roles))


def _phases(roles: Sequence[Footprint]) -> dict[str, int]:
    """The phases of an update on one device, in their order."""
    kept, graphs = sum(one.kept for one in roles), sum(one.graph for one in roles)
    peaks = {"sampling": kept + max(one.sampling for one in roles)}
    ahead = [one.scoring for one in roles if one.copy is not None]
    beside = max(peaks["sampling"], *ahead) if ahead else 0
    peaks["scoring"] = max(one.scoring for one in roles) + beside
    for one in roles:
        waiting = graphs - one.graph if one.graph or one.role.startswith("critic") else 0
        peaks[f"update of {one.role}"] = one.update + waiting + (beside if one.update else 0)
    held = steady(roles)
    at_most = {name: held + peak for name, peak in peaks.items() if peak}
    return {**at_most, "checkpoint": held}  # written from where it lies, without a copy


def footprint(
    config: ModelConfig, role: str, field: str, work: Work, carries_head: bool = False
) -> Footprint:
    """The needs of one role; see :func:`footprints`.

    Args:
        carries_head: whether an agent's trunk says values too.
    """
    architecture = read_architecture(config.model, field)
    text = architecture.to_json_string(use_diff=False)
    size, policy = bytes_of(config.dtype), isinstance(config, AgentConfig)
    whole, whole_largest, head = parameters(text)
    if not policy and config.adapter is None:
        whole -= head
    trained, largest = (
        (whole, whole_largest) if config.adapter is None else parameters(text, config.adapter)[:2]
    )
    own = size if config.adapter is None else 4
    shared = config.adapter is not None or (policy and work.reference)
    unpacked = 0 if config.quantization is None else largest_layer(architecture) * size
    held = base_bytes(config, architecture, whole, size)
    named = " ".join(filter(None, (model_source(config.model), config.dtype, config.quantization)))
    base = (named, held) if shared else None
    shape, several = shape_of(config, text, work)
    passes = learning(shape)
    drawer = config if isinstance(config, AgentConfig) and config.engine.following(config) is None else None
    return Footprint(
        role=role,
        device=config.device,
        parameters=trained,
        weights=trained * own,
        moments=_moments(config, trained, own),
        base=base,
        kept=_kept(config, architecture, work) if drawer else 0,
        sampling=unpacked + _sampling(drawer, architecture, text, shape, work) if drawer else 0,
        scoring=unpacked + scoring(shape),
        update=unpacked + _update(passes, several, trained * own, _step(config, largest, own)),
        graph=0 if several or (policy and not carries_head) else passes.graph,
        copy=trained * own if policy and work.ahead else None,
    )


def shape_of(config: ModelConfig, architecture: str, work: Work) -> tuple[Shape, bool]:
    """The largest microbatch, and whether a step has several of them."""
    longest, said, settings = row_tokens(config, work.beside), 0, {}
    if isinstance(config, AgentConfig):
        said = work.turns * config.sampling.max_tokens + work.beside
        settings = config.sampling.model_dump(include={"temperature", "top_k", "top_p"})
    branching, whole = work.siblings > 1 or work.beside > 0, work.episodes * longest
    width = min(max(config.batch_tokens, longest), whole) if branching else longest
    rows = max(1, min(config.batch_tokens, whole) // width)
    tokens = rows * width
    replies = min(tokens // 2, said * max(1, tokens // longest))
    shape = Shape(
        architecture,
        config.dtype,
        rows,
        width,
        branching,
        replies,
        config.gradient_checkpointing,
        config.activation_offload and config.device != "cpu",
        config.adapter,
        **settings,
    )
    return shape, whole > tokens


def _update(passes: Learning, several: bool, gradients: int, step: int) -> int:
    """The worst of three moments: the passes of the first microbatch, of a later one, and the step."""
    later = gradients + passes.activations if several else 0
    return max(passes.activations, passes.ending, later, gradients + step)


def _step(config: ModelConfig, largest: int, size: int) -> int:
    """Bytes that pass while the optimizer steps."""
    plain = size == 4 and config.optimization.optimizer == "adamw"
    return 2 * largest * size if plain else _PASSING * min(PART, largest)


def _moments(config: ModelConfig, trained: int, size: int) -> int:
    optimizer = config.optimization.optimizer
    if optimizer == "adamw_offload" and config.device != "cpu":
        return 0
    return int(2 * trained * (1 + 4 / 256)) if optimizer == "adamw_8bit" else 2 * trained * size


def _kept(config: ModelConfig, architecture: Any, work: Work) -> int:
    if not isinstance(config, AgentConfig) or not config.keeps_cache or work.turns == 1:
        return 0
    return work.kept * config.context * cached_bytes(architecture, config.dtype)


def _sampling(config: AgentConfig, architecture: Any, text: str, shape: Shape, work: Work) -> int:
    """The worst moment of drawing: prompts are read, their states branch, tokens are chosen."""
    rows = min(work.rows, config.batch_rows)
    prompts = -(-rows // work.siblings)
    state = cached_bytes(architecture, config.dtype)
    read = prompts * config.context * state
    drawn = rows * (config.context + config.sampling.max_tokens) * state
    fresh = config.context // work.turns if config.keeps_cache else config.context
    together = max(1, min(fresh, _prefill_tokens(config) // prompts))
    mask = prompts * together * config.context * (1 + bytes_of(config.dtype))
    one = Shape(text, config.dtype, prompts, together, False, 0)
    choice = drawing(text, config.dtype, rows, config.sampling.model_dump_json())
    return max(read + mask + scoring(one), read + drawn, drawn + choice)


def _prefill_tokens(config: AgentConfig) -> int:
    """Tokens of prompts that are read at once at most."""
    limit = config.engine.prefill_tokens if isinstance(config.engine, InProcessKind) else None
    return sys.maxsize if limit is None else limit


def cached_bytes(architecture: Any, dtype: str) -> int:
    """Bytes of keys and values of a token."""
    config = architecture.get_text_config(decoder=True)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * head_dim * bytes_of(dtype))


def bytes_of(dtype: str) -> int:
    """Bytes of a number."""
    return torch.finfo(getattr(torch, dtype)).bits // 8


def read_architecture(name: str, field: str) -> Any:
    """A model's configuration: from its folder, from the known ones in this package, or from the hub.

    Raises:
        CollmError: if none of them has it.
    """
    source = model_source(name)
    if looks_local(name) and not (Path(source) / "config.json").is_file():
        mend = "give a hub id or the path of a saved model."
        raise CollmError(field, f"{name} holds no model (no config.json).", mend)
    known: Mapping[str, Any] = json.loads(files("collm").joinpath("assets", "architectures.json").read_text())
    if name in known:
        return AutoConfig.for_model(**known[name])
    try:
        return AutoConfig.from_pretrained(source)
    except Exception as error:
        problem = f"cannot find the architecture of {name!r} ({type(error).__name__})."
        mend = "check the name and the network, or give a local folder."
        raise CollmError(field, problem, mend) from None
