"""Texts as vectors that never change: hashed pieces of characters."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

_LONGEST = 3


def embedded(texts: Sequence[str], width: int) -> Tensor:
    """How often pieces of one to three characters occur, hashed into ``width`` places, ``"text width"``.

    Every vector has length 1 (an empty text 0), so that the length of a text does not show.
    """
    vectors = torch.zeros(len(texts), width)
    for row, text in zip(vectors, texts, strict=True):
        for size in range(1, _LONGEST + 1):
            for start in range(len(text) - size + 1):
                code = zlib.crc32(text[start : start + size].encode("utf-8", "surrogatepass"))
                row[code % width] += 1.0 if code >> 31 else -1.0
    return torch.nn.functional.normalize(vectors, dim=1)
