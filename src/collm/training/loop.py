"""The training loop: collect, learn, log, checkpoint, evaluate."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from collm.agents.team import Team, load_team
from collm.config.tree import RunConfig
from collm.contract import guard
from collm.env import Task
from collm.errors import CollmError
from collm.evaluation.evaluate import evaluate
from collm.evaluation.measures import measures
from collm.rollout import Rollout, probed, rollout
from collm.runs.folder import Counters, RunFolder
from collm.runs.records import UpdateRecord, turn_rows
from collm.runs.summary import summary_of
from collm.runs.tracking import Tracker, check_installed, open_trackers
from collm.training.display import Display
from collm.training.divergence import check_metrics, check_replies
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.training.preflight import check_reading, check_tasks
from collm.training.schedule import planned_updates, resets_of


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    Attributes:
        summary: what ``summary.json`` holds; ``after`` is absent if the run was interrupted.
        interrupted: a signal asked the run to stop; it can be resumed.
    """

    summary: Mapping[str, Any]
    interrupted: bool = False


@dataclass(slots=True)
class _Run:
    """Everything an update needs."""

    config: RunConfig
    folder: RunFolder
    team: Team
    tasks: Sequence[Task]
    planned: int
    display: Display
    trackers: list[Tracker] = field(default_factory=list)


def train(config: RunConfig, out: Path, display: Display, resume: bool = False) -> Result:
    """Train a team and keep everything in a run folder.

    Args:
        config: the recipe, checked.
        out: the run folder; empty or absent unless ``resume``.
        display: shows progress.
        resume: go on from the newest whole checkpoint, exactly as if nothing had happened.

    Raises:
        CollmError: for bad input. All of it that can be known is checked before anything is written.
        InfrastructureError: if the environment cannot run here.
    """
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
    folder = RunFolder(out, warn=display.note)
    checkpoint = folder.find(config) if resume else None
    if not resume:
        folder.check_free()
    tasks, trial = check_tasks(config.env, display.note)
    for line in guard.notices(config.env):
        display.note(line)
    check_installed(config.tracking)
    critics = config.algorithm.critics(list(config.agents))
    team = load_team(config.agents, config.critic, critics, checkpoint.path if checkpoint else None)
    check_reading(team, critics, trial)
    if resume:
        folder.take_up(config, checkpoint)
    else:
        folder.start(config)
    planned = planned_updates(config.training, len(tasks))
    run = _Run(config, folder, team, tasks, planned, display, open_trackers(config, out))
    try:
        return _train(run, checkpoint.counters if checkpoint else Counters())
    finally:
        for tracker in run.trackers:
            tracker.close()


def _train(run: _Run, counters: Counters) -> Result:
    last = min(run.planned, run.config.training.max_updates or run.planned)
    run.display.begin(counters.update, last)
    if counters.update == 0:
        _evaluate(run, 0, "before")
    else:
        run.display.note(f"Resumed after update {counters.update}.")
    with _stop_requests(run.display.note) as stopping:
        while counters.update < last and not stopping():
            counters = _update(run, counters)
            if counters.update < last and _due(run.config.training.evaluate_every, counters.update):
                _evaluate(run, counters.update, f"update-{counters.update:06d}")
            ending = counters.update == last or stopping()
            if ending or _due(run.config.training.checkpoint_every, counters.update):
                run.folder.save(run.team, run.config, counters)
    if counters.update < last:
        return Result(_summary(run, counters, finished=False), interrupted=True)
    _evaluate(run, counters.update, "after")
    return Result(_summary(run, counters, finished=True))


def _due(every: int, update: int) -> bool:
    return every > 0 and update % every == 0


