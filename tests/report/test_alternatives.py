"""Tokens of alternatives, held to trees that were grown with them."""

from __future__ import annotations

from typing import Any

import pytest

from collm.agents.config import CriticConfig
from collm.agents.views import critic_input
from collm.algorithms.base import CriticView
from collm.algorithms.c3 import C3
from collm.algorithms.coma import COMA
from collm.config.recipes import load_recipe
from collm.config.tree import RunConfig
from collm.report.alternatives import learned_beside, learned_probes, read_beside
from collm.report.fitting import peaks_of
from collm.report.rates import Rates
from collm.report.timing import seconds
from tests.report.test_work import GAME, drawn

UNIT = Rates("a test", 1e9, 1e9, 1e5)


def recipe(kind: str, *overrides: str) -> RunConfig:
    base = ["env.num_turns=3", "agents.*.sampling.max_tokens=10", f"algorithm={{type: {kind}}}"]
    return load_recipe("demo", [*base, *overrides])


def test_c3_learns_from_every_alternative() -> None:
    grown, _ = drawn(C3(alternatives=2))
    learned = [turn for turn in grown.trees[0].turns if turn.learned]
    config = recipe("c3, alternatives: 2", "critic=null")
    assert len(learned) == GAME.turns * (1 + learned_probes(config))
    assert learned_beside(config, "player_1") == 3 * 2 * 10


def test_comas_critic_reads_what_it_compares_with() -> None:
    tree = drawn(COMA(alternatives=2))[0].trees[0]
    read = critic_input(tree, CriticView(reads=("after",)))
    config = recipe("coma, alternatives: 2")
    assert isinstance(config.critic, CriticConfig)
    beside = len([place for place in read.after if place is not None]) - GAME.turns
    assert read_beside(config, config.critic, None) == beside * (10 + 10)
    assert learned_beside(config, "player_1") == learned_probes(config) == 0


@pytest.mark.parametrize("kind", ["collm_cc", "collm_dc", "magrpo"])
def test_others_read_nothing_else(kind: str) -> None:
    config = recipe(kind, *(["critic=null"] if kind == "magrpo" else []))
    assert learned_beside(config, "player_1") == 0
    assert read_beside(config, CriticConfig(model="any"), None) == 0


def test_alternatives_take_memory_and_time() -> None:
    small = ["critic.context=100", "critic.batch_tokens=100"]  # a row is never cut
    few, many = (recipe(f"coma, alternatives: {number}", *small) for number in (1, 20))
    assert critic_of(few)[0] < critic_of(many)[0]
    assert critic_of(few)[1] < critic_of(many)[1]


def critic_of(config: RunConfig) -> tuple[Any, float]:
    """The peak of the critic's update, and the seconds that it learns."""
    (peaks,) = peaks_of(config).values()
    whole = {one.role: one for one in seconds(config, UNIT)}
    return next(peak for name, peak in peaks.items() if "critic" in name), whole["critic central"].learning
