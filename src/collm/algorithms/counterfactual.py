"""Counterfactuals: one agent draws anew at a turn while the others act as they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from collm import functional
from collm.algorithms.base import Prediction, Probe, Target, played_parents, rewards_of
from collm.algorithms.temporal_difference import TemporalDifference
from collm.types import Tree

if TYPE_CHECKING:
    from torch import Tensor


class Counterfactual(TemporalDifference):
    """A critic values joint actions; an agent's is worth what it adds to its alternatives.

    Estimator: ``Q(h_t, a_t)`` less the mean of ``Q(h_t, (a_{-i}, a'))`` over fresh actions ``a'`` of
    agent ``i`` (Foerster et al. 2018, COMA, whose sum over all actions no text allows). The baseline is
    safe for any Q, since it does not know the agent's own action; Q itself biases as far as it is wrong.
    An episode that was cut off counts as ended: there is no next action to value.

    Attributes:
        alternatives: fresh actions for each agent and turn; they cost one environment step each.
    """

    value: ClassVar[str]
    """The name of the mixed value of joint actions."""

    alternatives: int = Field(default=2, ge=1)

    def probes(self, tree: Tree) -> Sequence[Probe]:
        return [
            Probe(number, label(agent), agent, samples=self.alternatives, onward=False)
            for number, turn in enumerate(tree.turns)
            for agent in turn.joint_action
        ]

    def most_probes(self, agents: Sequence[str], siblings: int) -> Sequence[Probe]:
        samples = siblings * self.alternatives
        return [Probe(0, label(agent), agent, samples, onward=False) for agent in agents]

    def targets(self, tree: Tree, predictions: Mapping[str, Prediction]) -> Mapping[str, Target]:
        values = predictions[self.value].after
        following = functional.children_means(values, played_parents(tree))
        residuals = functional.td_residuals(rewards_of(tree, None), values, following, self.discount)
        return {self.value: Target(after=self.looking_ahead(tree, residuals) + values)}

    def advantages(self, tree: Tree, agent: str, predictions: Mapping[str, Prediction]) -> Tensor:
        values = predictions[self.value].after
        advantages = values.new_full((len(values),), float("nan"))
        for number, others in alternatives_of(tree, agent):
            advantages[number] = values[number] - values[others].mean()
        return advantages


def label(agent: str) -> str:
    """What is said of the turns at which an agent drew anew."""
    return f"instead of {agent}"


def alternatives_of(tree: Tree, agent: str) -> Iterator[tuple[int, list[int]]]:
    """Each turn that an agent played, with those beside it at which it alone drew anew."""
    families = tree.families
    for number, turn in enumerate(tree.turns):
        if agent in turn.joint_action and not turn.probe:
            kept = _partners(tree, number, agent)
            beside = [
                other
                for other in families[tree.parents[number]]
                if tree.turns[other].probe == label(agent) and _partners(tree, other, agent) == kept
            ]
            yield number, beside


def _partners(tree: Tree, number: int, agent: str) -> dict[str, str]:
    """The names of the others' actions."""
    return {name: one.id for name, one in tree.turns[number].joint_action.items() if name != agent}
