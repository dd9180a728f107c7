"""The configuration of a run: one tree, every key checked, nothing silently ignored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.names import check_names
from collm.algorithms.base import Algorithm, make_algorithm
from collm.base.naming import named_after
from collm.base.settings import Settings
from collm.base.validation import validated
from collm.contract import guard
from collm.env import AnyEnvironment, make_env
from collm.errors import CollmError

EVERY_AGENT = "*"
MOST = 10**9
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
    threads: int | None = Field(default=None, ge=1, le=1024)


class EvaluationConfig(Settings):
    """Evaluation on the test tasks, at the agents' own sampling settings and greedily.

    Attributes:
        tasks: how many of the test tasks, from the first on; ``None`` for all.
        samples: sampled episodes for each task.
        greedy: play each task once greedily too.
    """

    tasks: int | None = Field(default=None, ge=1)
    samples: int = Field(default=1, ge=1, le=MOST)
    greedy: bool = True


class TrackingConfig(Settings):
    """Where metrics go besides the run folder.

    Attributes:
        backends: any of ``wandb``, ``trackio`` and ``tensorboard``.
        project: the W&B project.
        name: the run's name; the folder's by default.
    """

    backends: tuple[Literal["wandb", "tensorboard", "trackio"], ...] = ()
    project: str = "collm"
    name: str | None = None


class RunConfig(Settings):
    """Everything that decides a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    seed: Seed = 0
    env: AnyEnvironment
    algorithm: Algorithm
    agents: dict[str, AgentConfig]
    critic: CriticConfig | None = None
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    tracking: TrackingConfig = TrackingConfig()


class _Rest(Settings):
    """The sections that need no knowledge of the others."""

    seed: Seed = 0
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    tracking: TrackingConfig = TrackingConfig()


def make_config(values: Mapping[str, Any], where: str, *, learns: bool = True) -> RunConfig:
    """Check a recipe and fill in the defaults.

    Args:
        values: the recipe as nested mappings.
        where: the recipe's file, for errors.
        learns: refuse settings under which nothing is learned; an evaluation may have them.

    Raises:
        CollmError: for an unknown or inapplicable key, a missing section or a bad value.
    """
    known = sorted(RunConfig.model_fields)
    for key in values:
        if key not in known:
            raise CollmError(f"{where}: {key}", "unknown section.", f"known ones are {', '.join(known)}.")
    with named_after(where):
        env = make_env(_section(values, "env", where), f"{where}: env")
    algorithm = make_algorithm(_section(values, "algorithm", where), f"{where}: algorithm")
    agents = _agents(_section(values, "agents", where), env, f"{where}: agents")
    critic = _critic(values.get("critic"), algorithm, list(agents), where)
    rest = validated(_Rest, {key: values[key] for key in _Rest.model_fields if key in values}, where, ": ")
    sections: dict[str, Any] = {name: getattr(rest, name) for name in _Rest.model_fields}
    config = RunConfig.model_construct(env=env, algorithm=algorithm, agents=agents, critic=critic, **sections)
    if learns:
        _check_learning(config, where)
    return config


def _check_learning(config: RunConfig, where: str) -> None:
    """Refuse settings under which every advantage or every gradient is 0."""
    for name, agent in config.agents.items():
        if agent.sampling.temperature == 0:
            field = f"{where}: agents.{name}.sampling.temperature"
            mend = "use a temperature above 0; evaluation is greedy by itself where asked."
            raise CollmError(field, "greedy actions teach nothing.", mend)
    algorithm, training = config.algorithm, config.training
    trees = training.tasks_per_update * training.episodes_per_task
    most = min(
        algorithm.minibatch_size or math.inf, trees * algorithm.branching.num_samples * config.env.num_turns
    )
    if algorithm.advantage_normalization and most == 1:
        problem = "a minibatch of one action leaves no advantage after normalization."
        mend = "set it to false, or make algorithm.minibatch_size and the buffer larger."
        raise CollmError(f"{where}: algorithm.advantage_normalization", problem, mend)


def _section(values: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    section = values.get(key)
    if not isinstance(section, Mapping):
        problem = "this section is required." if section is None else f"must be a mapping, got {section!r}."
        raise CollmError(f"{where}: {key}", problem, "collm recipes --show demo prints a whole recipe.")
    return dict(section)


def _agents(section: Mapping[str, Any], env: AnyEnvironment, where: str) -> dict[str, AgentConfig]:
    """One configuration for each agent; the entry ``*`` holds what all share."""
    names = guard.agents(env)
    check_names(names, where)
    unknown = sorted(map(str, set(section) - set(names) - {EVERY_AGENT}))
    if unknown:
        mend = f"this environment's agents are {', '.join(names)}; '*' stands for all."
        raise CollmError(f"{where}.{unknown[0]}", "no such agent.", mend)
    parts = {name: {} if section.get(name) is None else section[name] for name in (EVERY_AGENT, *names)}
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            problem = f"must be a mapping, got {part!r}."
            raise CollmError(f"{where}.{name}", problem, "write model: NAME below it.")
    shared = parts[EVERY_AGENT]
    return {name: validated(AgentConfig, merged(shared, parts[name]), f"{where}.{name}") for name in names}


def _critic(section: Any, algorithm: Algorithm, agents: Sequence[str], where: str) -> CriticConfig | None:
    if not algorithm.critics(agents):
        if section is not None:
            problem = f"the algorithm {algorithm.type} has no critic, so this section would do nothing."
            raise CollmError(f"{where}: critic", problem, "remove it or choose an actor-critic algorithm.")
        return None
    if not isinstance(section, Mapping):
        problem = f"the algorithm {algorithm.type} needs a critic."
        raise CollmError(f"{where}: critic", problem, "add the section with a model.")
    return validated(CriticConfig, section, f"{where}: critic")


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        mapping = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if mapping else value
    return result


def plain(config: RunConfig) -> dict[str, Any]:
    """The resolved configuration as JSON-like data; :func:`make_config` reads it back."""
    data: dict[str, Any] = {"seed": config.seed}
    data["env"] = _plain_model(config.env)
    data["algorithm"] = _plain_model(config.algorithm)
    data["agents"] = {name: agent.model_dump(mode="json") for name, agent in config.agents.items()}
    if config.critic is not None:
        data["critic"] = config.critic.model_dump(mode="json")
    for key in ("training", "evaluation", "tracking"):
        data[key] = getattr(config, key).model_dump(mode="json")
    return data


def _plain_model(model: AnyEnvironment | Algorithm) -> dict[str, Any]:
    """A plug-in's fields; its type becomes ``module:Class`` if it is not one of ours."""
    data: dict[str, Any] = model.model_dump(mode="json")
    cls = type(model)
    if not cls.__module__.startswith("collm."):
        data["type"] = f"{cls.__module__}:{cls.__qualname__}"
    return data
