from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.engines import widened
from tests.agents.models import open_model


def test_a_model_with_longer_heads_says_the_same(qwen3: Path) -> None:
    model = open_model(qwen3)
    wide = widened(model, 2 * model.config.head_dim)
    assert wide.config.head_dim == 32
    ids = torch.arange(3, 83)[None]
    with torch.no_grad():
        torch.testing.assert_close(wide(ids).logits, model(ids).logits, rtol=1e-4, atol=1e-4)
