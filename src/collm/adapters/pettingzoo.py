"""Shows an environment through PettingZoo's parallel API, with texts as observations and actions."""

from __future__ import annotations

from typing import Any

from collm.env import AnyEnvironment, Split
from collm.errors import CollmError


def to_pettingzoo(env: AnyEnvironment, split: Split = "train", max_characters: int = 100_000) -> Any:
    """Wrap ``env`` as a ``pettingzoo.ParallelEnv`` whose spaces are gymnasium ``Text`` spaces.

    ``reset`` draws a task of the split, or takes the one that ``options={"task": id}`` names. Rewards
    are raw, before scale and shift. A system message opens the first observation. Early termination
    compares siblings and so has no counterpart. An agent that skips a turn observes an empty text and
    its action is not read. ``infos`` hold the task's id, the reward's components and the metrics; those of
    ``reset`` also the seed of the episode, which with the task and the actions decides it.

    Raises:
        CollmError: if PettingZoo is not installed or the split is empty.
    """
    try:
        from collm.adapters.text_parallel_env import TextParallelEnv
    except ImportError:
        mend = "install it with: pip install 'collm[pettingzoo]'."
        raise CollmError("to_pettingzoo", "PettingZoo is not installed.", mend) from None
    return TextParallelEnv(env, split, max_characters)
