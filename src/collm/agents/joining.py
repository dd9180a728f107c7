"""Joins another loss's gradient to the policy's, at the hidden states before actions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from collm.models.teacher_forcing import ScoredBatch
from collm.types import Ids

Pair = tuple[Ids, Ids]
"""A prompt and the action that followed it."""


@dataclass(frozen=True, slots=True, eq=False)
class Pull:
    """What another loss wants of a trunk in its next step.

    Attributes:
        gradients: of that loss by the hidden state before each action, ``"width"``; summed over all that
            have the same tokens.
        measured: whether to report the cosine between its gradient of the trunk and the policy's.
    """

    gradients: Mapping[Pair, Tensor]
    measured: bool


class Joined:
    """The backward passes of one step.

    Args:
        parameters: of the trunk.
        samples: of the step.
        pull: the other loss's gradient, if there is one.
        goes_back: whether to go back through the model, which this loss wants or does not.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        samples: Sequence[Pair],
        pull: Pull | None,
        goes_back: Callable[[bool], bool],
    ) -> None:
        self._parameters, self._samples, self._pull = parameters, samples, pull
        self._times = Counter(samples) if pull is not None else Counter()
        self._goes_back = goes_back
        self._others: list[Tensor | None] = [None] * len(parameters)

    def backward(self, loss: Tensor, batch: ScoredBatch) -> None:
        """Go back from the policy loss of a microbatch, and from where the pull applies."""
        if self._pull is None:
            self._back_to_where_it_is_wanted(loss, batch.logprobs)
            return
        pulled = torch.stack([self._share(number) for number in batch.numbers]).to(batch.before)
        if not self._pull.measured:
            torch.autograd.backward([loss, batch.before], [None, pulled])
            return
        loss.backward(retain_graph=True)
        found = torch.autograd.grad(batch.before, self._parameters, pulled, allow_unused=True)
        self._others = [
            one if more is None else more if one is None else one + more
            for one, more in zip(self._others, found, strict=True)
        ]

    def _back_to_where_it_is_wanted(self, loss: Tensor, logprobs: Tensor) -> None:
        """Go back through the model only if the loss wants some log-probability changed.

        Siblings of equal return want nothing, nor do actions beyond a clip; most of a step's work is saved
        then.
        """
        (wanted,) = torch.autograd.grad(loss, logprobs)
        if self._goes_back(bool(wanted.any())):
            logprobs.backward(wanted)

    def _share(self, number: int) -> Tensor:
        """What is pulled at one sample; those with the same tokens share theirs."""
        assert self._pull is not None
        pair = self._samples[number]
        return self._pull.gradients[pair] / self._times[pair]

    def ended(self) -> dict[str, float]:
        """Add what was kept apart to be measured; the cosine, 0 where one of the gradients is."""
        _fill_gradients(self._parameters)
        if self._pull is None or not self._pull.measured:
            return {}
        policy = [parameter.grad for parameter in self._parameters]
        dot, own, others = _dot(policy, self._others), _dot(policy, policy), _dot(self._others, self._others)
        for parameter, other in zip(self._parameters, self._others, strict=True):
            if other is not None:
                parameter.grad = other if parameter.grad is None else parameter.grad.add_(other)
        return {"gradient_cosine": dot / math.sqrt(own * others) if own * others > 0 else 0.0}


def _fill_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Zeros if there was no backward pass at all, so that the optimizer's moments fade as after any."""
    if all(parameter.grad is None for parameter in parameters):
        for parameter in parameters:
            if parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter)


def _dot(ones: Sequence[Tensor | None], others: Sequence[Tensor | None]) -> float:
    """The inner product of two gradients of the same parameters; ``None`` is 0."""
    return sum(
        float((one.float() * other.float()).sum())
        for one, other in zip(ones, others, strict=True)
        if one is not None and other is not None
    )
