"""Ends a run whose models have diverged, before anything of theirs is learned from or kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from collm.errors import CollmError
from collm.types import Tree

_CRITIC = "critic_"


def check_replies(trees: Iterable[Tree], moment: str) -> None:
    """Test that every reply has a log-probability.

    Args:
        trees: what was rolled out.
        moment: when, for errors: ``in update 3``.

    Raises:
        CollmError: naming the agent whose reply has none.
    """
    for tree in trees:
        for turn in tree.turns:
            for name, action in turn.joint_action.items():
                if not math.isfinite(action.logprob):
                    problem = (
                        f"a reply {moment} has the log-probability {action.logprob}, "
                        "so the weights are broken or have diverged. "
                        "No checkpoint was changed; the newest may hold such weights."
                    )
                    raise CollmError(f"agents.{name}", problem, _mend(f"agents.{name}"))


def check_metrics(metrics: Mapping[str, float], update: int) -> None:
    """Test that every loss and gradient norm of an update is a number.

    Args:
        metrics: what learning reports, ``name/AGENT`` or ``critic_name/CRITIC``.
        update: counted from 1, for errors.

    Raises:
        CollmError: naming the critic or, if critics are sound, the agent that diverged.
    """
    broken = [key for key, value in metrics.items() if not math.isfinite(value)]
    for key in sorted(broken, key=lambda key: not key.startswith(_CRITIC)):
        measure, _, name = key.rpartition("/")
        critic = key.startswith(_CRITIC)
        who, field = (f"critic {name}", "critic") if critic else (f"agents.{name}", f"agents.{name}")
        problem = (
            f"it diverged in update {update}: {measure} is {metrics[key]}. The last checkpoint is untouched."
        )
        raise CollmError(who, problem, _mend(field))


def _mend(field: str) -> str:
    return (
        f"start a new run with a lower {field}.optimization.learning_rate, from sound weights; "
        "--resume takes no other settings and would come here again."
    )
