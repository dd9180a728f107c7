"""What ``collm train --dry-run`` prints: the resolved recipe, the work ahead, the memory it needs."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from collm.base.yaml_text import to_yaml
from collm.config.placement import RayPlacement
from collm.config.sections import TrainingConfig
from collm.config.tree import RunConfig, plain
from collm.contract.held import hold
from collm.errors import AbsentError
from collm.report.beside import beside_models
from collm.report.cluster import cluster_of, on_paper
from collm.report.estimate import Footprint, footprints, phases, steady
from collm.report.fitting import GIB, advice, all_fit, fits
from collm.report.rates import Rates
from collm.report.samplers import samplers
from collm.report.timing import seconds
from collm.report.work import calls_of, trees_of, work_of
from collm.training.saved import number_saved
from collm.training.schedule import planned_updates

_LONG = 10**15


def print_dry_run(config: RunConfig, console: Console) -> None:
    """Print everything a person wants to know before starting.

    A dataset that lies elsewhere is named, and everything but the number of tasks is printed.

    Raises:
        CollmError: if the dataset is broken or a model's architecture cannot be found out.
    """
    console.print(to_yaml(plain(config)), markup=False, highlight=False)
    trees, calls = trees_of(config), calls_of(config)
    for line in _work(config):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    console.print(f"trees an update: {trees}, at most {_count(calls)} inference calls\n", highlight=False)
    print_memory(config, console)


def _work(config: RunConfig) -> Iterator[str]:
    """How many tasks and updates there are, as far as that can be known here."""
    training, what = config.training, _what(config)
    try:
        number = _number(config)
    except AbsentError as error:
        yield f"{what}: not here. {error}"
        yield f"updates: {training.epochs} x their number / {training.tasks_per_update}"
        return
    yield f"{what}: {number}"
    yield f"updates: {_updates(training, number)}"


def _what(config: RunConfig) -> str:
    """What the epochs go over."""
    return "training tasks" if config.training.saved is None else "saved trees"


def _number(config: RunConfig) -> int:
    """How many of these there are.

    Raises:
        CollmError: if they are broken; an :class:`AbsentError` if they lie elsewhere.
    """
    env, saved = hold(config.env), config.training.saved
    return len(env.tasks("train")) if saved is None else number_saved(saved, env)


def _count(number: int) -> str:
    """A number of any size, short."""
    return str(number) if number < _LONG else f"10^{math.log10(number):.0f}"


def print_memory(config: RunConfig, console: Console, gibibytes: float | None = None) -> None:
    """Print what each role holds and the peak of each phase; with a size also whether devices of it do.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    roles, several = list(footprints(config, work_of(config))), samplers(config)
    console.print(_held(roles))
    for line in beside_models(config):
        console.print(line, highlight=False)
    for device, peaks in phases(roles).items():
        console.print(_peaks(device, peaks))
        if gibibytes is not None:
            verdict = "fits" if fits(peaks, gibibytes, device, several) else "does not fit"
            beside = " beside vLLM" if any(one.device == device for one in several) else ""
            console.print(f"{device}: {verdict} {gibibytes:g} GiB{beside}", highlight=False)
    if gibibytes is not None and not all_fit(config, gibibytes):
        settings = advice(config, gibibytes)
        told = "no setting known here makes it fit; use smaller models or more devices."
        if settings is not None:
            told = f"it fits with: {shlex.join(settings)}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)


def print_time(config: RunConfig, console: Console, rates: Rates) -> None:
    """Print what each role takes in an update at most, and what the whole run does.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    found = seconds(config, rates)
    table = _table("Estimated seconds of an update", "role", "drawing", "learning", "stepping")
    for one in found:
        table.add_row(one.role, f"{one.drawing:.3g}", f"{one.learning:.3g}", f"{one.stepping:.3g}")
    console.print(table)
    total = sum(one.total for one in found)
    drawing = sum(one.drawing for one in found)
    told = [f"an update: {total:.3g} s", *_run_time(config, total)]
    told += [*_side_by_side(config, drawing, total - drawing), f"rates: {rates.source}"]
    for line in told:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _side_by_side(config: RunConfig, drawing: float, rest: float) -> Iterator[str]:
    """What of an update's seconds, which are of one role after another, may pass at the same time."""
    if isinstance(config.placement, RayPlacement):
        yield "placed on Ray: these are of one role after another; --cluster counts workers side by side"
    if config.training.collect_ahead:
        yield f"collected ahead: {max(drawing, rest):.3g} s an update at best, if neither slows the other"


def _run_time(config: RunConfig, update: float) -> Iterator[str]:
    """The hours of all updates, if what they go over is here to be counted."""
    try:
        updates = _updates(config.training, _number(config))
    except AbsentError:
        yield f"the run: unknown, since the {_what(config)} are not here"
        return
    hours = updates * update / 3600
    yield f"the run: {hours:.3g} h in {updates} updates, environments and evaluations beside"


def _updates(training: TrainingConfig, tasks: int) -> int:
    planned = planned_updates(training, tasks)
    return min(planned, training.max_updates or planned)


def _held(roles: Sequence[Footprint]) -> Table:
    unit, size = _unit(roles)
    ahead = any(one.copy is not None for one in roles)
    columns = ("parameters", "weights", "moments", "shared base", *(("copy",) if ahead else ()))
    table = _table(f"Held throughout, in {unit}", "role", *columns)
    for one in roles:
        shared = "" if one.base is None else f"{one.base[1] / size:.2f}"
        table.add_row(
            one.role,
            f"{one.parameters:,}",
            f"{one.weights / size:.2f}",
            f"{one.moments / size:.2f}",
            shared,
            *(["" if one.copy is None else f"{one.copy / size:.2f}"] if ahead else []),
        )
    return table


def _peaks(device: str, peaks: Mapping[str, int]) -> Table:
    unit, size = ("GiB", GIB) if max(peaks.values()) >= GIB else ("MiB", 2**20)
    table = _table(f"Estimated peaks on {device}, in {unit}", "phase", "peak")
    for name, peak in peaks.items():
        table.add_row(name, f"{peak / size:.2f}")
    return table


def _unit(roles: Sequence[Footprint]) -> tuple[str, int]:
    return ("GiB", GIB) if steady(roles) >= GIB else ("MiB", 2**20)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def print_cluster(config: RunConfig, console: Console, cluster: str) -> None:
    """Print what a recipe would do on a cluster.

    Raises:
        CollmError: if it is no cluster, or a model's architecture cannot be found out.
    """
    found = on_paper(config, cluster_of(cluster))
    table = _table(f"On {cluster}, placed on Ray", "worker", "how many", "GiB each", "busy s", "GB sent")
    for one in found.loads:
        memory, sent = f"{one.memory / 2**30:.1f}", f"{one.sent / 1e9:.3g}"
        table.add_row(one.role, str(one.count), memory, f"{one.seconds:.3g}", sent)
    console.print(table)
    phases = ", ".join(f"{name} {spent:.3g} s" for name, spent in found.phases.items())
    told = [
        f"an update: {found.update:.3g} s: {phases}",
        f"cards in use are busy {found.busy:.0%} of the time",
    ]
    for line in [*told, *found.changes]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
