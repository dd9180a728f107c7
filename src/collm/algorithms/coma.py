"""COMA: counterfactual multi-agent policy gradients, alternatives sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from collm.algorithms.base import CriticView
from collm.algorithms.counterfactual import Counterfactual
from collm.algorithms.temporal_difference import CENTRAL


class COMA(Counterfactual):
    """One critic reads the joint history and the joint action, and the alternatives to it.

    Source: Foerster et al. 2018. With one agent it is Q less V, V being the mean over fresh actions.
    """

    value: ClassVar[str] = CENTRAL

    type: Literal["coma"] = "coma"

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        return {CENTRAL: CriticView(reads=("after",))}
