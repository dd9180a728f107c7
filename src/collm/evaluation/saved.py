"""Opens what ``collm eval`` is pointed at: a run, a checkpoint, or a recipe with its untrained team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from collm.agents.agent import Agent
from collm.config import RunConfig, make_config, merged, plain
from collm.errors import CollmError
from collm.recipes import load_recipe, parse_overrides
from collm.training.files import damage
from collm.training.folder import RunFolder, read_config
from collm.training.team import load_agents


def open_team(place: str, overrides: Sequence[str]) -> tuple[RunConfig, Mapping[str, Agent], str]:
    """The configuration, the agents and what to call them.

    Raises:
        CollmError: if there is no team there, or its checkpoint is damaged.
    """
    folder = Path(place)
    if not folder.is_dir():
        config = load_recipe(place, overrides)
        return config, load_agents(config), f"{place} (untrained)"
    stored = read_config(folder)
    config = make_config(merged(plain(stored), parse_overrides(overrides)), place)
    checkpoint = _checkpoint(folder)
    return config, load_agents(config, checkpoint), str(checkpoint)


def _checkpoint(folder: Path) -> Path:
    if (folder / "agents").is_dir():
        problem = damage(folder)
        if problem is not None:
            raise CollmError(str(folder), f"the checkpoint is damaged: {problem}.", "use another checkpoint.")
        return folder
    warnings: list[str] = []
    latest = RunFolder(folder, warn=warnings.append).latest()
    if latest is None:
        problem = f"no whole checkpoint here. {' '.join(warnings)}".strip()
        raise CollmError(str(folder), problem, "train further with --resume, then evaluate.")
    return latest.path
