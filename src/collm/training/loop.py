"""The training loop: collect, learn, log, checkpoint, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from collm.agents.information import Bonus
from collm.agents.team import Team
from collm.config.tree import RunConfig
from collm.contract.held import Held
from collm.evaluation.blame import blamed, with_blame
from collm.evaluation.evaluate import evaluate
from collm.runs.completions import completions_of
from collm.runs.folder import Counters, RunFolder
from collm.runs.layout import update_name
from collm.runs.records import turn_rows
from collm.runs.summary import summary_of
from collm.runs.tracking import Tracker
from collm.training.collecting import Collected, Source
from collm.training.display import Callback
from collm.training.divergence import check_metrics, check_replies
from collm.training.learning import learn
from collm.training.metrics import counted, metrics_row
from collm.training.minibatches import Progress
from collm.training.stopping import stop_requests


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    Attributes:
        summary: what ``summary.json`` holds; ``after`` is absent if the run was interrupted.
        interrupted: a signal asked the run to stop; it can be resumed.
    """

    summary: Mapping[str, Any]
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """Everything an update needs."""

    config: RunConfig
    env: Held
    folder: RunFolder
    team: Team
    source: Source
    planned: int
    display: Callback
    trackers: Sequence[Tracker]


def go_on(run: Run, counters: Counters) -> Result:
    """Train from where the counters say to the run's end, or to a request to stop."""
    last = min(run.planned, run.config.training.max_updates or run.planned)
    run.display.begin(counters.update, last)
    if counters.update == 0:
        _evaluate(run, 0, "before")
    else:
        run.display.note(f"Resumed after update {counters.update}.")
        _make_up(run, counters.update, last)
    with stop_requests(run.display.note) as stopping:
        while counters.update < last and not stopping():
            collected = run.source.take(counters.update)
            with run.source.meanwhile():
                counters = _update(run, counters, collected)
            if counters.update < last and _due(run.config.training.evaluate_every, counters.update):
                _evaluate(run, counters.update, update_name(counters.update))
            ending = counters.update == last or stopping()
            if ending or _due(run.config.training.checkpoint_every, counters.update):
                run.folder.save(_Whole(run.team, run.source), run.config, counters)
    if counters.update < last:
        return Result(_summary(run, counters, finished=False), interrupted=True)
    _evaluate(run, counters.update, "after")
    return Result(_summary(run, counters, finished=True))


def _make_up(run: Run, update: int, last: int) -> None:
    """Evaluate where a run that goes on would have done so, had it not been meant to end there."""
    known = [row["update"] for row in run.folder.evaluations()]
    if update < last and update not in known and _due(run.config.training.evaluate_every, update):
        _evaluate(run, update, update_name(update))


def _due(every: int, update: int) -> bool:
    return every > 0 and update % every == 0


@dataclass(frozen=True, slots=True)
class _Whole:
    """What a checkpoint holds."""

    team: Team
    source: Source

    def save(self, folder: Path) -> None:
        self.team.save(folder)
        self.source.save(folder)


def _update(run: Run, counters: Counters, collected: Collected) -> Counters:
    """Learn from a buffer, log it."""
    began, number, grown = time.perf_counter(), counters.update + 1, collected.rollout
    failures = [tree.failure for tree in grown.trees if tree.failure is not None]
    if failures:
        run.display.note(f"{len(failures)} of {len(grown.trees)} rollouts failed: {failures[0]}.")
    progress = Progress(run.config.seed, counters.update, run.planned, collected.staleness)
    bonus = Bonus(grown.sound)
    if run.team.bonus is not None:
        bonus = run.team.bonus.given(grown.sound, counters.update)
    record = learn(run.config.algorithm, run.team.agents, run.team.value_models, bonus.trees, progress)
    check_metrics(record.metrics, number)
    seconds = time.perf_counter() - began
    counters = counted(counters, grown, collected.waited + seconds)
    clocked = metrics_row(counters, grown, record, collected.seconds, seconds)
    row = {**clocked, **collected.measures, **bonus.measures}
    run.folder.write_episodes(update_name(number), turn_rows(grown.trees, record, _spelled(run)))
    run.folder.log(row)
    for tracker in run.trackers:
        tracker.log(row, number)
    run.display.updated(row)
    return counters


def _evaluate(run: Run, update: int, name: str) -> None:
    """Play the test tasks; keep measures and episodes."""
    evaluation = evaluate(run.env, run.team.policies, run.config.evaluation, run.config.seed)
    check_replies([*evaluation.sampled, *evaluation.greedy], f"after update {update}")
    rows = turn_rows(evaluation.sampled, spelled=_spelled(run))
    if samples := run.config.evaluation.blame:
        rows = with_blame(rows, blamed(run.env, run.team.policies, evaluation.sampled, samples))
    run.folder.write_episodes(f"evaluation-{name}", rows)
    completions = completions_of(turn_rows(evaluation.sampled), update, run.config.tracking.completions)
    if evaluation.greedy:
        run.folder.write_episodes(
            f"evaluation-{name}-greedy", turn_rows(evaluation.greedy, spelled=_spelled(run))
        )
    run.folder.log_evaluation({"update": update, "name": name, **evaluation.measures})
    for tracker in run.trackers:
        tracker.log({f"test/{key}": value for key, value in evaluation.measures.items()}, update)
        if completions:
            tracker.log_completions(completions, update)
    run.display.evaluated(update, evaluation.measures)


def _spelled(run: Run) -> Mapping[str, Callable[[int], str]] | None:
    """How each agent's tokens are written, if the episodes are to hold them."""
    if not run.config.training.record_tokens:
        return None
    return {name: agent.policy.context.spelling for name, agent in run.team.agents.items()}


def _summary(run: Run, counters: Counters, finished: bool) -> dict[str, Any]:
    """Write and return ``summary.json``."""
    kept = summary_of(asdict(counters), run.folder.evaluations(), finished)
    run.folder.write_summary(kept)
    return kept
