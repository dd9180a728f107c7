"""The training loop: collect, learn, log, checkpoint, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from collm.agents.information import Bonus
from collm.agents.team import Team
from collm.config.tree import RunConfig
from collm.contract.held import Held
from collm.env import Task
from collm.errors import CollmError
from collm.evaluation.blame import blamed, with_blame
from collm.evaluation.evaluate import evaluate
from collm.rollout import Rollout, probed, rollout
from collm.runs.completions import completions_of
from collm.runs.folder import Counters, RunFolder
from collm.runs.records import turn_rows
from collm.runs.summary import summary_of
from collm.runs.tracking import Tracker
from collm.training.display import Callback
from collm.training.divergence import check_metrics, check_replies
from collm.training.learning import learn
from collm.training.metrics import counted, metrics_row
from collm.training.minibatches import Progress
from collm.training.saved import SavedTree
from collm.training.schedule import resets_of
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
    tasks: Sequence[Task]
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
    with stop_requests(run.display.note) as stopping:
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


def _update(run: Run, counters: Counters) -> Counters:
    """Collect a buffer, learn from it, log it."""
    began, number = time.perf_counter(), counters.update + 1
    grown = _collect(run, counters.update)
    collected = time.perf_counter()
    check_replies(grown.sound, f"in update {number}")
    progress = Progress(run.config.seed, counters.update, run.planned)
    bonus = Bonus(grown.sound)
    if run.team.bonus is not None:
        bonus = run.team.bonus.given(grown.sound, counters.update)
    record = learn(run.config.algorithm, run.team.agents, run.team.value_models, bonus.trees, progress)
    check_metrics(record.metrics, number)
    ended = time.perf_counter()
    counters = counted(counters, grown, ended - began)
    row = {**metrics_row(counters, grown, record, collected - began, ended - collected), **bonus.measures}
    run.folder.write_episodes(f"update-{number:06d}", turn_rows(grown.trees, record, _spelled(run)))
    run.folder.log(row)
    for tracker in run.trackers:
        tracker.log(row, number)
    run.display.updated(row)
    return counters


def _collect(run: Run, update: int) -> Rollout:
    """The trees of one update, with what the algorithm wants to know beside them."""
    config, algorithm, policies = run.config, run.config.algorithm, run.team.policies
    resets = resets_of(config.training, run.tasks, config.seed, update)
    saved = [reset.task.tree for reset in resets if isinstance(reset.task, SavedTree)]
    if saved:
        return Rollout(tuple(saved), 0, dict.fromkeys(run.env.agents, 0))
    grown = rollout(run.env, policies, resets, algorithm.branching)
    probes = {number: algorithm.probes(tree) for number, tree in enumerate(grown.trees)}
    grown = probed(run.env, policies, grown, probes)
    failures = [tree.failure for tree in grown.trees if tree.failure is not None]
    if not grown.sound:
        problem = f"every rollout of update {update + 1} failed: {failures[0]}."
        raise CollmError(run.env.place(), problem, "mend its infrastructure, then --resume.")
    if failures:
        run.display.note(f"{len(failures)} of {len(grown.trees)} rollouts failed: {failures[0]}.")
    return grown


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
