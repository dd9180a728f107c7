"""The sections of a recipe that know nothing of the others."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from collm.base.installed import installed_names
from collm.base.settings import Settings

MOST = 10**9
SHIPPED_TRACKERS = ("wandb", "trackio", "mlflow", "tensorboard")
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class TrainingConfig(Settings):
    """The loop.

    Attributes:
        epochs: passes over the training tasks.
        tasks_per_update: different tasks in a buffer.
        episodes_per_task: trees grown from each of them.
        shuffle: draw a new order of tasks for each epoch; the reference code keeps the file's order.
        max_updates: end early after so many updates in all.
        checkpoint_every: updates between checkpoints.
        keep_checkpoints: how many of the latest stay on disk.
        evaluate_every: updates between evaluations on the test tasks; 0 for before and after alone.
        record_tokens: keep the text and the log-probability of every token in the episodes.
        start_from: a run or one of its checkpoints whose weights the team begins with, without its
            optimizers and counters; ``None`` for the models that the recipe names.
        saved: a run folder whose episodes, or a file whose joint pairs are learned from instead of playing;
            for algorithms that can. ``epochs`` then go over these.
        collect_ahead: draw the rollouts of the next update while this one learns, with the weights that this
            one began with; they are one version behind, which the ratio corrects.
        threads: CPU threads of torch; results are reproducible bit for bit only for the same number.
    """

    epochs: int = Field(default=1, ge=1, le=MOST)
    tasks_per_update: int = Field(default=1, ge=1, le=MOST)
    episodes_per_task: int = Field(default=1, ge=1, le=MOST)
    shuffle: bool = True
    max_updates: int | None = Field(default=None, ge=1)
    checkpoint_every: int = Field(default=10, ge=1)
    keep_checkpoints: int = Field(default=2, ge=1)
    evaluate_every: int = Field(default=0, ge=0)
    record_tokens: bool = False
    start_from: str | None = None
    saved: str | None = None
    collect_ahead: bool = False
    threads: int | None = Field(default=None, ge=1, le=1024)


def _bounded(samples: int) -> int:
    """Test that there are enough samples for a bound, if any."""
    if samples == 1:
        raise ValueError("one sample gives no bound: must be 0, or at least 2")
    return samples


class EvaluationConfig(Settings):
    """Evaluation on the test tasks, at the agents' own sampling settings and greedily.

    Attributes:
        tasks: how many of the test tasks, from the first on; ``None`` for all.
        samples: sampled episodes for each task.
        greedy: play each task once greedily too.
        blame: how often every reply of sampled episodes is drawn anew to tell who caused their returns;
            0 for not at all, and otherwise at least 2.
    """

    tasks: int | None = Field(default=None, ge=1)
    samples: int = Field(default=1, ge=1, le=MOST)
    greedy: bool = True
    blame: Annotated[int, AfterValidator(_bounded)] = Field(default=0, ge=0, le=MOST)


def _found(backend: str) -> str:
    """Test that there is a tracker of that name; one of one's own is looked for when it is opened."""
    known = [*SHIPPED_TRACKERS, *installed_names("collm.trackers")]
    if ":" not in backend and backend not in known:
        raise ValueError(f"must be one of {', '.join(known)}, or module:Class")
    return backend


class TrackingConfig(Settings):
    """Where metrics go besides the run folder.

    Attributes:
        backends: any of ``wandb``, ``trackio``, ``mlflow`` and ``tensorboard``, a name from the entry points
            ``collm.trackers`` of another package, or ``module:Class``.
        project: the project, which MLflow calls an experiment.
        name: the run's name; the folder's by default.
        completions: how many of the sampled replies of every evaluation go there too, as a table.
    """

    backends: tuple[Annotated[str, AfterValidator(_found)], ...] = ()
    project: str = "collm"
    name: str | None = None
    completions: int = Field(default=0, ge=0, le=MOST)
