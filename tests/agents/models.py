"""Plain computations with Hugging Face models, against which the fast ones are checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from collm.functional.logprobs import token_logprobs

PLAIN: tuple[float, int | None, float] = (1.0, None, 1.0)
CUTS: list[tuple[float, int | None, float]] = [PLAIN, (0.7, None, 1.0), (1.0, 20, 1.0), (1.3, 40, 0.8)]
"""Temperature, top-k and top-p."""


def open_model(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder).eval()


def forced_logprobs(
    model: Any, prompt: Sequence[int], action: Sequence[int], how: tuple[float, int | None, float] = PLAIN
) -> Tensor:
    """Log-probability of each action token by one forward of the model over nothing but this sample."""
    logits = model(input_ids=torch.tensor([[*prompt, *action]])).logits[0]
    return token_logprobs(logits[len(prompt) - 1 : -1], torch.tensor(list(action)), *how)


def gradients(model: Any, value: Tensor) -> dict[str, Tensor]:
    """Gradient of a scalar with respect to every parameter."""
    model.zero_grad(set_to_none=True)
    value.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def weights(model: Any) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=tolerance, msg=f"{name} differs")
