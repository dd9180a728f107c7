"""The model card of a team, made from its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from collm.base.yaml_text import to_yaml
from collm.runs.run import Run

_USE = """## Use

```bash
pip install collm
collm eval .
```

plays the test tasks again, from this folder. Every folder under `agents/` is an ordinary Hugging Face model.
"""
_TAGS = ["collm", "multi-agent", "reinforcement-learning"]


def card_of(run: Run, names: Sequence[str], update: int, picture: str, licence: str | None) -> str:
    """The card as Markdown, with the header that the hub reads.

    Args:
        run: where the team comes from.
        names: the environment's metrics to show beside the return.
        update: after which the team was saved.
        picture: the file of the curve beside the card.
        licence: an identifier of the hub's list; without one the card says whose terms hold.
    """
    parts = [
        f"---\n{to_yaml(_header(run, licence))}---\n",
        f"# {run.path.resolve().name}\n",
        _introduction(run, update),
        _measures(run.evaluations, names),
        f"![Learning curve]({picture})\n",
        _USE,
        f"## Recipe\n\n```yaml\n{to_yaml(dict(run.config))}```\n",
        _licence(run, licence),
    ]
    return "\n".join(part for part in parts if part)


def _header(run: Run, licence: str | None) -> Mapping[str, Any]:
    bases = [model for model in models_of(run.config) if _on_the_hub(model)]
    return {
        "library_name": "collm",
        "tags": [*_TAGS, str(run.config["algorithm"]["type"])],
        **({"base_model": bases} if bases else {}),
        **({"license": licence} if licence else {}),
    }


def models_of(config: Mapping[str, Any]) -> list[str]:
    """The models that the agents began with, each once."""
    return list(dict.fromkeys(str(agent["model"]) for agent in config["agents"].values()))


def _on_the_hub(model: str) -> bool:
    """Whether a model looks like an id of the hub: a folder of this machine tells others nothing."""
    return model.count("/") == 1 and not model.startswith((".", "/", "~")) and not Path(model).exists()


def _introduction(run: Run, update: int) -> str:
    config = run.config
    agents = ", ".join(f"`{name}`" for name in config["agents"])
    return (
        f"A team of decentralized agents, {agents}, trained together with collm on the task "
        f"`{config['env']['type']}` ({config['env']['num_turns']} turns) with the algorithm "
        f"`{config['algorithm']['type']}`: the weights after update {update}, seed {config['seed']}.\n"
    )


def _measures(evaluations: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """A table of the measures at every evaluation on the test tasks."""
    shown = ["return_mean", *names]
    keys = [
        key for name in shown for key in (name, f"greedy_{name}") if any(key in row for row in evaluations)
    ]
    if not keys:
        return ""
    lines = [["update", *(key.replace("_", " ") for key in keys)], ["---"] * (len(keys) + 1)]
    lines += [[str(row["update"]), *_cells(row, keys)] for row in evaluations]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"## Test tasks\n\nSampled as in training, and greedy.\n\n{table}\n"


def _cells(row: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        value = row.get(key)
        yield "" if value is None else f"{value:.3f}"


def _licence(run: Run, licence: str | None) -> str:
    models = ", ".join(
        f"`{model}`" if _on_the_hub(model) else "a local model" for model in models_of(run.config)
    )
    own = f"Published under `{licence}`. " if licence else ""
    return (
        f"## Licence\n\n{own}The agents were trained from {models}, whose terms hold for these weights too.\n"
    )
