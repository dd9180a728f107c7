"""Any method on a learned reward: the model learns from preferences, the agents from the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PlainValidator, field_serializer, model_validator

from collm.algorithms.base import (
    Algorithm,
    Branching,
    CriticView,
    MixerView,
    Prediction,
    Probe,
    Target,
    make_algorithm,
)
from collm.algorithms.reward_model import REWARD, preference_measures, preferred
from collm.algorithms.rloo import RLOO
from collm.base.registry import type_of
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor

    from collm.functional import TokenScores

_SHARED = frozenset(Algorithm.model_fields) - {"type"}


def _made(config: Any) -> Algorithm:
    return config if isinstance(config, Algorithm) else make_algorithm(config, "algorithm.method")


class LearnedReward(Algorithm):
    """Pairs of joint actions teach a critic the reward; another method learns from the rewards that it says.

    The pairs are the best and the worst samples of each history by the environment's returns; nothing else of
    these reaches the agents (:mod:`collm.algorithms.reward_model`). Biased as far as the model is wrong.

    Attributes:
        method: the method of the agents with its own keys, by ``type``; it has the keys that methods share
            too. A baseline in it takes the model's arbitrary zero point away.
        least_gap: pairs whose returns differ by no more are left out.
        reward_warmup: first updates in which only the model learns.
        reward_learns: whether it learns at all; false for one that an earlier run has trained
            (``training.start_from``; with no weight decay it stays as it is, bit for bit).
    """

    type: Literal["learned_reward"] = "learned_reward"
    method: Annotated[Algorithm, PlainValidator(_made)] = Field(default_factory=RLOO)
    least_gap: float = Field(default=0.0, ge=0)
    reward_warmup: int = Field(default=0, ge=0)
    reward_learns: bool = True

    @model_validator(mode="before")
    @classmethod
    def _with_what_methods_share(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keys that all methods have are the inner one's, wherever they are written."""
        method = values.get("method", {"type": "rloo"})
        if isinstance(method, Algorithm):
            method = {**method.model_dump(exclude_unset=True), "type": type_of(method)}
        if not isinstance(method, Mapping):
            return values
        given = {key: values[key] for key in _SHARED if key in values}
        made = _made({**given, **method})
        twice = {key: value for key, value in given.items() if key in method}
        outside = _made({**method, **twice}) if twice else made
        odd = next((key for key in twice if getattr(outside, key) != getattr(made, key)), None)
        if odd is not None:
            raise ValueError(f"{odd} is another one below method")
        return {**values, **{key: getattr(made, key) for key in _SHARED}, "method": made}

    @model_validator(mode="after")
    def _teaches(self) -> LearnedReward:
        if self.method.offline:
            raise ValueError("method must be one that learns from rewards")
        if self.method.clips_values:
            raise ValueError("method must not clip values: the model learns beside its critics")
        if self.reward_learns and self.method.branching.num_samples < 2:
            raise ValueError("method plays one sample at each history, of which no pair can be made")
        return self

    @field_serializer("method")
    def _with_a_type_to_find_it_by(self, method: Algorithm) -> dict[str, Any]:
        return {**method.model_dump(mode="json"), "type": type_of(method)}

    @property
    def branching(self) -> Branching:
        return self.method.branching

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        return {REWARD: CriticView(reads=("after",)), **self.method.critics(agents)}

    @property
    def trained_critics(self) -> Sequence[str]:
        return () if self.reward_learns else (REWARD,)

    def mixers(self, agents: Sequence[str]) -> Mapping[str, MixerView]:
        return self.method.mixers(agents)

    def probes(self, tree: Tree) -> Sequence[Probe]:
        return self.method.probes(tree)

    def most_probes(self, agents: Sequence[str], siblings: int) -> Sequence[Probe]:
        return self.method.most_probes(agents, siblings)

    def agents_learn(self, update: int) -> bool:
        return update >= self.reward_warmup and self.method.agents_learn(update)

    def critic_passes(self) -> int:
        return self.method.critic_passes()

    def mixed(self, predictions: Mapping[str, Prediction]) -> Mapping[str, Prediction]:
        return {REWARD: predictions[REWARD], **self.method.mixed(_others(predictions))}

    def targets(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Target]:
        said = predictions[REWARD].after
        own = Target(after=said.detach())
        if self.reward_learns:
            own = preferred(tree, said, self.discount, self.least_gap)
        return {REWARD: own, **self.method.targets(_rewarded(tree, said), _others(predictions))}

    def measures(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Sequence[float]]:
        said = predictions[REWARD].after
        own = preference_measures(tree, said, self.discount, self.least_gap)
        return {**own, **self.method.measures(_rewarded(tree, said), _others(predictions))}

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        rewarded = _rewarded(tree, predictions[REWARD].after)
        return self.method.advantages(rewarded, agent, _others(predictions))

    def policy_losses(self, scores: TokenScores) -> Tensor:
        return self.method.policy_losses(scores)

    def policy_measures(self, scores: TokenScores) -> Mapping[str, Tensor]:
        return self.method.policy_measures(scores)


def _others(predictions: Mapping[str, Prediction]) -> dict[str, Prediction]:
    return {name: one for name, one in predictions.items() if name != REWARD}


def _rewarded(tree: Tree, rewards: Tensor) -> Tree:
    """The tree with the rewards that the model says, for the whole team."""
    turns = zip(tree.turns, rewards.tolist(), strict=True)
    return replace(tree, turns=tuple(replace(turn, reward=one, agent_rewards=None) for turn, one in turns))
