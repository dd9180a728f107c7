"""An engine behind an endpoint that takes and gives token ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

from collm.engines.base import Completion, Deferred, Prompt
from collm.engines.http.asking import Asked
from collm.engines.http.drawing import completed, name_of
from collm.engines.http.endpoint import Endpoint
from collm.engines.kinds.http import HttpKind
from collm.models.config import Sampling


class HttpEngine:
    """Draws at an endpoint; which version of which weights it has is its own business."""

    def __init__(self, kind: HttpKind, agent: str) -> None:
        self._kind, self._agent = kind, agent
        self._endpoint = endpoint_of(kind, agent)

    @cached_property
    def model_name(self) -> str:
        """What the endpoint calls the agent."""
        return self._kind.model_name or name_of(self._endpoint, self._agent)

    def submit(
        self, prompts: Sequence[Prompt], sampling: Sampling, keep: bool
    ) -> Deferred[list[tuple[Completion, ...]]]:
        ask = partial(completed, self._endpoint, self.model_name)
        calls = [
            partial(ask, prompt.token_ids, seed, sampling) for prompt in prompts for seed in prompt.seeds
        ]
        asked = Asked(calls, self._kind.together)

        def wait() -> list[tuple[Completion, ...]]:
            rest = iter(asked.result())
            return [tuple(Completion(*next(rest)) for _ in prompt.seeds) for prompt in prompts]

        return Deferred(wait)

    def release(self) -> None:
        """What the endpoint keeps is its own business."""

    def refresh(self, version: int) -> None:
        """Its weights are its own."""


def endpoint_of(kind: HttpKind, agent: str) -> Endpoint:
    """Where an agent is asked."""
    return Endpoint(f"agents.{agent}.engine", kind.url, kind.seconds, kind.attempts)
