"""VDN: the team's value as a sum of one for each agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from collm.algorithms.base import Prediction
from collm.algorithms.factored import Factored


class VDN(Factored):
    """Each agent's critic reads its own history and action; their sum learns the team's return.

    Source: Sunehag et al. 2018, as a critic of policy gradients: an agent's credit is its own term's
    difference. Exact where rewards add up over agents. Elsewhere it is wrong about single joint actions, and
    right on average over the others' only if it was fitted on the policy's own samples of one turn: for an
    exclusive or of even policies every term is flat, and nobody gets the credit that COMA would give.
    """

    type: Literal["vdn"] = "vdn"

    def mixed(self, predictions: Mapping[str, Prediction]) -> Mapping[str, Prediction]:
        import torch

        one, *_ = predictions.values()
        together = torch.stack([predicted.after for predicted in predictions.values()]).sum(0)
        return {self.value: replace(one, after=together)}
