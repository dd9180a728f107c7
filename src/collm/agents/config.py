"""Configuration of agents and critics."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, field_serializer, model_validator

from collm.base.registry import type_of
from collm.base.settings import Settings
from collm.engines.kind import EngineKind, make_engine_kind
from collm.engines.kinds.in_process import InProcessKind
from collm.models.config import ModelConfig, Optimization, Sampling


class AgentConfig(ModelConfig):
    """One agent.

    Attributes:
        chat_template: a Jinja file that replaces the tokenizer's own template.
        template_options: passed to the template, such as ``enable_thinking: false``.
        history: ``full`` conditions on the whole history (paper section 4.1), ``turn`` on the current
            observation alone, as the reference code does.
        batch_rows: samples decoded together; bounds memory, not results.
        engine: what draws its actions, by ``type``.
        keep_cache: keep keys and values between turns instead of encoding the history again.
        frozen: it plays and never learns; it has no optimizer.
        shares: the agent whose policy this one plays and trains too: one set of weights, one optimizer. All
            other settings are that agent's.
    """

    sampling: Sampling = Sampling()
    chat_template: str | None = None
    template_options: dict[str, bool | str | int] = Field(default_factory=dict)
    history: Literal["full", "turn"] = "full"
    batch_rows: int = Field(default=256, ge=1, le=10**9)
    engine: Annotated[EngineKind, PlainValidator(make_engine_kind)] = InProcessKind()
    keep_cache: bool = True
    frozen: bool = False
    shares: str | None = None

    @field_serializer("engine")
    def _with_a_type_to_find_it_by(self, engine: EngineKind) -> dict[str, Any]:
        return {**engine.model_dump(mode="json"), "type": type_of(engine)}

    @property
    def keeps_cache(self) -> bool:
        """Whether a later turn has use for the keys and values of this one."""
        return self.keep_cache and self.history == "full"


class TrunkConfig(Settings):
    """A value head on each actor's own trunk, instead of critics that are models (paper appendix B).

    Attributes:
        trunk: whose.
        weight: of the value loss beside the policy loss, for the trunk; 0 teaches the head alone.
        interference: measure the cosine between the two gradients of the trunk, which costs a backward pass
            and another copy of the gradients.
        scaled_targets: as a critic's of its own.
        optimization: of the head.
    """

    trunk: Literal["actor"]
    weight: float = Field(default=0.5, ge=0)
    interference: bool = False
    scaled_targets: bool = False
    optimization: Optimization = Optimization()

    @model_validator(mode="after")
    def _two_gradients_to_compare(self) -> Self:
        if self.interference and self.weight == 0:
            raise ValueError("interference has nothing to compare where weight is 0: set it to false")
        return self


class CriticConfig(ModelConfig):
    """A language model with a value head.

    Attributes:
        global_information: whether it reads ``m_t`` (paper appendix E.3); the release has none.
        scaled_targets: start at the first targets' mean and learn in units of their running deviation,
            for returns that are large or far from 0.
        reads: ``all`` that was said, each token seeing the ``context`` most recent ones; or of what was said
            between two values no more than the ``context`` most ``recent`` tokens, which bounds the cost of
            a large team's joint history.
        numbers: whether the value head reads, beside the text, ``m_t`` as the environment's numbers.
    """

    global_information: bool = True
    scaled_targets: bool = False
    reads: Literal["all", "recent"] = "all"
    numbers: bool = False


class BonusConfig(Settings):
    """A bonus for what joint actions say of what the team saw (PMIC); for any algorithm.

    Attributes:
        alpha: weight of the lower bound of that information, learned from good turns.
        beta: weight of the upper bound, learned from bad turns, which is charged.
        fade_updates: updates until both weights are 0, in a straight line; ``None`` for never. The bonus
            moves the optimum as long as there is one.
        percentile: a turn is good if its episode returned more than this share of its task's latest ones,
            or as much as the best where so many are as good.
        memory: how many good and bad turns, and returns of a task, are kept.
        least_memory: good and bad turns before there is a bonus.
        width: of the vectors that texts become.
        learning_rate, steps, batch: of the two models of information, in an update.
    """

    alpha: float = Field(default=0.01, ge=0)
    beta: float = Field(default=0.1, ge=0)
    fade_updates: int | None = Field(default=None, ge=1)
    percentile: float = Field(default=0.5, ge=0, le=1)
    memory: int = Field(default=1000, ge=2, le=10**6)
    least_memory: int = Field(default=100, ge=2, le=10**6)
    width: int = Field(default=32, ge=1, le=4096)
    learning_rate: float = Field(default=1e-3, gt=0)
    steps: int = Field(default=10, ge=1)
    batch: int = Field(default=128, ge=2)

    @model_validator(mode="after")
    def _wakes(self) -> Self:
        if self.least_memory > self.memory:
            raise ValueError("memory never holds least_memory turns, so there would be no bonus: raise it")
        return self
