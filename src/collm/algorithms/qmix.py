"""QMIX: the team's value as a monotonic mixture of one for each agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from collm import functional
from collm.algorithms.base import MixerView, Prediction
from collm.algorithms.factored import Factored

MIXER = "team.mixer"
"""No agent can be called so."""


class QMIX(Factored):
    """Agents' values of their own actions, mixed by weights that depend on the global information.

    Source: Rashid et al. 2018, as a critic of policy gradients: an agent's credit is what the mixture loses
    when its action is exchanged for alternatives, the others' kept. The mixture rises with every term, so
    credit has the sign of the agent's own term's difference; how large it is depends on the others'.
    Biased where no monotonic mixture holds the differences of Q, as in an exclusive or. With
    hidden units that are all on the straight side of their bend it is VDN.

    Attributes:
        mixer_width: hidden units of the mixture.
        mixer_learning_rate: of the network that says the mixture's weights.
    """

    type: Literal["qmix"] = "qmix"
    mixer_width: int = Field(default=32, ge=1, le=4096)
    mixer_learning_rate: float = Field(default=5e-4, gt=0)

    def mixers(self, agents: Sequence[str]) -> Mapping[str, MixerView]:
        first = functional.first_weights(len(agents), self.mixer_width)
        return {MIXER: MixerView(first, self.mixer_learning_rate)}

    def mixed(self, predictions: Mapping[str, Prediction]) -> Mapping[str, Prediction]:
        import torch

        own = [said for name, said in predictions.items() if name != MIXER]
        values, weights = torch.stack([said.after for said in own]), predictions[MIXER].after
        together = functional.monotonic_mix(values, weights, self.mixer_width)
        return {self.value: replace(own[0], after=together)}
