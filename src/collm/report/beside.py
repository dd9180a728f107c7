"""What a recipe needs beside models, in words: too little to plan for, or another program's to take."""

from __future__ import annotations

from collections.abc import Iterator

from collm.agents.information import InformationBonus
from collm.agents.mixer import Mixer
from collm.config.tree import RunConfig
from collm.contract.held import hold
from collm.report.samplers import samplers

_TRAINED = 16
"""Bytes of a trained float32 number: itself, its gradient and two moments."""


def beside_models(config: RunConfig) -> Iterator[str]:
    """A line for each mixer, for the bonus, and for each vLLM in this process."""
    agents, numbers = list(config.agents), len(hold(config.env).global_numbers(0, None))
    for name, view in config.algorithm.mixers(agents).items():
        count = sum(one.numel() for one in Mixer(view, numbers, name).parameters())
        yield f"mixer {name}: {_mebibytes(count * _TRAINED)} of the host's memory"
    if config.bonus is not None:
        most = InformationBonus(config.bonus, agents, config.seed).most_bytes
        yield f"bonus: at most {_mebibytes(most)} of the host's memory"
    for one in samplers(config):
        while_drawing = " while the team draws" if one.sleeps else ""
        yield f"vLLM of {', '.join(one.agents)}: {one.share:.0%} of {one.device}{while_drawing}"


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.2f} MiB"
