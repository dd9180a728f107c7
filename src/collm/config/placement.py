"""Where the roles of a run play: in this process, or on a Ray cluster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from collm.base.settings import Settings
from collm.base.validation import validated
from collm.errors import CollmError

if TYPE_CHECKING:
    from collm.agents.config import AgentConfig
    from collm.config.tree import RunConfig

_ADDRESS = re.compile(r"auto|[\w.-]+:\d{1,5}")
_MOST = 4096


class LocalPlacement(Settings):
    """Everything in this process."""

    type: Literal["local"] = "local"


class Share(Settings):
    """What one worker of a role takes of a machine.

    Attributes:
        cpus, gpus: may be fractions, for workers that share one.
        resources: others that the cluster's nodes declare, by name.
    """

    cpus: float = Field(default=1.0, ge=0, le=_MOST)
    gpus: float = Field(default=0.0, ge=0, le=_MOST)
    resources: dict[str, float] = Field(default_factory=dict)


class LearnerShare(Share):
    """What one worker with learners takes.

    Attributes:
        workers: that learn together, each from a share of every step's samples.
        sharded: each of them holds a part of weights, gradients and moments (FSDP2); else it holds all.
    """

    workers: int = Field(default=1, ge=1, le=_MOST)
    sharded: bool = False

    @model_validator(mode="after")
    def _several_to_shard_over(self) -> Self:
        if self.sharded and self.workers == 1:
            raise ValueError("sharded has no other worker to share with: set workers, or leave sharded out")
        return self


class EngineShare(Share):
    """What one worker with engines takes.

    Attributes:
        replicas: workers that split the requests of an engine, in whole batches of ``batch_rows``.
    """

    replicas: int = Field(default=1, ge=1, le=_MOST)


class GraderShare(Share):
    """What one grader takes.

    Attributes:
        workers: processes that step the environment; 0 steps it where the loop runs.
    """

    workers: int = Field(default=0, ge=0, le=_MOST)


class RayPlacement(Settings):
    """Each role is a process of a Ray cluster; the loop and the run folder stay where the run was started.

    Attributes:
        address: ``HOST:PORT`` of a cluster, ``auto`` for one that runs on this machine; ``None`` starts one
            here, which ends with the run.
        learners: for each agent, or for all that share a backbone.
        engines: for each of those again, as often as there are replicas.
        critics: for each critic, or for all that share a backbone.
        graders: for the environment.
        call_seconds: a worker that has not answered for so long counts as hung, and is replaced.
        restarts: how often in a row a run goes back to one checkpoint to replace lost workers.
    """

    type: Literal["ray"] = "ray"
    address: str | None = None
    learners: LearnerShare = LearnerShare()
    engines: EngineShare = EngineShare()
    critics: Share = Share()
    graders: GraderShare = GraderShare()
    call_seconds: float = Field(default=3600.0, gt=0, le=10**6)
    restarts: int = Field(default=3, ge=0, le=10**6)

    @field_validator("address")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None and not _ADDRESS.fullmatch(value):
            raise ValueError("must be HOST:PORT, auto or null")
        return value


Placement = LocalPlacement | RayPlacement
_KINDS: Mapping[str, type[Placement]] = {"local": LocalPlacement, "ray": RayPlacement}


def make_placement(config: Any) -> Placement:
    """Read a recipe's ``placement:``.

    Raises:
        CollmError: if the type is unknown, a key does not belong to it, or a value does not fit.
    """
    if isinstance(config, Placement):
        return config
    kind = config.get("type") if isinstance(config, Mapping) else config
    if not (isinstance(config, Mapping) and isinstance(kind, str) and kind in _KINDS):
        problem = f"unknown placement {kind!r}." if kind else "no placement is named."
        raise CollmError("placement.type", problem, f"set it to one of {', '.join(_KINDS)}.")
    return validated(_KINDS[kind], config, "placement")


def check_placement(config: RunConfig) -> None:
    """Test that what is placed elsewhere can run there.

    Raises:
        CollmError: naming the agent whose engine or learner cannot.
    """
    if config.placement.type == "local":
        return
    if config.critic is not None and not hasattr(config.critic, "model"):
        problem = "a critic on its actor's trunk cannot be placed apart from it."
        raise CollmError("critic.trunk", problem, "give the critic a model, or set placement.type to local.")
    for name, agent in config.agents.items():
        if config.placement.learners.sharded:
            _check_shardable(name, agent)
        if agent.engine.type != "in_process":
            problem = (
                f"the placement ray brings its own workers for engines, and {agent.engine.type} is another."
            )
            mend = "leave engine out, or set placement.type to local."
            raise CollmError(f"agents.{name}.engine.type", problem, mend)


def _check_shardable(name: str, agent: AgentConfig) -> None:
    """Test that torch's FSDP2 and our optimizers can hold an agent's learner in parts."""
    mend = "or set placement.learners.sharded to false."
    if agent.adapter is not None:
        problem = "adapters and the base that they share are not sharded."
        raise CollmError(f"agents.{name}.adapter", problem, f"leave it out, {mend}")
    if agent.optimization.optimizer != "adamw":
        problem = f"{agent.optimization.optimizer} does not keep moments of sharded weights."
        raise CollmError(f"agents.{name}.optimization.optimizer", problem, f"use adamw, {mend}")
    if agent.activation_offload:
        problem = "activations of sharded weights stay on the device."
        raise CollmError(f"agents.{name}.activation_offload", problem, f"leave it false, {mend}")
