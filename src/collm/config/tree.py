"""The configuration of a run: one tree, every key checked, nothing silently ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from collm.agents.config import AgentConfig, BonusConfig, CriticConfig, TrunkConfig
from collm.agents.names import check_names
from collm.algorithms.base import Algorithm, make_algorithm
from collm.base.registry import type_of
from collm.base.settings import Settings
from collm.base.validation import validated
from collm.config.ahead import check_ahead
from collm.config.learning import check_learning
from collm.config.merging import entries_of
from collm.config.placement import LocalPlacement, Placement, check_placement, make_placement
from collm.config.sections import EvaluationConfig, Seed, TrackingConfig, TrainingConfig
from collm.contract.held import hold
from collm.engines.kind import make_engine_kind
from collm.env import AnyEnvironment, make_env
from collm.errors import CollmError

__all__ = ["EvaluationConfig", "RunConfig", "TrackingConfig", "TrainingConfig", "make_config", "plain"]


class RunConfig(Settings):
    """Everything that decides a run. Each section is named here, and nowhere else."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    seed: Seed = 0
    env: Annotated[AnyEnvironment, PlainValidator(make_env)]
    algorithm: Annotated[Algorithm, PlainValidator(make_algorithm)]
    agents: dict[str, AgentConfig]
    critic: CriticConfig | TrunkConfig | None = Field(default=None, validate_default=True)
    bonus: BonusConfig | None = None
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    tracking: TrackingConfig = TrackingConfig()
    placement: Annotated[Placement, PlainValidator(make_placement)] = LocalPlacement()

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        _check_known(values, cls.model_fields)
        for key in (name for name, info in cls.model_fields.items() if info.is_required()):
            _check_mapping(values.get(key), key)
        return values

    @field_validator("agents", mode="before")
    @classmethod
    def _an_entry_for_each(cls, section: Mapping[str, Any], info: ValidationInfo) -> dict[str, Any]:
        names = hold(info.data["env"]).agents
        check_names(names, "agents")
        entries = entries_of(section, names)
        for name, entry in entries.items():
            if "engine" in entry:  # read here, so that errors name the agent
                entry["engine"] = make_engine_kind(entry["engine"], f"agents.{name}.engine")
        return entries

    @field_validator("critic", mode="before")
    @classmethod
    def _only_with_a_use(cls, section: Any, info: ValidationInfo) -> Any:
        algorithm: Algorithm = info.data["algorithm"]
        agents = list(hold(info.data["env"]).agents)
        needed = bool(algorithm.critics(agents))
        if section is not None and not needed:
            problem = f"the algorithm {algorithm.type} has no critic, so this section would do nothing."
            raise CollmError("critic", problem, "remove it or choose an actor-critic algorithm.")
        if needed and not isinstance(section, Mapping):
            problem = f"the algorithm {algorithm.type} needs a critic."
            raise CollmError("critic", problem, "add the section with a model.")
        if section is None or "trunk" not in section:
            return section if section is None else _own_model(section, info.data["env"])
        _check_local(algorithm, agents)
        return validated(TrunkConfig, section, "critic")

    @field_serializer("env", "algorithm")
    def _with_a_type_to_find_it_by(self, plugin: AnyEnvironment | Algorithm) -> dict[str, Any]:
        return {**plugin.model_dump(mode="json"), "type": type_of(plugin)}

    @field_serializer("placement")
    def _of_its_kind(self, placement: Placement) -> dict[str, Any]:
        return placement.model_dump(mode="json")


def make_config(values: Mapping[str, Any], where: str, *, learns: bool = True) -> RunConfig:
    """Check a recipe and fill in the defaults.

    Args:
        values: the recipe as nested mappings.
        where: the recipe's file, for errors.
        learns: refuse settings under which nothing is learned; an evaluation may have them.

    Raises:
        CollmError: for an unknown or inapplicable key, a missing section or a bad value.
    """
    try:
        config = validated(RunConfig, values)
        check_placement(config)
        if learns:
            check_learning(config)
            check_ahead(config)
    except CollmError as error:
        error.place_in(where)
        raise
    return config


def plain(config: RunConfig) -> dict[str, Any]:
    """The resolved configuration as JSON-like data; :func:`make_config` reads it back."""
    sections: dict[str, Any] = config.model_dump(mode="json")
    return {name: section for name, section in sections.items() if section is not None}


def _own_model(section: Mapping[str, Any], env: AnyEnvironment) -> CriticConfig:
    """A critic of its own model, which reads numbers only where there are some."""
    critic = validated(CriticConfig, section, "critic")
    if critic.numbers and not hold(env).global_numbers(0, None):
        mend = "remove it, or let global_numbers give some."
        raise CollmError("critic.numbers", f"the environment {type_of(env)} has no numbers of m_t.", mend)
    return critic


def _check_local(algorithm: Algorithm, agents: Sequence[str]) -> None:
    """Test that every critic reads what one agent has read, and when it has."""
    for view in algorithm.critics(agents).values():
        if view.agent is None or view.reads != ("before",):
            what = "the joint history" if view.agent is None else "actions too"
            problem = f"the algorithm {algorithm.type} has a critic that reads {what}, as no actor does."
            raise CollmError("critic.trunk", problem, "leave it out, or choose collm_dc, ippo or vdac.")


def _check_known(values: Mapping[Any, Any], known: Iterable[str]) -> None:
    unknown = [key for key in values if key not in known]
    if unknown:
        raise CollmError(str(unknown[0]), "unknown section.", f"known ones are {', '.join(sorted(known))}.")


def _check_mapping(section: Any, key: str) -> None:
    if not isinstance(section, Mapping):
        problem = "this section is required." if section is None else f"must be a mapping, got {section!r}."
        raise CollmError(key, problem, "collm recipes --show demo prints a whole recipe.")
