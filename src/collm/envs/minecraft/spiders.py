"""Hostile spiders: drawn once for a run, driven away by any one attack command."""

from __future__ import annotations

import random
from collections.abc import Iterable

from pydantic import Field, model_validator

from collm.base.settings import Settings
from collm.envs.minecraft.commands import Attack, Command


class Spiders(Settings):
    """How many spiders there are, how hard they bite and how much a player can take.

    Attributes:
        count: number of spiders; 0 for peace.
        player_hp: the players' health points.
        player_attack: damage of one attack, named in the paper's prompt.
        attack_low, attack_high: range of a spider's attack value, inclusive.
        seed: the attack values are drawn from it once for the whole run.
    """

    count: int = Field(default=3, ge=0, le=10_000)
    player_hp: float = Field(default=5, gt=0)
    player_attack: int = Field(default=8, ge=1)
    attack_low: int = Field(default=1, ge=0, le=10**6)
    attack_high: int = Field(default=3, ge=0, le=10**6)
    seed: int = 42

    @model_validator(mode="after")
    def _ordered(self) -> Spiders:
        if self.attack_low > self.attack_high:
            raise ValueError("attack_low must not exceed attack_high")
        return self

    @property
    def attacks(self) -> list[int]:
        """The attack value of each spider."""
        stream = random.Random(self.seed)
        return [stream.randint(self.attack_low, self.attack_high) for _ in range(self.count)]

    @property
    def damage(self) -> float:
        """What the players lose if nobody attacks, in health points."""
        return float(sum(self.attacks))

    def damage_share(self, commands: Iterable[Command]) -> float:
        """Fraction of the health points lost: 0 after any attack, else min(1, damage / hp)."""
        if any(isinstance(command, Attack) for command in commands):
            return 0.0
        return min(1.0, self.damage / self.player_hp)
