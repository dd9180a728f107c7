"""Takes over the tensors of a small module from a checkpoint."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from collm.errors import CollmError


def take_over(module: nn.Module, file: Path) -> None:
    """Load what was saved of a module like this one.

    Raises:
        CollmError: if it was another one; only a run that starts from an earlier one can meet such.
    """
    saved, own = load_file(file), module.state_dict()
    if {name: one.shape for name, one in saved.items()} != {name: one.shape for name, one in own.items()}:
        problem = f"{file} was saved with other settings than the recipe has."
        mend = "set critic and algorithm as in that run, or start from another."
        raise CollmError("training.start_from", problem, mend)
    module.load_state_dict(saved)
