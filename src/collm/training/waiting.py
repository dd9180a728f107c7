"""Rollouts that were drawn before their update: what is known of them, checked, and kept in checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collm.errors import CollmError
from collm.rollout import Rollout
from collm.runs.files import read_json_lines, write_json_lines
from collm.runs.folder import Checkpoint
from collm.runs.trees import tree_of, tree_row
from collm.training.collecting import Collector
from collm.training.schedule import resets_of

_FIELD = "training.collect_ahead"
_FILE = "ahead.jsonl"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rollouts that wait for their update.

    Attributes:
        update: counted from 0.
        versions: by agent, of the weights that the update before it began with.
        seconds, waited: as :class:`collm.training.collecting.Collected` has them.
    """

    update: int
    rollout: Rollout
    versions: Mapping[str, int]
    seconds: float
    waited: float


def check_drawn(waiting: Waiting, update: int) -> None:
    """Test that rollouts are an update's own, and that the weights of their versions drew them.

    Raises:
        CollmError: if not.
    """
    mend = "report it: other weights have drawn than the schedule says."
    if waiting.update != update:
        problem = f"rollouts of update {waiting.update + 1} wait for update {update + 1}."
        raise CollmError(_FIELD, problem, mend)
    for tree in waiting.rollout.trees:
        for turn in tree.turns:
            for name, action in turn.joint_action.items():
                if action.version != waiting.versions[name]:
                    problem = (
                        f"a reply of agent {name} was drawn with version {action.version} of its weights, "
                        f"and the update before began with {waiting.versions[name]}."
                    )
                    raise CollmError(_FIELD, problem, mend)


def save_waiting(waiting: Waiting, folder: Path) -> None:
    """Write what is known of all rollouts, then a row for each tree."""
    known = {
        "update": waiting.update,
        "versions": dict(waiting.versions),
        "seconds": waiting.seconds,
        "waited": waiting.waited,
        "inference_calls": waiting.rollout.inference_calls,
        "tokens": dict(waiting.rollout.tokens),
        "tasks": [tree.task.id for tree in waiting.rollout.trees],
    }
    write_json_lines(folder / _FILE, [known, *map(tree_row, waiting.rollout.trees)])


def read_waiting(collector: Collector, checkpoint: Checkpoint) -> Waiting:
    """What :func:`save_waiting` has left in a checkpoint.

    Raises:
        CollmError: if there is nothing, or it was drawn of other tasks than the update has now.
    """
    file = checkpoint.path / _FILE
    if not file.is_file():
        problem = "there are no rollouts of the next update, which a run that collects ahead leaves."
        raise CollmError(str(file), problem, "use a checkpoint that such a run has written.")
    known, *rows = read_json_lines(file)
    config = collector.config
    resets = resets_of(config.training, collector.tasks, config.seed, known["update"])
    tasks = known.pop("tasks")
    if tasks != [reset.task.id for reset in resets]:
        problem = f"it holds rollouts of {', '.join(tasks)}, which the next update does not play."
        raise CollmError(str(file), problem, "resume with the data that the run was started with.")
    trees = [tree_of(row, reset.task, reset.seed) for row, reset in zip(rows, resets, strict=True)]
    grown = Rollout(tuple(trees), known.pop("inference_calls"), known.pop("tokens"))
    return Waiting(rollout=grown, **known)
