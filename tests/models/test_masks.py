from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from collm.errors import CollmError
from collm.models.masks import attention_masks, model_inputs, visibility
from collm.models.packing import Cost, pack
from collm.models.rows import Row
from collm.types import Ids
from tests.agents.models import open_model
from tests.families import tiny_model

SIBLINGS: list[tuple[Ids, Ids]] = [((1, 2, 3), (4, 5)), ((1, 2, 3), (6,))]


def linear(*tokens: int, window: int | None = None) -> Row:
    row = Row(window=window)
    row.append(tokens, None, -1)
    return row


def tree() -> Row:
    (row,) = pack(SIBLINGS, Cost(1.0, 0.0), 100)
    return row


@pytest.fixture(scope="module")
def model(qwen3: Path) -> Any:
    return open_model(qwen3)


def test_rows_without_branches_are_padded_on_the_right_and_plainly_causal(model: Any) -> None:
    inputs = model_inputs([linear(0, 1, 2), linear(0)], 99, model)
    assert inputs.keys() == {"input_ids"}
    assert inputs["input_ids"].tolist() == [[0, 1, 2], [0, 99, 99]]


def test_rows_with_branches_keep_each_tokens_own_position(model: Any) -> None:
    positions = model_inputs([tree(), linear(0, 1)], 0, model)["position_ids"]
    assert positions.tolist() == [[0, 1, 2, 3, 4, 3], [0, 1, 0, 0, 0, 0]]


def test_padding_sees_itself_alone() -> None:
    seen = visibility([tree(), linear(0, 1)])
    assert torch.equal(seen[0], tree().mask())
    assert seen[1].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


def masks_of(name: str, rows: list[Row]) -> Any:
    model = tiny_model(name)
    positions = model_inputs(rows, 0, model)["position_ids"]
    return attention_masks(model, visibility(rows), positions, positions)


def test_windows_count_positions_and_not_columns() -> None:
    siblings = [((1, 2, 3, 4, 5), (6, 7, 8, 9)), ((1, 2, 3, 4, 5), (10, 11, 12, 13))]
    rows = pack(siblings, Cost(1.0, 0.0), 100)
    masks = masks_of("Gemma 3", rows)
    assert masks.keys() == {"full_attention", "sliding_attention"}
    last_of_second = masks["sliding_attention"][0, 0, -1].tolist()
    assert last_of_second == [False, *[True] * 4, *[False] * 4, *[True] * 4]
    assert masks["full_attention"][0, 0, -1].tolist() == [*[True] * 5, *[False] * 4, *[True] * 4]


def test_a_family_with_one_kind_of_layer_gets_one_mask() -> None:
    mask: Tensor = masks_of("Mistral", [tree()])
    assert mask.dtype == torch.bool
    assert torch.equal(mask[0, 0], tree().mask())


def test_eager_attention_gets_what_it_adds_to_scores() -> None:
    mask: Tensor = masks_of("GPT-J", [tree()])
    assert torch.equal(mask[0, 0] == 0, tree().mask())
    assert (mask[0, 0][~tree().mask()] <= torch.finfo(torch.float32).min).all()


@pytest.mark.parametrize("name", ["Llama", "Gemma 2", "Mistral", "gpt-oss", "OPT"])
def test_a_window_hides_what_lies_further_back_than_all_layers_reach(name: str) -> None:
    model = tiny_model(name)

    def last(first: int) -> Tensor:
        inputs = model_inputs([linear(first, 9, 3, 4, 5, 6, 7, 8, window=3)], 0, model)
        with torch.no_grad():
            hidden: Tensor = model.base_model(**inputs, use_cache=False).last_hidden_state[0]
        return hidden

    one, other = last(10), last(20)
    reach = 2 * (3 - 1)
    assert (one - other).abs().amax(-1)[: reach + 1].min() > 1e-6
    torch.testing.assert_close(one[reach + 1 :], other[reach + 1 :])


def test_a_family_that_honours_no_masks_refuses_rows_that_need_one() -> None:
    with pytest.raises(CollmError, match="bloom"):
        model_inputs([linear(1, 2, 3, window=2)], 0, tiny_model("Bloom"))