def _update(run: _Run, counters: Counters) -> Counters:
    """Collect a buffer, learn from it, log it."""
    began = time.perf_counter()
    config, algorithm = run.config, run.config.algorithm
    resets = resets_of(config.training, run.tasks, config.seed, counters.update)
    grown = rollout(config.env, run.team.policies, resets, algorithm.branching)
    probes = {number: algorithm.probes(tree) for number, tree in enumerate(grown.trees)}
    grown = probed(config.env, run.team.policies, grown, probes)
    collected = time.perf_counter()
    if not grown.sound:
        problem = f"every rollout of update {counters.update + 1} failed: {grown.trees[0].failure}."
        raise CollmError(
            f"environment {config.env.type!r}", problem, "mend its infrastructure, then --resume."
        )
    failures = [tree.failure for tree in grown.trees if tree.failure is not None]
    if failures:
        run.display.note(f"{len(failures)} of {len(grown.trees)} rollouts failed: {failures[0]}.")
    check_replies(grown.sound, f"in update {counters.update + 1}")
    progress = Progress(config.seed, counters.update, run.planned)
    record = learn(algorithm, run.team.agents, run.team.critics, grown.sound, progress)
    check_metrics(record.metrics, counters.update + 1)
    ended = time.perf_counter()
    counters = _counted(counters, grown, ended - began)
    row = _metrics_row(counters, grown, record, collected - began, ended - collected)
    run.folder.write_episodes(f"update-{counters.update:06d}", turn_rows(grown.trees, record))
    run.folder.log(row)
    for tracker in run.trackers:
        tracker.log(row, counters.update)
    run.display.updated(row)
    return counters


def _counted(counters: Counters, grown: Rollout, seconds: float) -> Counters:
    turns = sum(len(tree.turns) for tree in grown.sound)
    return replace(
        counters,
        update=counters.update + 1,
        env_steps=counters.env_steps + turns,
        episodes=counters.episodes + sum(1 for tree in grown.sound for _ in tree.episodes()),
        tokens=counters.tokens + sum(grown.tokens.values()),
        inference_calls=counters.inference_calls + grown.inference_calls,
        seconds=counters.seconds + seconds,
    )


def _metrics_row(
    counters: Counters, grown: Rollout, record: UpdateRecord, rollout_seconds: float, learn_seconds: float
) -> dict[str, float]:
    tokens = sum(grown.tokens.values())
    return {
        "update": counters.update,
        "env_steps": counters.env_steps,
        "episodes": counters.episodes,
        "inference_calls": counters.inference_calls,
        "tokens": counters.tokens,
        "seconds": counters.seconds,
        "rollout_seconds": rollout_seconds,
        "learn_seconds": learn_seconds,
        "tokens_per_second": tokens / rollout_seconds,
        "failures": len(grown.trees) - len(grown.sound),
        **measures(grown.sound),
        **record.metrics,
    }


def _evaluate(run: _Run, update: int, name: str) -> None:
    """Play the test tasks; keep measures and episodes."""
    found = evaluate(run.config.env, run.team.policies, run.config.evaluation, run.config.seed)
    check_replies([*found.sampled, *found.greedy], f"after update {update}")
    run.folder.write_episodes(f"evaluation-{name}", turn_rows(found.sampled))
    if found.greedy:
        run.folder.write_episodes(f"evaluation-{name}-greedy", turn_rows(found.greedy))
    run.folder.log_evaluation({"update": update, "name": name, **found.measures})
    for tracker in run.trackers:
        tracker.log({f"test/{key}": value for key, value in found.measures.items()}, update)
    run.display.evaluated(update, found.measures)


def _summary(run: _Run, counters: Counters, finished: bool) -> dict[str, Any]:
    """Write and return ``summary.json``."""
    kept = summary_of(asdict(counters), run.folder.evaluations(), finished)
    run.folder.write_summary(kept)
    return kept


@contextmanager
def _stop_requests(note: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop after the update; the second stops at once."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        note("Stopping after this update; press Ctrl-C again to leave at once.")

    try:
        earlier = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:
        earlier = {}  # not in the main thread: nobody can press Ctrl-C here
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
