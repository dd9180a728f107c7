"""An agent that this process does not own: an endpoint plays it."""

from __future__ import annotations

from collections.abc import Sequence

from collm.agents.config import AgentConfig
from collm.agents.context import Context
from collm.agents.policy import Policy, TokenPolicy
from collm.agents.spoken import SpokenPolicy
from collm.engines.http.engine import HttpEngine
from collm.engines.kinds.http import HttpKind
from collm.models.loading import load_tokenizer
from collm.types import Observation


class Elsewhere:
    """One member of a team, behind an endpoint. It plays, and learns nothing.

    Args:
        config: with an engine of the kind ``http``; the model is read for its tokenizer alone, if at all.
        name: the agent's id.

    Raises:
        CollmError: if the tokenizer or the chat template cannot be opened.
    """

    def __init__(self, config: AgentConfig, name: str) -> None:
        kind = config.engine
        assert isinstance(kind, HttpKind)
        self._ask: HttpEngine | SpokenPolicy
        self.policy: Policy
        if kind.prompts == "ids":
            context = Context(load_tokenizer(config, f"agents.{name}"), config, name)
            self._ask = HttpEngine(kind, name)
            self.policy = TokenPolicy(context, self._ask, config.sampling)
        else:
            self.policy = self._ask = SpokenPolicy(kind, config, name)

    def check_reads(self, observations: Sequence[Observation], place: str) -> None:
        """Test that there is an endpoint, and that its prompts can be made.

        Raises:
            CollmError: if it cannot be reached, or an observation cannot be read.
        """
        if isinstance(self.policy, TokenPolicy):
            self.policy.context.read(observations, place)
        assert self._ask.model_name
