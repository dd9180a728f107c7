from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collm.base.seeding import derive

parts = st.lists(st.one_of(st.integers(), st.text()), max_size=4)


def test_seeds_do_not_change_between_releases() -> None:
    assert derive(0) == 4246866556266386882
    assert derive(0, "rollout", 3, "player_1") == 253686253833386183


@given(st.integers(), parts)
def test_a_seed_depends_on_its_purpose_alone_and_fits_63_bits(seed: int, purpose: list[int | str]) -> None:
    assert derive(seed, *purpose) == derive(seed, *purpose)
    assert 0 <= derive(seed, *purpose) < 2**63


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_purposes_that_look_alike_differ(seed: int, one: int, other: int) -> None:
    assert derive(seed, one) != derive(seed, str(one))
    assert derive(seed, one, other) != derive(seed, int(f"{one}{other}"))
    assert derive(seed, one) != derive(seed + 1, one)
