"""Takes a trained team out of its run as ordinary Hugging Face models, adapters merged into their bases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from collm.agents.config import AgentConfig
from collm.config.naming import named_after
from collm.errors import CollmError
from collm.models.adapters import ADAPTER_FILES, export_merged
from collm.runs.checkpoints import checkpoint_of
from collm.runs.folder import read_config


def export_team(run: str, out: Path, warn: Callable[[str], None] = lambda line: None) -> Iterator[Path]:
    """Write every agent of a run's last checkpoint, or of the checkpoint itself, as a model of its own.

    Args:
        run: a run folder or one of its checkpoints.
        out: gets a folder for each agent; empty or absent.
        warn: called with a line for each damaged checkpoint that was passed over.

    Raises:
        CollmError: if there is no team there, a base cannot be opened, or something lies in ``out``.
        AbsentError: if there are adapters and peft is not installed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CollmError(f"--out {out}", "something lies there already.", "choose another --out.")
    config = read_config(Path(run))
    checkpoint = checkpoint_of(Path(run), warn)
    for name, agent in config.agents.items():
        with named_after(run):
            _export(agent, name, checkpoint / "agents" / (agent.shares or name), out / name)
        yield out / name


def _export(config: AgentConfig, name: str, saved: Path, folder: Path) -> None:
    """One agent: all that lies in its folder, but a merged model in the place of an adapter."""
    if config.adapter is None:
        shutil.copytree(saved, folder)
        return
    on_cpu = config.model_copy(update={"device": "cpu"})
    export_merged(on_cpu, saved, folder, f"agents.{name}")
    for file in saved.iterdir():
        if file.name not in ADAPTER_FILES:
            shutil.copy2(file, folder / file.name)
