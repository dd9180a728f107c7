from __future__ import annotations

import pytest
import torch

from collm.models.dealing import dealt, in_step, shared
from collm.models.packing import Cost
from collm.models.process_group import buckets
from collm.models.rows import Row
from tests.families import tiny_model

SAMPLES = [((1, 2, 3, 4, number), tuple(range(3, 4 + 3 * number))) for number in range(7)]


def row(length: int) -> Row:
    made = Row()
    made.append(tuple(range(length)), None, -1)
    return made


@pytest.mark.parametrize("processes", [1, 2, 3, 20])
@pytest.mark.parametrize("batch_tokens", [1, 30, 10_000])
def test_every_sample_is_dealt_once(processes: int, batch_tokens: int) -> None:
    shares = dealt(tiny_model("Llama"), SAMPLES, batch_tokens, processes)
    assert len(shares) == processes
    numbers = [number for share in shares for group in share for one in group for number, _ in one.spans]
    assert sorted(numbers) == list(range(7))


def test_a_prefix_that_all_share_does_not_leave_one_process_everything() -> None:
    both = dealt(tiny_model("Llama"), SAMPLES, 10_000, 2)
    tokens = [sum(len(one.tokens) for group in share for one in group) for share in both]
    assert max(tokens) < 2 * min(tokens)


def test_the_costliest_rows_are_dealt_first() -> None:
    rows = [row(length) for length in (2, 9, 4, 3)]
    linear, square = Cost(1.0, 0.0), Cost(0.0, 1.0)
    lengths = [[len(one.tokens) for one in share] for share in shared(rows, linear, 2)]
    assert lengths == [[9], [4, 3, 2]]
    assert [[len(one.tokens) for one in share] for share in shared(rows[:1], square, 3)] == [[2], [], []]


def test_everybody_has_as_many_microbatches_as_the_one_with_most() -> None:
    shares = [[[row(3)], [row(2)]], [[row(4)]], []]
    rounds = [in_step(shares, own, pad=7) for own in range(3)]
    assert [len(groups) for groups in rounds] == [2, 2, 2]
    assert rounds[0] == shares[0]
    assert rounds[1][0] == shares[1][0]
    for groups in (rounds[1][1:], rounds[2]):
        for group in groups:
            assert [(one.tokens, one.spans) for one in group] == [([7], [])]


def test_buckets_hold_whole_tensors_in_order() -> None:
    tensors = [torch.zeros(size) for size in (3, 4, 9, 1, 1)]
    assert [[len(one) for one in few] for few in buckets(tensors, 7)] == [[3, 4], [9], [1, 1]]
