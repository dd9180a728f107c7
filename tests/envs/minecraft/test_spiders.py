from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.base.validation import validated
from collm.envs.minecraft.commands import Attack, Fill
from collm.envs.minecraft.spiders import Spiders
from collm.errors import CollmError

FILL = Fill((0, 0, 0), (0, 0, 0), "stone")


def biting(damage: int) -> Spiders:
    """Spiders that do exactly this damage to players with 5 health points."""
    return Spiders(count=1, attack_low=damage, attack_high=damage)


def test_the_seed_of_the_paper_gives_three_one_one() -> None:
    spiders = Spiders()
    assert spiders.attacks == [3, 1, 1]
    assert spiders.damage == 5.0


@pytest.mark.parametrize(("damage", "share"), [(0, 0.0), (3, 0.6), (4, 0.8), (5, 1.0), (9, 1.0)])
def test_damage_is_a_share_of_the_health_points(damage: int, share: float) -> None:
    assert biting(damage).damage_share([FILL]) == pytest.approx(share)
    assert biting(damage).damage_share([]) == pytest.approx(share)


def test_one_attack_drives_all_spiders_away() -> None:
    assert biting(9).damage_share([FILL, Attack("kill")]) == 0.0


def test_no_spiders_no_damage() -> None:
    assert Spiders(count=0).attacks == []
    assert Spiders(count=0).damage_share([]) == 0.0


@given(st.integers(0, 20), st.integers(), st.floats(0.01, 100))
def test_attacks_stay_in_range_and_depend_on_the_seed_alone(count: int, seed: int, hp: float) -> None:
    spiders = Spiders(count=count, seed=seed, player_hp=hp)
    assert spiders.attacks == Spiders(count=count, seed=seed).attacks
    assert all(1 <= attack <= 3 for attack in spiders.attacks)
    assert 0 <= spiders.damage_share([]) <= 1


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"attack_low": 4}, "attack_low must not exceed attack_high"),
        ({"player_hp": 0}, "greater than 0"),
        ({"player_hp": math.inf}, "finite"),
        ({"count": -1}, "greater than or equal to 0"),
        ({"count": 10**12}, "less than or equal to 10000"),
        ({"attack_high": 10**300}, "less than or equal to 1000000"),
        ({"num": 3}, "unknown key"),
    ],
)
def test_bad_values_are_refused(values: dict[str, float], problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        validated(Spiders, values, "env.spiders")
