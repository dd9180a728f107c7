"""What a recipe would do on a cluster of GPUs, on paper: memory of workers, seconds of phases, bytes sent.

Workers are those of :mod:`collm.placement`: phases follow one another, workers of a phase work side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collm.agents.config import AgentConfig, CriticConfig
from collm.config.placement import RayPlacement
from collm.config.tree import RunConfig
from collm.errors import CollmError
from collm.placement.groups import together
from collm.report.estimate import Footprint, footprints
from collm.report.rates import CARDS, Rates, card_rates
from collm.report.timing import Seconds, seconds
from collm.report.work import work_of

_MEMORY = {"H200": 141, "H100": 80, "A100": 80, "L40S": 48, "RTX4090": 24, "RTX3090": 24}
"""Of the cards, in GB by their data sheets."""

_KEPT_FREE = 0.05
LINK = 25e9
"""Assumed bytes a second between two machines: a network of 200 Gbit/s."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """So many machines with so many cards each."""

    machines: int
    cards: int
    card: str

    @property
    def gpus(self) -> int:
        return self.machines * self.cards


@dataclass(frozen=True, slots=True)
class Load:
    """One worker, or several alike.

    Attributes:
        role: ``learner``, ``engine`` or ``critic``, and whose.
        count: workers of that kind.
        memory: bytes at most, of one.
        seconds: that one is busy in an update.
        sent: bytes that go out of all of them, or into them, in an update.
    """

    role: str
    count: int
    memory: int
    seconds: float
    sent: int


@dataclass(frozen=True, slots=True)
class OnPaper:
    """A recipe on a cluster.

    Attributes:
        phases: seconds of sampling, critics, learning and weights in an update, in that order.
        busy: share of the cards that are used, over time.
        changes: what to change, in words; none if there is nothing to say.
    """

    loads: tuple[Load, ...]
    phases: Mapping[str, float]
    busy: float
    changes: tuple[str, ...]

    @property
    def update(self) -> float:
        """Seconds of an update."""
        return sum(self.phases.values())


def cluster_of(text: str) -> Cluster:
    """Read ``8x8xH200``: machines, cards of each, and which card.

    Raises:
        CollmError: if it says something else.
    """
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d?)x(\w+)", text)
    if found is None or found[3] not in CARDS:
        mend = f"write MACHINESxCARDSxCARD, with one of {', '.join(CARDS)}."
        raise CollmError("--cluster", f"{text!r} is no cluster.", mend)
    return Cluster(int(found[1]), int(found[2]), found[3])


def on_paper(config: RunConfig, cluster: Cluster) -> OnPaper:
    """A recipe's workers on a cluster; a recipe that is placed nowhere is placed on Ray as by default.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    placement = _placement(config)
    dtype = next(iter(config.agents.values())).dtype
    loads, phases = spread(config, card_rates(cluster.card, dtype))
    total, workers = sum(phases.values()), sum(one.count for one in loads)
    busy = sum(one.count * one.seconds for one in loads) / (workers * total) if total else 0.0
    changes = tuple(_changes(config, cluster, placement, loads, phases))
    return OnPaper(loads, phases, busy, changes)


def spread(config: RunConfig, rates: Rates) -> tuple[tuple[Load, ...], dict[str, float]]:
    """A recipe's workers, each on a device of its own, and the seconds of an update's phases.

    Args:
        config: as :func:`on_paper` has it.
        rates: of every device.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    needs = {one.role: one for one in footprints(config, work_of(config))}
    times = {one.role: one for one in seconds(config, rates)}
    loads = tuple(_loads(config, _placement(config), needs, times))
    return loads, {
        "sampling": _longest(loads, "engine"),
        "critics": _longest(loads, "critic"),
        "learning": _longest(loads, "learner"),
        "weights": max((one.sent for one in loads if one.role.startswith("engine")), default=0) / LINK,
    }


def _placement(config: RunConfig) -> RayPlacement:
    return config.placement if isinstance(config.placement, RayPlacement) else RayPlacement()


def _loads(
    config: RunConfig,
    placement: RayPlacement,
    needs: Mapping[str, Footprint],
    times: Mapping[str, Seconds],
) -> Iterator[Load]:
    owners = {name: agent for name, agent in config.agents.items() if agent.shares is None}
    replicas, share = placement.engines.replicas, placement.learners
    for group in together(owners):
        needed, spent = [needs[f"agent {name}"] for name in group], [times[f"agent {name}"] for name in group]
        base, own = _base(needed), sum(one.weights for one in needed)
        moments, names = sum(one.moments for one in needed), _short(group)
        most = max(max(one.scoring, one.update) for one in needed)
        several, parts = share.workers, share.workers if share.sharded else 1
        learning = sum(one.learning / several + one.stepping / parts for one in spent)
        yield Load(f"learner of {names}", several, (base + own + moments) // parts + most, learning, own)
        drawing = base + own + sum(one.kept for one in needed) + max(one.sampling for one in needed)
        split = sum(one.drawing for one in spent) / replicas
        yield Load(f"engine of {names}", replicas, drawing, split, own * replicas)
    if isinstance(config.critic, CriticConfig):
        critics = dict.fromkeys(config.algorithm.critics(list(config.agents)), config.critic)
        for critic_group in together(critics):
            needed = [needs[f"critic {name}"] for name in critic_group]
            held = _base(needed) + sum(one.weights + one.moments + one.graph for one in needed)
            most = max(max(one.scoring, one.update) for one in needed)
            spent = [times[f"critic {name}"] for name in critic_group]
            yield Load(f"critic {_short(critic_group)}", 1, held + most, sum(one.total for one in spent), 0)


def _base(needed: list[Footprint]) -> int:
    return sum(dict(one.base for one in needed if one.base is not None).values())


def _short(group: Mapping[str, AgentConfig | CriticConfig]) -> str:
    """Names of a worker's members; of many, the first and their number."""
    first, *others = group
    return f"{first} and {len(others)} more" if len(others) > 2 else ", ".join(group)


def _longest(loads: tuple[Load, ...], kind: str) -> float:
    return max((one.seconds for one in loads if one.role.startswith(kind)), default=0.0)


def _changes(
    config: RunConfig,
    cluster: Cluster,
    placement: RayPlacement,
    loads: tuple[Load, ...],
    phases: Mapping[str, float],
) -> Iterator[str]:
    room = _MEMORY[cluster.card] * 1e9 * (1 - _KEPT_FREE)
    for one in loads:
        if one.memory > room:
            yield (
                f"the {one.role} takes {one.memory / 2**30:.1f} GiB, more than a {cluster.card} has: "
                "use adapters, gradient_checkpointing, or a smaller batch_tokens or batch_rows."
            )
    workers = sum(one.count for one in loads)
    if workers > cluster.gpus:
        yield f"{workers} workers are more than {cluster.gpus} cards: let agents share a base by adapters."
        return
    engines = sum(1 for one in loads if one.role.startswith("engine"))
    more = (cluster.gpus - workers) // engines
    if more and phases["sampling"] == max(phases.values()):
        replicas = placement.engines.replicas
        faster = phases["sampling"] * replicas / (replicas + more)
        yield (
            f"{cluster.gpus - workers} cards have nothing to do and sampling is the longest phase: with "
            f"placement.engines.replicas={replicas + more} it takes {faster:.3g} s instead of "
            f"{phases['sampling']:.3g} s, if an agent draws as many batches of batch_rows at a turn."
        )
