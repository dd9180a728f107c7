from __future__ import annotations

import random

import torch
from hypothesis import given
from hypothesis import strategies as st

from collm.models.packing import Cost, pack
from collm.models.rows import Row, microbatches
from collm.types import Ids

Sample = tuple[Ids, Ids]

SHARE_ALWAYS, SHARE_NEVER = Cost(linear=1.0, attention=0.0), Cost(linear=0.0, attention=1.0)
PROMPT: Ids = (1, 2, 3)
EPISODE: list[Sample] = [
    (PROMPT, (4, 5)),
    ((1, 2, 3, 4, 5, 6), (7,)),
    ((1, 2, 3, 4, 5, 6, 7, 8), (9, 10)),
]
SIBLINGS: list[Sample] = [(PROMPT, (4, 5)), (PROMPT, (6,)), (PROMPT, (4, 7, 8))]


def trees(draw: st.DrawFn) -> list[Sample]:
    """Samples of a random rollout tree over a small alphabet, so that prefixes often coincide."""
    tokens = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)
    histories: list[Ids] = [()]
    samples: list[Sample] = []
    for _ in range(draw(st.integers(1, 10))):
        history = draw(st.sampled_from(histories))
        prompt, action = history + draw(tokens), draw(tokens)
        samples.append((prompt, action))
        histories.append(prompt + action)
    return samples


def visible(row: Row, column: int) -> tuple[list[int], list[int]]:
    """The tokens that a column attends to and their positions, in the order of the positions."""
    seen = sorted((row.positions[j], row.tokens[j]) for j in row.mask()[column].nonzero().flatten().tolist())
    return [token for _, token in seen], [position for position, _ in seen]


def assert_faithful(rows: list[Row], samples: list[Sample]) -> None:
    """Each action token is predicted from exactly its prompt and the action before it."""
    numbers = [number for row in rows for number, _ in row.spans]
    assert sorted(numbers) == list(range(len(samples)))
    for row in rows:
        for number, columns in row.spans:
            prompt, action = samples[number]
            assert len(columns) == len(action)
            for k, column in enumerate(columns):
                expected = list(prompt + action[:k])
                assert visible(row, column) == (expected, list(range(len(expected))))


@given(
    st.composite(trees)(),
    st.sampled_from([SHARE_ALWAYS, SHARE_NEVER, Cost(3.0, 1.0), Cost(20.0, 1.0)]),
    st.sampled_from([1, 8, 20, 1000]),
)
def test_every_action_token_sees_its_own_history(samples: list[Sample], cost: Cost, max_tokens: int) -> None:
    rows = pack(samples, cost, max_tokens)
    assert_faithful(rows, samples)
    for row in rows:
        assert not row.branching or len(row.tokens) <= max_tokens


def test_the_turns_of_an_episode_are_one_causal_row() -> None:
    (row,) = pack(EPISODE, SHARE_NEVER, max_tokens=1)
    assert row.tokens == list(range(1, 11))
    assert row.positions == list(range(10))
    assert row.spans == [(0, [2, 3]), (1, [5]), (2, [7, 8])]
    assert not row.needs_mask
    assert torch.equal(row.mask(), torch.ones(10, 10).tril().bool())


def test_siblings_branch_off_where_their_prompt_ends() -> None:
    (row,) = pack(SIBLINGS, SHARE_ALWAYS, max_tokens=100)
    assert row.tokens == [1, 2, 3, 4, 5, 6, 4, 7, 8]
    assert row.positions == [0, 1, 2, 3, 4, 3, 3, 4, 5]
    assert row.spans == [(0, [2, 3]), (1, [2]), (2, [2, 6, 7])]
    assert row.needs_mask
    assert row.mask().int().tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 1, 0, 0],
        [1, 1, 1, 0, 0, 0, 1, 1, 0],
        [1, 1, 1, 0, 0, 0, 1, 1, 1],
    ]


def test_sharing_is_left_where_it_does_not_pay() -> None:
    assert len(pack(SIBLINGS, SHARE_NEVER, max_tokens=100)) == 3
    assert len(pack(SIBLINGS, SHARE_ALWAYS, max_tokens=5)) == 3
    assert [len(row.tokens) for row in pack(SIBLINGS, SHARE_ALWAYS, max_tokens=6)] == [6, 6]


