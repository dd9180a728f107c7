"""What ``collm train --dry-run`` prints: the resolved recipe, the work ahead, the memory it needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from collm.algorithms.base import Branching
from collm.base.yaml_text import to_yaml
from collm.config.tree import RunConfig, plain
from collm.contract.held import hold
from collm.errors import AbsentError
from collm.report.estimate import Footprint, footprints, peak
from collm.training.schedule import planned_updates

_LONG = 10**15


def print_dry_run(config: RunConfig, console: Console) -> None:
    """Print everything a person wants to know before starting.

    A dataset that lies elsewhere is named, and everything but the number of tasks is printed.

    Raises:
        CollmError: if the dataset is broken or a model's architecture cannot be found out.
    """
    console.print(to_yaml(plain(config)), markup=False, highlight=False)
    training, algorithm, turns = config.training, config.algorithm, config.env.num_turns
    trees = training.tasks_per_update * training.episodes_per_task
    drawn = samples_of_turns(len(config.agents), algorithm.branching, turns)
    calls = trees * len(config.agents) * sum(drawn)
    for line in _work(config):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    console.print(f"trees an update: {trees}, at most {_count(calls)} inference calls\n", highlight=False)
    console.print(_table(list(footprints(config, min(trees * drawn[-1], _LONG)))))


def _work(config: RunConfig) -> Iterator[str]:
    """How many tasks and updates there are, as far as that can be known here."""
    training = config.training
    try:
        tasks = len(hold(config.env).tasks("train"))
    except AbsentError as error:
        yield f"training tasks: not here. {error}"
        yield f"updates: {training.epochs} x their number / {training.tasks_per_update}"
        return
    planned = planned_updates(training, tasks)
    yield f"training tasks: {tasks}"
    yield f"updates: {min(planned, training.max_updates or planned)}"


def samples_of_turns(num_agents: int, branching: Branching, num_turns: int) -> list[int]:
    """Samples that one agent draws in a tree at each turn, if no branch ends early.

    With ``align`` their sum over agents is ``N_call(n, K, H) = n K (K^H - 1) / (K - 1)`` of Proposition
    3.2; with ``cross`` every history branches into ``K^n``.
    """
    num_samples = branching.num_samples
    branches = num_samples if branching.joint_mode == "align" else num_samples**num_agents
    return [num_samples * branches**turn for turn in range(num_turns)]


def _count(number: int) -> str:
    """A number of any size, short."""
    return str(number) if number < _LONG else f"10^{math.log10(number):.0f}"


def _table(found: Sequence[Footprint]) -> Table:
    large = sum(one.steady for one in found) >= 2**30
    unit, size = ("GiB", 2**30) if large else ("MiB", 2**20)
    table = Table(title=f"Estimated memory in {unit}", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("role", no_wrap=True)
    headings = ("parameters", "weights", "training", "activations", "KV drawn", "KV kept")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for one in found:
        parts = (one.weights, one.steady - one.weights, one.activations, one.cache, one.kept)
        table.add_row(one.role, f"{one.parameters:,}", *(f"{part / size:.2f}" for part in parts))
    table.add_row("peak", *[""] * (len(headings) - 1), f"{peak(found) / size:.2f}")
    return table
