"""Keys and values of a batch in one preallocated buffer, and of single rows between turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

LayerStates = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class RowCache:
    """Keys and values of one history's first ``length`` tokens, per layer ``"head token dim"``."""

    layers: tuple[LayerStates, ...]
    length: int

    def compact(self) -> RowCache:
        """The same states without the rest of the batch's buffer, which a view would keep alive."""
        return RowCache(tuple((keys.clone(), values.clone()) for keys, values in self.layers), self.length)


NOTHING_CACHED = RowCache((), 0)


class _BufferLayer(DynamicLayer):
    """Writes new states behind the old ones instead of copying both into a new tensor."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity, self.length = capacity, 0
        self.columns: Tensor | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.allocate(key_states, value_states)
        if self.columns is not None:
            self.keys.index_copy_(2, self.columns, key_states)
            self.values.index_copy_(2, self.columns, value_states)
            return self.keys, self.values
        end = self.length + key_states.shape[-2]
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def allocate(self, keys: Tensor, values: Tensor, rows: int | None = None) -> None:
        """Zeros like given states, since masked columns must be finite."""
        self.keys, self.values = self._zeros(keys, rows), self._zeros(values, rows)
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True

    def _zeros(self, like: Tensor, rows: int | None) -> Tensor:
        return like.new_zeros(rows or like.shape[0], like.shape[-3], self.capacity, like.shape[-1])

    def get_seq_length(self) -> int:
        return self.length


class BatchCache(Cache):
    """The model's cache for a batch whose rows are padded on the left to one width.

    Args:
        num_layers: of the model.
        capacity: columns, for everything that will be written.
    """

    def __init__(self, num_layers: int, capacity: int) -> None:
        super().__init__(layers=[_BufferLayer(capacity) for _ in range(num_layers)])
        self.capacity = capacity

    def write_at(self, columns: Tensor | None, first: int) -> None:
        """Say where the next states belong; everything before counts as cached.

        Args:
            columns: ``"new"``, the same as a tensor, where attention is to read the whole buffer, written
                to or not; ``None`` where it is to read up to the last column that was written.
            first: of the columns.
        """
        for layer in self.layers:
            layer.columns = columns
            layer.length = first if columns is None else first + len(columns)

    def restore(self, rows: Sequence[RowCache | None], starts: Sequence[int]) -> None:
        """Copy the states of earlier turns to where each row starts."""
        known = next((row for row in rows if row is not None), None)
        if known is None:
            return
        for index, layer in enumerate(self.layers):
            layer.allocate(*known.layers[index], rows=len(rows))
            for row, (cached, start) in enumerate(zip(rows, starts, strict=True)):
                if cached is not None:
                    keys, values = cached.layers[index]
                    layer.keys[row, :, start : start + cached.length] = keys[:, : cached.length]
                    layer.values[row, :, start : start + cached.length] = values[:, : cached.length]

    def select(self, rows: Tensor, capacity: int) -> BatchCache:
        """A new cache of some rows (repeats allowed) with room for ``capacity`` columns."""
        chosen = BatchCache(len(self.layers), capacity)
        for old, new in zip(self.layers, chosen.layers, strict=True):
            new.allocate(old.keys, old.values, rows=len(rows))
            new.keys[:, :, : old.length] = old.keys[rows, :, : old.length]
            new.values[:, :, : old.length] = old.values[rows, :, : old.length]
            new.length = old.length
        return chosen

    def row(self, index: int, start: int, length: int) -> RowCache:
        """The states of one row; views, no copies."""
        end = start + length
        layers = tuple(
            (layer.keys[index, :, start:end], layer.values[index, :, start:end]) for layer in self.layers
        )
        return RowCache(layers, length)


def left_padded(rows: Sequence[Sequence[int]], pad: int, device: torch.device) -> Tensor:
    """Token rows as one tensor ``"row column"``, padded on the left."""
    width = max(len(row) for row in rows)
    return torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows], device=device)
