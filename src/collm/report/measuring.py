"""How fast this machine works, measured now."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from collm.report.counting import counted
from collm.report.rates import Rates
from collm.report.simulation import Shape, losses_of

_SMALL = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 4, "vocab_size": 8}
_HEADS = {"num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 8}


def measured_rates(device: torch.device, dtype: str, clock: Callable[[], float] = time.perf_counter) -> Rates:
    """What it does now: a matrix product, a copy, and a model of many small operators, a few times each.

    Args:
        clock: seconds; a processor's own where others work on it too.
    """
    kind, on_gpu = getattr(torch, dtype), device.type == "cuda"
    width, large = (4096, 2**28) if on_gpu else (768, 2**25)
    matrix = torch.ones(width, width, device=device, dtype=kind)
    block, other = (torch.ones(large, device=device, dtype=torch.uint8) for _ in range(2))
    product = _seconds(device, clock, lambda: matrix @ matrix)
    copied = _seconds(device, clock, lambda: other.copy_(block))  # fresh memory is slow at first
    source = f"{device.type} of this machine, measured now"
    calls = _calls(device, dtype, clock)
    return Rates(source, 2 * width**3 / product, 2 * large / copied, calls, ahead=on_gpu)


def _calls(device: torch.device, dtype: str, clock: Callable[[], float]) -> float:
    """Operators a second of a model whose operators have next to nothing to do."""
    config = AutoConfig.for_model("qwen3", **_SMALL, **_HEADS)
    model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype)).to(device).eval()
    shape = Shape(config.to_json_string(use_diff=False), dtype, 1, 1, False, 0)

    @torch.no_grad()
    def once() -> None:
        next(losses_of(model, shape))

    return counted(shape).forward.calls / _seconds(device, clock, once)


def _seconds(device: torch.device, clock: Callable[[], float], work: Callable[[], object]) -> float:
    """The median time of some work; the first two times do not count."""
    found = []
    for _ in range(7):
        start = clock()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(clock() - start)
    return median(found[2:])
