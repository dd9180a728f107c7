"""The demo's team on one base: full weights and adapters, drawn in this process and through vLLM.

    python -m benchmarks.engines --out runs/engines --arm full --arm adapters
    .venv-vllm/bin/python -m benchmarks.engines --out runs/engines --arm vllm
    python -m benchmarks.engines --out runs/engines --picture docs/images/engines.png

vLLM serves no heads of 16 numbers, which the demo's models have: all arms start from the demo's first model
with heads of 32 that hold the same function. Arms that are there already are kept, and an interrupted one
goes on. Prints each arm's return at start and end, its seconds, and how far the sampler was off.
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

import collm
from collm.models.loading import model_source

SOURCE, HEAD = "collm:tiny_team/player_1", 32
_ADAPTER = ["agents.*.adapter={r: 8, lora_alpha: 16}", "agents.*.optimization.learning_rate=2e-3"]
ARMS: Mapping[str, tuple[str, Sequence[str]]] = {
    "full": ("full weights, in process", ()),
    "adapters": ("adapters, in process", _ADAPTER),
    "vllm": ("adapters, vLLM", [*_ADAPTER, "agents.*.engine={type: vllm, enforce_eager: true}"]),
}


def widened(model: Any, head: int) -> Any:
    """A Qwen3 model with longer heads and the same function, but for the ``eps`` of two norms.

    Heads get zeros. A norm over twice as many numbers divides by a root of two less, and attention divides
    its scores by a root of two more; positions turn pairs by their place in the head, so pairs move there.
    """
    config, old = copy.deepcopy(model.config), model.config.head_dim
    config.head_dim, times = head, head // old
    wide = AutoModelForCausalLM.from_config(config).to(model.dtype).eval()
    weights = model.state_dict()
    places = torch.cat([torch.arange(old // 2) * times, torch.arange(old // 2) * times + head // 2])
    for name, value in weights.items():
        kind = name.split(".")[-2]
        if kind in ("q_norm", "k_norm"):
            root = math.sqrt(times) if kind == "q_norm" else 1.0
            weights[name] = _spread(value, 0, old, head, places) * root / math.sqrt(times)
        elif kind in ("q_proj", "k_proj", "v_proj"):
            weights[name] = _spread(value, 0, old, head, places)
        elif kind == "o_proj":
            weights[name] = _spread(value, 1, old, head, places)
    wide.load_state_dict(weights)
    return wide


def _spread(value: Tensor, axis: int, old: int, head: int, places: Tensor) -> Tensor:
    """Heads along an axis, each with its numbers at new places and zeros between them."""
    parts = value.movedim(axis, 0).unflatten(0, (-1, old))
    wide = parts.new_zeros(parts.shape[0], head, *parts.shape[2:])
    wide[:, places] = parts
    spread: Tensor = wide.flatten(0, 1).movedim(0, axis).contiguous()
    return spread


def base_in(folder: Path) -> Path:
    """The widened model with its tokenizer; made once."""
    if not (folder / "tokenizer.json").is_file():
        source = model_source(SOURCE)
        widened(AutoModelForCausalLM.from_pretrained(source).eval(), HEAD).save_pretrained(folder)
        AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def run(folder: Path, base: Path, arm: str, overrides: Sequence[str]) -> None:
    """Train one arm, unless it has been trained."""
    if not (folder / "summary.json").is_file():
        shared = [f"agents.*.model={base}", "training.evaluate_every=0", "evaluation.samples=1"]
        collm.train("demo", folder, [*shared, *ARMS[arm][1], *overrides], resume=folder.exists())


def told(folder: Path, arm: str) -> str:
    """One line on a run."""
    rows = list(collm.Run(folder).metrics)
    returns = [row["return_mean"] for row in rows]
    off = [row[key] for row in rows for key in row if key.startswith("sampler_mismatch_max/")]
    few, seconds = min(4, len(rows)), fmean(row["rollout_seconds"] for row in rows)
    first, last = fmean(returns[:few]), fmean(returns[-few:])
    line = f"{ARMS[arm][0]}: return {first:.3f} -> {last:.3f} over {len(rows)} updates"
    line += f", {seconds:.2f} s to draw an update's replies"
    return line + (f", sampler off by at most {max(off):.1e} nats a token" if off else "")


def draw(folders: Mapping[str, Path], picture: Path) -> None:
    """The return of every update's rollouts."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for (arm, folder), style in zip(folders.items(), ("-", "--", ":"), strict=False):
        returns = [row["return_mean"] for row in collm.Run(folder).metrics]
        axes.plot(range(1, len(returns) + 1), returns, style, label=ARMS[arm][0])
    axes.set_xlabel("update")
    axes.set_ylabel("return of the rollouts")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(picture, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arm", action="append", choices=list(ARMS), default=[])
    parser.add_argument("--picture", type=Path)
    parser.add_argument("overrides", nargs="*", help="such as training.max_updates=8")
    given = parser.parse_args()
    base = base_in(given.out / "base").absolute()
    for arm in given.arm:
        run(given.out / arm, base, arm, given.overrides)
    there = {arm: given.out / arm for arm in ARMS if (given.out / arm / "summary.json").is_file()}
    for arm, folder in there.items():
        print(told(folder, arm))
    if given.picture is not None:
        draw(there, given.picture)


if __name__ == "__main__":
    main()
