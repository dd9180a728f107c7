"""collm: teams of decentralized language-model agents that learn to work together.

Data flows one way: an environment gives observations, agents answer in parallel, a rollout grows a
tree of joint turns, an algorithm turns the tree into advantages, and every agent updates itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from collm.runs.run import Run

if TYPE_CHECKING:
    from collm.training.display import Callback
    from collm.training.loop import Result

__all__ = ["Run", "train"]
__version__ = "0.1.0"


def train(
    recipe: str | Path,
    out: str | Path,
    overrides: Sequence[str] = (),
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Result:
    """Train a team, as ``collm train`` does, and return how it ended.

    The libraries' progress bars are turned off for the whole process.

    Args:
        recipe: a YAML file or the name of a shipped recipe, such as ``demo``.
        out: the run folder; empty or absent unless ``resume``.
        overrides: settings such as ``training.max_updates=5``.
        resume: go on with the run in ``out``.
        callbacks: hear of every update and evaluation; see :class:`collm.training.display.Callback`.

    Raises:
        CollmError: for bad input.
    """
    # Importing torch takes seconds, which ``import collm`` should not.
    from collm.base.quiet import quiet_libraries
    from collm.config.naming import named_after
    from collm.config.recipes import load_recipe
    from collm.training.display import Several
    from collm.training.run import train as run

    quiet_libraries()
    config = load_recipe(str(recipe), overrides)
    with named_after(str(recipe)):
        return run(config, Path(out), Several(callbacks), resume)
