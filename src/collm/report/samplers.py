"""What vLLMs in this process take of devices, beside the trainer's tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from collm.config.tree import RunConfig
from collm.engines.kinds.vllm import VllmKind


@dataclass(frozen=True, slots=True)
class Sampler:
    """One vLLM.

    Attributes:
        agents: who draw with it.
        device: where it is.
        share: of the device's memory.
        sleeps: whether it takes that only while the team draws.
    """

    agents: tuple[str, ...]
    device: str
    share: float
    sleeps: bool


def samplers(config: RunConfig) -> list[Sampler]:
    """The vLLMs that a run opens in its process."""
    found: dict[tuple[str, ...], Sampler] = {}
    for name, agent in config.agents.items():
        kind = agent.engine
        if agent.shares is not None or not isinstance(kind, VllmKind) or kind.url is not None:
            continue
        key = kind.served(name, agent)
        if key in found:
            found[key] = replace(found[key], agents=(*found[key].agents, name))
        else:
            sleeps = kind.sleep_level is not None
            found[key] = Sampler((name,), agent.device, kind.gpu_memory_utilization, sleeps)
    return list(found.values())


def share_taken(several: Sequence[Sampler], device: str, *, drawing: bool) -> float:
    """The share of a device that is theirs, while the team draws or in between."""
    return sum(one.share for one in several if one.device == device and (drawing or not one.sleeps))
