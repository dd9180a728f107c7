"""Model inputs of packed rows: masks in the form that a family's attention takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from collm.errors import CollmError
from collm.models.families import family, text_config
from collm.models.rows import Row

Inputs = dict[str, Any]


def model_inputs(rows: Sequence[Row], pad: int, model: Any) -> Inputs:
    """``input_ids``, ``position_ids`` and ``attention_mask`` of a padded batch, for the model's trunk.

    Rows are padded on the right, where a causal model never looks. Without branches and windows they need
    neither mask nor positions: the model makes its own, and attention takes its fast causal path.

    Raises:
        CollmError: if some row needs a mask and the family honours none of ours.
    """
    width = max(len(row.tokens) for row in rows)
    tokens = _padded([row.tokens for row in rows], pad, width).to(model.device)
    if not any(row.needs_mask for row in rows):
        return {"input_ids": tokens}
    if not family(model).branching:
        problem = f"models of the family {model.config.model_type} cannot hide early tokens of a long row."
        raise CollmError("context", problem, "raise it, or choose another family.")
    positions = _padded([row.positions for row in rows], 0, width).to(model.device)
    masks = attention_masks(model, visibility(rows).to(model.device), positions, positions)
    return {"input_ids": tokens, "position_ids": positions, "attention_mask": masks}


def visibility(rows: Sequence[Row]) -> Tensor:
    """Boolean ``"row query key"``: which tokens see which; padding sees itself alone."""
    width = max(len(row.tokens) for row in rows)
    visible = torch.eye(width, dtype=torch.bool).repeat(len(rows), 1, 1)
    for index, row in enumerate(rows):
        visible[index, : len(row.tokens), : len(row.tokens)] = row.mask()
    return visible


def attention_masks(model: Any, visible: Tensor, queries: Tensor, keys: Tensor) -> Tensor | dict[str, Tensor]:
    """Masks for every kind of layer of a model: a dictionary where the family has several, else one.

    Windows count positions, not columns: in a tree a token's neighbour may be its cousin.

    Args:
        model: whose attention decides the form (booleans or what is added to scores).
        visible: ``"row query key"``, which tokens see which in a layer that sees everything.
        queries: ``"row query"``, the position of each token in its own history.
        keys: ``"row key"``, the same of the tokens that are seen.
    """
    config = text_config(model)
    kinds = getattr(config, "layer_types", None)
    masks = {
        kind: _formed(model, visible & _NEAR[kind](config, queries.unsqueeze(2), keys.unsqueeze(1)))
        for kind in sorted({_only_kind(config)} if kinds is None else set(kinds))
    }
    return masks if kinds is not None else next(iter(masks.values()))


def _only_kind(config: Any) -> str:
    """The kind of all layers of a family that does not list them, read as transformers reads it."""
    if getattr(config, "sliding_window", None) is not None:
        return "sliding_attention"
    return "full_attention" if getattr(config, "attention_chunk_size", None) is None else "chunked_attention"


def _within_window(config: Any, query: Tensor, key: Tensor) -> Tensor:
    near: Tensor = query - key < config.sliding_window
    return near


def _within_chunk(config: Any, query: Tensor, key: Tensor) -> Tensor:
    same: Tensor = query // config.attention_chunk_size == key // config.attention_chunk_size
    return same


def _everywhere(config: Any, query: Tensor, key: Tensor) -> Tensor:
    return torch.ones((), dtype=torch.bool, device=key.device)


_NEAR: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "full_attention": _everywhere,
    "sliding_attention": _within_window,
    "chunked_attention": _within_chunk,
}


def _formed(model: Any, visible: Tensor) -> Tensor:
    """``"row 1 query key"`` as transformers forms masks for the model's attention implementation."""
    rows, queries, keys = visible.shape
    form = ALL_MASK_ATTENTION_FUNCTIONS[text_config(model)._attn_implementation]
    mask: Tensor = form(
        batch_size=rows,
        q_length=queries,
        kv_length=keys,
        mask_function=lambda *_: visible.unsqueeze(1),
        allow_is_causal_skip=False,
        dtype=model.dtype,
        device=visible.device,
    )
    return mask


def _padded(values: Sequence[list[int]], filler: int, width: int) -> Tensor:
    return torch.tensor([value + [filler] * (width - len(value)) for value in values])
