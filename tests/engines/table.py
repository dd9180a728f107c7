"""The smallest engine: it looks completions up in a table. Agents with it play and are evaluated like any."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from collm.agents.config import AgentConfig
from collm.agents.context import Context
from collm.agents.policy import TokenPolicy
from collm.engines.base import Completion, Deferred, Prompt
from collm.models.config import Sampling
from collm.types import Ids
from tests.checkpoints import letter_tokenizer


class Table:
    """Completes each prompt as the table says, and with the end token alone where it says nothing.

    A seed picks among the completions of a prompt, all equally likely.
    """

    def __init__(self, completions: Mapping[Ids, Sequence[Ids]], end: int) -> None:
        self._completions, self._end, self._version = completions, end, 0

    def submit(
        self, prompts: Sequence[Prompt], sampling: Sampling, keep: bool
    ) -> Deferred[list[tuple[Completion, ...]]]:
        return Deferred(lambda: [tuple(self._drawn(one, seed) for seed in one.seeds) for one in prompts])

    def release(self) -> None:
        """A table keeps nothing between turns."""

    def refresh(self, version: int) -> None:
        self._version = version

    def _drawn(self, prompt: Prompt, seed: int) -> Completion:
        choices = self._completions.get(prompt.token_ids, ((),))
        ids = (*choices[seed % len(choices)], self._end)
        logprobs = (-math.log(len(choices)), *(0.0 for _ in ids[1:]))
        return Completion(ids, logprobs, "stop", self._version)


def table_policy(answers: Mapping[str, Sequence[str]], letters: str) -> TokenPolicy:
    """An agent of letters that answers raw observations as told."""
    tokenizer = letter_tokenizer(letters)
    config = AgentConfig(model="a table", device="cpu", history="turn")

    def ids(text: str) -> Ids:
        return tuple(tokenizer(text).input_ids)

    completions = {ids(prompt): [ids(text) for text in texts] for prompt, texts in answers.items()}
    engine = Table(completions, tokenizer.eos_token_id)
    return TokenPolicy(Context(tokenizer, config, "table"), engine, config.sampling)
