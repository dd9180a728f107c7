from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from collm.engines.cache import BatchCache, RowCache, left_padded
from tests.agents.models import open_model

TOKENS = torch.tensor([[5, 6, 7, 8, 9, 10], [40, 41, 42, 43, 44, 45]])


@pytest.fixture(scope="module")
def model(qwen3: Path) -> Any:
    return open_model(qwen3)


@torch.no_grad()
def run(model: Any, tokens: Tensor, cache: BatchCache, start: int = 0) -> Tensor:
    positions = torch.arange(start, start + tokens.shape[1]).expand(len(tokens), -1)
    logits: Tensor = model(input_ids=tokens, position_ids=positions, past_key_values=cache).logits
    return logits


def make(model: Any, capacity: int) -> BatchCache:
    return BatchCache(model.config.num_hidden_layers, capacity)


def test_tokens_after_cached_ones_see_them(model: Any) -> None:
    cache = make(model, 10)
    whole = run(model, TOKENS, make(model, 6))
    first = run(model, TOKENS[:, :4], cache)
    assert cache.get_seq_length() == 4
    second = run(model, TOKENS[:, 4:], cache, 4)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)


def test_seeking_back_writes_over_what_was_there(model: Any) -> None:
    cache = make(model, 6)
    run(model, TOKENS, cache)
    cache.write_at(None, 4)
    again = run(model, TOKENS[:, [0, 1]], cache, 4)
    fresh = run(model, torch.cat([TOKENS[:, :4], TOKENS[:, [0, 1]]], dim=1), make(model, 6))
    torch.testing.assert_close(again, fresh[:, 4:])


def test_selected_rows_go_on_apart(model: Any) -> None:
    cache = make(model, 4)
    run(model, TOKENS[:, :4], cache)
    chosen = cache.select(torch.tensor([1, 0, 1]), capacity=8)
    found = run(model, torch.tensor([[44], [9], [3]]), chosen, 4)
    rows = torch.tensor(
        [[*TOKENS[1, :4].tolist(), 44], [*TOKENS[0, :4].tolist(), 9], [*TOKENS[1, :4].tolist(), 3]]
    )
    torch.testing.assert_close(found[:, 0], run(model, rows, make(model, 5))[:, -1])
    assert cache.get_seq_length() == 4


def test_rows_are_restored_where_they_start(model: Any) -> None:
    cache = make(model, 6)
    run(model, TOKENS, cache)
    kept = cache.row(0, start=1, length=3)
    assert kept.length == 3
    other = make(model, 8)
    other.restore([None, kept], starts=[0, 4])
    for layer, (keys, values) in zip(other.layers, kept.layers, strict=True):
        assert torch.equal(layer.keys[1, :, 4:7], keys)
        assert torch.equal(layer.values[1, :, 4:7], values)
        assert not layer.keys[0].any()
        assert not layer.keys[1, :, :4].any()


def test_only_the_known_length_of_a_row_is_restored(model: Any) -> None:
    cache = make(model, 6)
    run(model, TOKENS, cache)
    long = cache.row(0, start=0, length=6)
    other = make(model, 6)
    other.restore([RowCache(long.layers, length=2)], starts=[0])
    assert not other.layers[0].keys[0, :, 2:].any()


def test_restoring_nothing_leaves_the_cache_empty(model: Any) -> None:
    cache = make(model, 6)
    cache.restore([None, None], starts=[0, 2])
    assert not any(layer.is_initialized for layer in cache.layers)


def test_rows_are_padded_on_the_left() -> None:
    padded = left_padded([(1, 2), (3,), (4, 5, 6)], 0, torch.device("cpu"))
    assert padded.tolist() == [[0, 1, 2], [0, 0, 3], [4, 5, 6]]


def test_a_compact_row_holds_nothing_but_itself(model: Any) -> None:
    cache = make(model, 10)
    run(model, TOKENS[:, :4], cache)
    view = cache.row(1, 1, 3)
    compact = view.compact()
    for (keys, values), (same_keys, same_values) in zip(view.layers, compact.layers, strict=True):
        assert torch.equal(keys, same_keys)
        assert torch.equal(values, same_values)
        assert same_keys.untyped_storage().nbytes() == keys.numel() * keys.element_size()
        assert keys.untyped_storage().nbytes() > same_keys.untyped_storage().nbytes()
