"""Gives a team to others: a folder with a model card, or that folder on the Hugging Face hub."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from collm.errors import CollmError
from collm.report.card import card_of
from collm.report.curves import draw_run
from collm.runs.checkpoints import checkpoint_of
from collm.runs.files import write_folder, write_text
from collm.runs.folder import read_config
from collm.runs.layout import CONFIG_FILE, COUNTERS_FILE
from collm.runs.run import Run


def push_to_hub(folder: Path, repo: str, *, private: bool = False, licence: str | None = None) -> str:
    """Put a run's team on the hub, exactly as :func:`write_team` writes it.

    Args:
        folder: a run.
        repo: ``OWNER/NAME``; made if it is not there.
        private: make it a private one.
        licence: named on the card.

    Returns:
        The address of the commit.

    Raises:
        CollmError: if there is no team, or the hub refuses it.
    """
    from huggingface_hub import HfApi

    with tempfile.TemporaryDirectory() as beside:
        team = write_team(folder, Path(beside) / "team", licence)
        try:
            hub = HfApi()
            hub.create_repo(repo, private=private, exist_ok=True)
            title = f"Add the team of {Run(folder).path.resolve().name}"
            return str(hub.upload_folder(repo_id=repo, folder_path=team, commit_message=title).commit_url)
        except Exception as error:  # its client raises what its library for HTTP raises
            mend = "log in with hf auth login, and name a repository that you may write."
            problem = f"the hub refused: {str(error).rstrip('.')}."
            raise CollmError(f"--repo {repo}", problem, mend) from error


def write_team(folder: Path, out: Path, licence: str | None = None) -> Path:
    """Write a run's newest team: agents, recipe, logs, curve and a model card. ``collm eval`` reads it.

    Args:
        folder: a run.
        out: an empty or absent folder.
        licence: named on the card.

    Raises:
        CollmError: if there is no team, or something lies at ``out``.
    """
    run = Run(folder)
    warnings: list[str] = []
    checkpoint = checkpoint_of(folder, warnings.append)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CollmError(f"--out {out}", "something lies there.", "choose another folder.")
    update = json.loads((checkpoint / COUNTERS_FILE).read_text(encoding="utf-8"))["update"]
    names = read_config(folder).env.headline
    curve = draw_run(folder, names)

    def fill(team: Path) -> None:
        shutil.copytree(checkpoint / "agents", team / "agents")
        for file in (checkpoint / CONFIG_FILE, run.layout.metrics, run.layout.evaluations, curve):
            shutil.copyfile(file, team / file.name)
        write_text(team / "README.md", card_of(run, names, update, curve.name, licence))

    write_folder(out, fill)
    return out
