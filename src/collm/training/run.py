"""Opens a run: checks everything that can be known before anything is written, then lets the loop go."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from collm.agents.information import InformationBonus
from collm.agents.team import open_mixers
from collm.base.kept_memory import keep_freed_memory
from collm.config.tree import RunConfig
from collm.contract.held import hold
from collm.placement.base import Place
from collm.placement.opening import placed
from collm.runs.faults import faults_told
from collm.runs.folder import Counters, RunFolder
from collm.runs.lock import locked
from collm.runs.tracking import check_installed, open_trackers
from collm.training.ahead import source_of
from collm.training.collecting import Collector
from collm.training.display import Callback
from collm.training.loop import Result, Run, go_on
from collm.training.preflight import check_reading, check_tasks
from collm.training.saved import saved_trees
from collm.training.schedule import planned_updates
from collm.training.starting import start_of


def train(config: RunConfig, out: Path, display: Callback, resume: bool = False) -> Result:
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
    with locked(out), faults_told(f"--out {out}"), placed(config, display.note) as place:
        return place.persist(partial(_train, config, out, display, place), resume, out)


def _train(config: RunConfig, out: Path, display: Callback, place: Place, resume: bool) -> Result:
    keep_freed_memory()
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
    folder, env = RunFolder(out, warn=display.note), place.environment(hold(config.env))
    checkpoint = folder.find(config) if resume else None
    if not resume:
        folder.check_free()
    tasks, trial = check_tasks(env, display.note)
    for line in env.notices():
        display.note(line)
    check_installed(config.tracking)
    critics = config.algorithm.critics(env.agents)
    weights = checkpoint.path if checkpoint else start_of(config, display.note)
    mixers, numbers = config.algorithm.mixers(env.agents), len(env.global_numbers(0, None, tasks[0]))
    team = place.team(config, critics, weights, numbers)
    team = replace(team, mixers=open_mixers(mixers, numbers, weights, config.seed))
    if config.bonus is not None:
        team = replace(team, bonus=InformationBonus(config.bonus, env.agents, config.seed))
    if checkpoint is not None:
        team.load_optimizers(checkpoint.path)
    check_reading(team, critics, trial)
    if config.training.saved is not None:
        contexts = {name: agent.policy.context for name, agent in team.agents.items()}
        tasks = saved_trees(config.training.saved, env, contexts)
    if resume:
        folder.take_up(config, checkpoint)
    else:
        folder.start(config)
    planned = planned_updates(config.training, len(tasks))
    source = source_of(Collector(config, env, tasks), team, planned, checkpoint)
    run = Run(config, env, folder, team, source, planned, display, open_trackers(config, out))
    try:
        return go_on(run, checkpoint.counters if checkpoint else Counters())
    finally:
        for tracker in run.trackers:
            tracker.close()
