"""What the two readings of the writing tasks, the paper's and its reference code's, decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from collm.envs.writing.reward import TransitionFormula, TransitionScope

Variant = Literal["paper", "reference"]
Prompts = Callable[[str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one task: the constants that are disputed, the data and the words.

    Attributes:
        token_gate, stop_words_in_vocabulary, whole_words, transition_formula, transition_scope: as
            :class:`~collm.envs.writing.reward.Rules` has them.
        hub_splits: what to train and to test on, of a dataset on the hub.
        prompts: what each agent reads, by name, given the source.
    """

    token_gate: bool
    stop_words_in_vocabulary: bool
    whole_words: bool
    transition_formula: TransitionFormula
    transition_scope: TransitionScope
    hub_splits: tuple[str, str]
    prompts: Prompts


Readings = Mapping[Variant, Reading]


def readings(paper: Prompts, reference: Prompts, scope: TransitionScope, test: str) -> Readings:
    """Both readings of a task.

    Args:
        paper, reference: the prompts of either.
        scope: where the reference looks for transition words.
        test: what the reference tests on, of a dataset on the hub.
    """
    return {
        "paper": Reading(
            token_gate=False,
            stop_words_in_vocabulary=False,
            whole_words=True,
            transition_formula="logarithmic",
            transition_scope="each",
            hub_splits=("train[:1000]", "train[1000:1100]"),
            prompts=paper,
        ),
        "reference": Reading(
            token_gate=True,
            stop_words_in_vocabulary=True,
            whole_words=False,
            transition_formula="linear",
            transition_scope=scope,
            hub_splits=("train[:1100]", test),
            prompts=reference,
        ),
    }
