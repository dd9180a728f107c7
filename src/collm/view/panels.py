"""Asks a run's environment what there is to see in an episode; plain data comes back, or a reason why not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from collm.env import AnyEnvironment, make_env
from collm.errors import RAISED, CollmError
from collm.view.folders import CONFIG_FILE, Run, stamp
from collm.view.tolerant import mapping

_LONGEST = 8_000_000
"""Characters of JSON that a panel may have."""


def panel_of(run: Run, task: str, turns: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What the environment shows of the last of some turns.

    Returns:
        ``panel``, or ``panel: None`` and ``why``, a sentence; ``why`` is empty where an environment
        has nothing to show.
    """
    try:
        env, tasks = _opened(run, stamp(run.path / CONFIG_FILE))
        return _asked(env, tasks, task, turns)
    except RAISED as error:
        return {"panel": None, "why": f"{type(error).__name__}: {error}"[:2000]}


def _asked(
    env: AnyEnvironment, tasks: Mapping[str, Any], task: str, turns: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    hook = getattr(env, "panel", None)
    if hook is None:
        return {"panel": None, "why": ""}
    if task not in tasks:
        raise CollmError(task, "the run's tasks no longer hold this one.", "restore the run's dataset.")
    panel = hook(tasks[task], turns)
    text = json.dumps(panel, allow_nan=False)
    if len(text) > _LONGEST:
        mend = f"return less than {_LONGEST} characters of JSON."
        raise CollmError(f"{env.type}.panel", f"it returned {len(text)} characters.", mend)
    return {"panel": panel if isinstance(panel, Mapping) else None, "why": ""}


@lru_cache(maxsize=16)
def _opened(run: Run, config: object) -> tuple[AnyEnvironment, dict[str, Any]]:
    """The environment of a run and its tasks by id; kept until the recipe changes."""
    env = make_env(mapping(run.config().get("env")), f"{run.path / CONFIG_FILE}: env")
    return env, {task.id: task for split in ("test", "train") for task in env.tasks(split)}
