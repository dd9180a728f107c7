"""Values of agents mixed monotonically into the team's: what QMIX and VDAC share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from collm import functional
from collm.algorithms.base import MixerView, Prediction
from collm.algorithms.temporal_difference import TemporalDifference

if TYPE_CHECKING:
    from torch import Tensor

MIXER = "team.mixer"
"""No agent can be called so."""


class Monotonic(TemporalDifference):
    """The team's value rises with each agent's; how much it does depends on the global information.

    Attributes:
        mixer_width: hidden units of the mixture.
        mixer_learning_rate: of the network that says the mixture's weights.
    """

    value: ClassVar[str] = "team"

    mixer_width: int = Field(default=32, ge=1, le=4096)
    mixer_learning_rate: float = Field(default=5e-4, gt=0)

    def mixers(self, agents: Sequence[str]) -> Mapping[str, MixerView]:
        first = functional.first_weights(len(agents), self.mixer_width)
        return {MIXER: MixerView(first, self.mixer_learning_rate)}

    def mixture(
        self, predictions: Mapping[str, Prediction], point: Literal["before", "following", "after"]
    ) -> Tensor:
        """``"turn"``, the agents' values at a point, mixed; 0 where an episode has terminated."""
        import torch

        values = torch.stack([getattr(said, point) for name, said in predictions.items() if name != MIXER])
        return functional.monotonic_mix(values, getattr(predictions[MIXER], point), self.mixer_width)
