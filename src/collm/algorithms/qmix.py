"""QMIX: the team's value as a monotonic mixture of one for each agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from collm.algorithms.base import Prediction
from collm.algorithms.factored import Factored
from collm.algorithms.monotonic import MIXER, Monotonic


class QMIX(Monotonic, Factored):
    """Agents' values of their own actions, mixed by weights that depend on the global information.

    Source: Rashid et al. 2018, as a critic of policy gradients: an agent's credit is what the mixture loses
    when its action is exchanged for alternatives, the others' kept. The mixture rises with every term, so
    credit has the sign of the agent's own term's difference; how large it is depends on the others'.
    Biased where no monotonic mixture holds the differences of Q, as in an exclusive or, even on the policy's
    own samples. With hidden units
    that are all on the straight side of their bend it is VDN.
    """

    type: Literal["qmix"] = "qmix"

    def mixed(self, predictions: Mapping[str, Prediction]) -> Mapping[str, Prediction]:
        one = next(said for name, said in predictions.items() if name != MIXER)
        return {self.value: replace(one, after=self.mixture(predictions, "after"))}
