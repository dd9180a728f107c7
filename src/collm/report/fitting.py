"""Whether a recipe fits a device, and which settings make it fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from collm.config.overrides import overridden
from collm.config.tree import RunConfig, make_config, plain
from collm.report.estimate import footprints, phases
from collm.report.samplers import Sampler, samplers, share_taken
from collm.report.work import work_of

GIB = 2**30

_ROOM = 0.95
"""The share of a device that tensors may take; allocators and drivers need some themselves."""

_RESULTS_KEPT = (
    ("gradient_checkpointing=true",),
    ("batch_rows=8",),
    ("optimization.optimizer=adamw_8bit",),
)
_LAST = ("adapter={}",)
"""Keys of agents and critics, from what costs least on."""


def peaks_of(config: RunConfig) -> dict[str, dict[str, int]]:
    """Bytes of each phase on each device.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    return phases(list(footprints(config, work_of(config))))


def fits(
    peaks: Mapping[str, int], gibibytes: float, device: str = "", several: Sequence[Sampler] = ()
) -> bool:
    """Whether each phase of a device leaves room on one of that size.

    Args:
        peaks: of the trainer's tensors, by phase.
        gibibytes: the size.
        device: where.
        several: what vLLMs take there as well.
    """
    size, always = gibibytes * GIB, share_taken(several, device, drawing=False)
    drawing = peaks.get("sampling", peaks["checkpoint"])
    fit = max(peaks.values()) <= size * (_ROOM - always)
    return fit and drawing <= size * (_ROOM - share_taken(several, device, drawing=True))


def all_fit(config: RunConfig, gibibytes: float) -> bool:
    """Whether every device of a size holds its part of a recipe.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    several = samplers(config)
    return all(fits(one, gibibytes, device, several) for device, one in peaks_of(config).items())


def advice(config: RunConfig, gibibytes: float) -> tuple[str, ...] | None:
    """The first settings, as overrides, under which every device holds its part; ``None`` if none do."""
    for overrides in _trials(config):
        changed = make_config(overridden(plain(config), overrides), "estimate", learns=False)
        if all_fit(changed, gibibytes):
            return overrides
    return None


def _trials(config: RunConfig) -> Iterator[tuple[str, ...]]:
    """More and more settings, the adapters' last."""
    for keys in accumulate(_RESULTS_KEPT):
        yield _overrides(config, keys)
    yield _overrides(config, _RESULTS_KEPT[0] + _LAST)
    yield _overrides(config, _RESULTS_KEPT[0] + _RESULTS_KEPT[1] + _LAST)


def _overrides(config: RunConfig, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys for all agents, and for the critic where it has them."""
    agents = [f"agents.*.{key}" for key in keys]
    of_critic = () if config.critic is None else type(config.critic).model_fields
    return (*agents, *(f"critic.{key}" for key in keys if key.partition("=")[0].split(".")[0] in of_critic))
