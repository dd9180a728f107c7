"""Every method in every domain: the recipe to begin with, and what to set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from collm.algorithms.base import Algorithm, algorithms
from collm.algorithms.monte_carlo import MonteCarlo
from collm.base.yaml_text import read_yaml
from collm.config.recipes import find, shipped

_DEMO = {"collm_cc": "demo", "collm_dc": "demo_dc", "magrpo": "demo_magrpo"}


@dataclass(frozen=True, slots=True)
class Way:
    """A method in a domain: ``collm train RECIPE OVERRIDE...``."""

    domain: str
    method: str
    recipe: str
    overrides: tuple[str, ...] = ()


def ways() -> Iterator[Way]:
    """All methods in all domains that ship with recipes of CoLLM-CC and MAGRPO."""
    names = shipped()
    domains = [name.partition("/")[0] for name in names if name.endswith("/collm_cc")]
    for domain in ("demo", *domains):
        for method, cls in algorithms().items():
            own = _recipe(domain, method)
            if own in names:
                yield Way(domain, method, own)
            else:
                yield _changed(domain, method, cls.model_validate({}))


def about(method: str) -> str:
    """What a method is, in a line."""
    return (algorithms()[method].__doc__ or "").splitlines()[0].replace("``", "")


def _recipe(domain: str, method: str) -> str:
    return _DEMO.get(method, "") if domain == "demo" else f"{domain}/{method}"


def _changed(domain: str, method: str, algorithm: Algorithm) -> Way:
    """A method by overrides of the recipe whose settings are nearest."""
    sampled = isinstance(algorithm, MonteCarlo)
    base = _recipe(domain, "magrpo" if sampled else "collm_cc")
    overrides = [f"algorithm.type={method}"]
    if not sampled and not algorithm.critics(["a", "b"]):
        overrides.append("critic=null")
    ours = read_yaml(find(base))["algorithm"]
    for key in (key for key in algorithm.unused if key in ours):
        overrides.append(f"algorithm.{key}={json.dumps(type(algorithm).model_fields[key].default)}")
    if algorithm.advantage_normalization:  # a minibatch of one action would leave nothing
        overrides.append("algorithm.minibatch_size=null")
    return Way(domain, method, base, tuple(overrides))
