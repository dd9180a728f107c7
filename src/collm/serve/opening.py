"""Finds in a run what is to be served: the agents, and the environment that they play."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collm.agents.config import AgentConfig
from collm.base.validation import validated
from collm.base.yaml_text import read_yaml
from collm.config.overrides import overridden
from collm.config.recipes import load_recipe
from collm.config.tree import plain
from collm.contract.held import Held, hold
from collm.engines.kinds.http import HttpKind
from collm.env import make_env
from collm.errors import CollmError
from collm.runs.checkpoints import checkpoint_of
from collm.runs.layout import Layout
from collm.serve.voice import Voice

_WITHOUT_REWARD = "collm.serve.prompts:Prompts"


@dataclass(frozen=True, slots=True)
class Served:
    """What is to be served.

    Attributes:
        agents: by name.
        env: what the team plays; ``None`` where agents are served alone.
        checkpoint: with their weights; ``None`` for those of a recipe.
    """

    agents: Mapping[str, AgentConfig]
    env: Held | None
    checkpoint: Path | None


def find_served(
    place: str,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    warn: Callable[[str], None] = lambda line: None,
) -> Served:
    """Read a run, one of its checkpoints, or a recipe; no model is loaded.

    Args:
        place: where the team is.
        overrides: settings such as ``env.num_turns=1``.
        only: serve these agents alone; nothing of the environment is imported then.
        warn: called with a line for each damaged checkpoint that was passed over, and for the one used.

    Raises:
        CollmError: if there is no team there, or its configuration does not fit.
    """
    folder = Path(place)
    saved = folder.is_dir()
    values = (
        overridden(_saved(folder), overrides) if saved else plain(load_recipe(place, overrides, learns=False))
    )
    agents = {
        name: validated(AgentConfig, entry, f"agents.{name}") for name, entry in values["agents"].items()
    }
    checkpoint = checkpoint_of(folder, warn) if saved else None
    if checkpoint is not None:  # its tokenizers hold the templates
        agents = {name: one.model_copy(update={"chat_template": None}) for name, one in agents.items()}
    _check_known("--only", only, agents)
    if only:
        return Served({name: agents[name] for name in only}, None, checkpoint)
    return Served(agents, _environment(values["env"]), checkpoint)


def open_voices(
    served: Served, endpoints: Mapping[str, str], token: str | None, seconds: float
) -> dict[str, Voice]:
    """A voice for each agent: behind its endpoint if it has one, else loaded into this process.

    Args:
        served: what is served.
        endpoints: URLs by agent, beside those that agents' own engines name.
        token: what those endpoints want to be shown, if anything.
        seconds: how long one of their answers may take.

    Raises:
        CollmError: if a model cannot be opened, or an endpoint is of no agent.
    """
    _check_known("--agent", endpoints, served.agents)
    own = {name: one.engine.url for name, one in served.agents.items() if isinstance(one.engine, HttpKind)}
    endpoints = {**own, **endpoints}
    voices: dict[str, Voice] = {}
    if endpoints:
        from collm.serve.remote import Remote  # not above, as below: each needs libraries of its own

        voices |= {
            name: Remote(name, served.agents[name], url, token, seconds) for name, url in endpoints.items()
        }
    here = {name: config for name, config in served.agents.items() if name not in endpoints}
    if here:
        from collm.serve.local import load_voices

        voices |= load_voices(here, served.checkpoint)
    return {name: voices[name] for name in served.agents}


def _saved(folder: Path) -> Mapping[str, Any]:
    file = Layout(folder).config
    if not file.is_file():
        mend = "name a run folder, a folder below its checkpoints, or a recipe."
        raise CollmError(str(folder), f"no {file.name} here, so this is no run.", mend)
    values = read_yaml(file)
    sections = values if isinstance(values, dict) else {}
    for key in ("agents", "env"):
        if not isinstance(sections.get(key), dict):
            raise CollmError(f"{file}: {key}", "this section is missing.", "restore the run's config.yaml.")
    return sections


def _environment(section: Mapping[str, Any]) -> Held:
    own = section.get("type") == "custom"
    return hold(make_env({**section, "type": _WITHOUT_REWARD} if own else section))


def _check_known(option: str, names: Sequence[str] | Mapping[str, str], agents: Mapping[str, Any]) -> None:
    unknown = [name for name in names if name not in agents]
    if unknown:
        raise CollmError(f"{option} {unknown[0]}", "no such agent.", f"the agents are {', '.join(agents)}.")