def work(rows: list[Row], cost: Cost) -> float:
    return sum(cost.row(len(row.tokens), row.branching) for row in rows)


def test_a_large_tree_is_cut_where_its_rows_would_grow_too_long() -> None:
    """Pairs of siblings share, but the two halves of the tree attend to each other in vain."""
    samples: list[Sample] = [((1,), (2,) * 9), ((1,), (3,) * 9)]
    for branch in (2, 3):
        prompt = (1, *(branch,) * 9, 4)
        samples += [(prompt, (5, 5)), (prompt, (6, 6))]
    cost = Cost(linear=10.0, attention=1.0)
    rows = pack(samples, cost, max_tokens=1000)
    assert_faithful(rows, samples)
    assert [sorted(number for number, _ in row.spans) for row in rows] == [[0, 2, 3], [1, 4, 5]]
    whole = pack(samples, SHARE_ALWAYS, max_tokens=1000)
    assert sum(cost.row(len(row.tokens), row.branching) for row in rows) < cost.row(
        len(whole[0].tokens), True
    )


@given(st.composite(trees)(), st.sampled_from([Cost(3.0, 1.0), Cost(20.0, 1.0)]))
def test_what_is_shared_costs_no_more_than_rows_that_do_not_branch(samples: list[Sample], cost: Cost) -> None:
    shared, alone = (
        sum(cost.row(len(row.tokens), row.branching) for row in pack(samples, cost, most))
        for most in (1000, 0)
    )
    assert shared <= alone


def test_without_room_for_sharing_no_row_branches() -> None:
    rows = pack([*EPISODE, *SIBLINGS], SHARE_ALWAYS, max_tokens=0)
    assert_faithful(rows, [*EPISODE, *SIBLINGS])
    assert not any(row.branching for row in rows)
    assert max(len(row.tokens) for row in rows) == 10


def test_a_prompt_that_only_resembles_another_shares_nothing() -> None:
    samples: list[Sample] = [((1, 2, 3), (4,)), ((1, 2, 9), (4,)), ((1, 2), (3,))]
    rows = pack(samples, SHARE_NEVER, max_tokens=100)
    assert_faithful(rows, samples)


def test_a_window_hides_all_but_the_most_recent_tokens() -> None:
    row = Row(window=2)
    segment = row.append((1, 2), None, -1)
    row.append((3, 4), segment, 1)
    assert row.needs_mask
    assert row.mask().int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]


def test_a_window_wider_than_the_row_needs_no_mask() -> None:
    row = Row(window=4)
    row.append((1, 2, 3, 4), None, -1)
    assert not row.needs_mask


def rows_of(*lengths: int) -> list[Row]:
    rows = []
    for length in lengths:
        row = Row()
        row.append(tuple(range(length)), None, -1)
        rows.append(row)
    return rows


def test_microbatches_group_rows_of_similar_length() -> None:
    groups = microbatches(rows_of(2, 7, 3, 6, 9), max_tokens=14)
    assert [[len(row.tokens) for row in group] for group in groups] == [[9], [7, 6], [3, 2]]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 60))
def test_microbatches_hold_each_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    rows = rows_of(*random.Random(0).sample(lengths, len(lengths)))
    groups = list(microbatches(rows, budget))
    assert sorted(id(row) for group in groups for row in group) == sorted(map(id, rows))
    for group in groups:
        assert len(group) == 1 or len(group) * max(len(row.tokens) for row in group) <= budget


def test_no_rows_make_no_microbatches() -> None:
    assert list(microbatches([], 10)) == []


def test_a_second_beginning_in_a_row_does_not_see_the_first() -> None:
    row = Row()
    for tokens in ((1, 2), (3, 4)):
        row.append(tokens, None, -1)
    assert row.needs_mask
    assert row.positions == [0, 1, 0, 1]
    assert row.mask().tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, True, True],
    ]


def test_a_window_counts_a_tokens_own_past_and_not_its_siblings() -> None:
    row = Row(window=2)
    first = row.append((1, 2), None, -1)
    row.append((3, 4), first, 1)
    row.append((5, 6), first, 1)
    # 5 follows 2 directly, though 3 and 4 stand between them
    assert row.mask()[4].tolist() == [False, True, False, False, True, False]
    assert row.mask()[5].tolist() == [False, False, False, False, True, True]
