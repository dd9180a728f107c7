"""Values of joint actions made of one for each agent: what VDN and QMIX share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from collm.algorithms.base import CriticView
from collm.algorithms.counterfactual import Counterfactual


class Factored(Counterfactual):
    """Each agent's critic reads its own history and action; subclasses mix what they say."""

    value: ClassVar[str] = "team"

    def critics(self, agents: Sequence[str]) -> Mapping[str, CriticView]:
        return {agent: CriticView(agent, ("after",)) for agent in agents}
