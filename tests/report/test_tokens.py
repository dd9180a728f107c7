"""Tokens of a step's passes, held to the plain count: every history and reply, what is shared once."""

from __future__ import annotations

from itertools import product
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.report.tokens import Grown

Token = tuple[object, ...]


def pairs(siblings: int, turns: int, prompt: int, said: int) -> list[list[Token]]:
    """Each action of a whole tree with its history, every token by what it is."""
    found = []
    for depth in range(turns):
        for path in product(range(siblings), repeat=depth + 1):
            tokens: list[Token] = []
            for turn in range(depth + 1):
                tokens += [("told", path[:turn], place) for place in range(prompt)]
                tokens += [("said", path[: turn + 1], place) for place in range(said)]
            found.append(tokens)
    return found


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_a_tree_is_read_once(siblings: int, turns: int, prompt: int, said: int) -> None:
    every = pairs(siblings, turns, prompt, said)
    samples = [siblings ** (turn + 1) for turn in range(turns)]
    grown = Grown(samples, siblings, prompt + said, said)
    assert grown.size == len(every)
    before_any = said  # the first history counts as grown by a reply, too
    assert grown.tokens == pytest.approx(len({token for one in every for token in one}) + before_any)


def test_single_actions_are_read_with_their_histories() -> None:
    grown = Grown([1, 1, 1, 1], 1, fresh=10, said=3)
    assert grown.tokens_of(1) == fmean([10, 20, 30, 40]) + 3
    assert grown.tokens_of(4) == grown.tokens == 40 + 3
    assert grown.tokens_of(8) == 2 * grown.tokens
    assert grown.tokens_of(2) == grown.tokens, "never more than the whole tree"


def test_siblings_share_their_history() -> None:
    grown = Grown([4, 16], 4, fresh=10, said=3)
    assert grown.tokens_of(4) == (4 * 10 + 16 * 20) / 20 + 4 * 3
    assert grown.tokens_of(1) == (4 * 10 + 16 * 20) / 20 + 3


def test_who_reads_one_turn_further_reads_no_more_than_there_is() -> None:
    grown = Grown([1, 1, 1, 1], 1, fresh=10, beyond=1)
    assert grown.tokens_of(1) == fmean([20, 30, 40, 40])
    assert grown.tokens == 40
