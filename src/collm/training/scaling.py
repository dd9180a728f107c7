"""Shows critics that learn in units of their targets what those targets are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from collm.agents.mixer import Mixer
from collm.agents.trunk import AnyCritic
from collm.algorithms.base import Target
from collm.errors import CollmError
from collm.training.minibatches import Minibatch


def scaled(critics: Mapping[str, AnyCritic | Mixer]) -> dict[str, AnyCritic]:
    """The critics that have a scale of their own."""
    return {
        name: critic
        for name, critic in critics.items()
        if not isinstance(critic, Mixer) and critic.config.scaled_targets
    }


def follow(
    critics: Mapping[str, AnyCritic], minibatch: Minibatch, targets: Mapping[int, Mapping[str, Target]]
) -> None:
    """Let critics take in the targets of a minibatch, by tree and name.

    Raises:
        CollmError: if a critic has none, because its values are mixed before they are taught.
    """
    for name, critic in critics.items():
        seen = [
            point[list(turns)]
            for number, turns in minibatch.items()
            for point in _points(targets[number].get(name))
        ]
        if not seen:
            problem = f"the values of critic {name!r} are mixed with others' before they are taught."
            raise CollmError("critic.scaled_targets", problem, "leave it out.")
        critic.follow(torch.cat(seen))


def _points(target: Target | None) -> list[Tensor]:
    return [] if target is None else [one for one in (target.before, target.after) if one is not None]
