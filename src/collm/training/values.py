"""From what critics say at passages to predictions for turns, and from losses of turns back to gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from collm.agents.views import CriticInput, MixerInput
from collm.algorithms.base import Algorithm, Prediction, Target
from collm.errors import CollmError
from collm.functional.losses import value_losses


@dataclass(frozen=True, slots=True, eq=False)
class ValueStep:
    """What critics have to learn from one tree.

    Attributes:
        gradients: by critic, of the summed loss by each of its values, ``"passage"``.
        predicted, targets: by the name of the mixed value, ``"value"``: those that were learned from.
    """

    gradients: Mapping[str, Tensor]
    predicted: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]


def prediction(read: CriticInput | MixerInput, values: Tensor) -> Prediction:
    """A critic's values ``"passage"`` as those before, between and after the turns of a tree.

    A mixer's are ``"place output"``.
    """
    beyond = 0.0 if any(place is not None for place in read.before) else math.nan
    return Prediction(
        before=_gathered(values, read.before, math.nan),
        following=_gathered(values, read.following, beyond),
        after=_gathered(values, read.after, math.nan),
    )


def value_step(
    algorithm: Algorithm,
    inputs: Mapping[str, CriticInput | MixerInput],
    values: Mapping[str, Tensor],
    targets: Mapping[str, Target],
    turns: Sequence[int],
    first: Mapping[str, Prediction] | None = None,
) -> ValueStep:
    """The gradients of the algorithm's value losses at the chosen turns of one tree.

    Args:
        inputs, values: by critic or mixer; values as :func:`prediction` has them.
        targets: by the name of the mixed value, constants.
        first: the mixed values before the update's first step, if the algorithm clips theirs.

    Raises:
        CollmError: if the algorithm has critics and teaches them nothing, or does not know a value.
    """
    leaves = {name: one.detach().clone().requires_grad_() for name, one in values.items()}
    mixed = algorithm.mixed({name: prediction(inputs[name], leaf) for name, leaf in leaves.items()})
    predicted, actual = {}, {}
    for name, target in targets.items():
        pairs = list(_pairs(mixed[name], target)) if name in mixed else []
        _check_taught(algorithm, name, pairs)
        predicted[name] = torch.cat([values[list(turns)] for values, _ in pairs])
        actual[name] = torch.cat([constants[list(turns)] for _, constants in pairs])
    _check_taught(algorithm, "its critics", list(targets))
    losses = [
        algorithm.value_losses(predicted[name], actual[name], _earlier(first, name, target, turns)).sum()
        for name, target in targets.items()
    ]
    torch.stack(losses).sum().backward()
    gradients = {
        name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for name, leaf in leaves.items()
    }
    return ValueStep(gradients, {name: one.detach() for name, one in predicted.items()}, actual)


def _earlier(
    first: Mapping[str, Prediction] | None, name: str, target: Target, turns: Sequence[int]
) -> Tensor | None:
    if first is None:
        return None
    return torch.cat([values[list(turns)] for values, _ in _pairs(first[name], target)])


def _check_taught(algorithm: Algorithm, name: str, targets: Sequence[object]) -> None:
    if not targets:
        problem = f"the algorithm {algorithm.type} has critics, and its targets teach {name} nothing."
        mend = "return a Target with values for every value that mixed gives, or declare no critics."
        raise CollmError("algorithm.type", problem, mend)


def value_measures(steps: Sequence[ValueStep]) -> dict[str, float]:
    """The mean loss of each mixed value, and the share of the targets' variance that it explains."""
    measures = {}
    for name in steps[0].targets:
        predicted = torch.cat([step.predicted[name] for step in steps]).double()
        actual = torch.cat([step.targets[name] for step in steps]).double()
        measures[f"critic_value_loss/{name}"] = float(value_losses(predicted, actual).mean())
        measures[f"critic_explained_variance/{name}"] = explained_variance(predicted, actual)
    return measures


def explained_variance(predicted: Tensor, actual: Tensor) -> float:
    """1 - Var(actual - predicted) / Var(actual); 0 where the targets do not vary."""
    variance = float(actual.var(correction=0))
    return 1 - float((actual - predicted).var(correction=0)) / variance if variance > 0 else 0.0


def _gathered(values: Tensor, places: Sequence[int | None], missing: float) -> Tensor:
    """The values at some passages, ``"turn"``."""
    known = torch.tensor([place is not None for place in places]).view(-1, *[1] * (values.dim() - 1))
    chosen = values[torch.tensor([place or 0 for place in places])]
    return torch.where(known, chosen, torch.full_like(chosen, missing))


def _pairs(predicted: Prediction, target: Target) -> Iterator[tuple[Tensor, Tensor]]:
    if target.before is not None:
        yield predicted.before, target.before.detach()
    if target.after is not None:
        yield predicted.after, target.after.detach()
