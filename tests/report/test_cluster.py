from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from collm.config.recipes import load_recipe
from collm.errors import CollmError
from collm.report.cluster import Cluster, OnPaper, cluster_of, on_paper
from collm.report.timing import of_lengths

ADAPTERS = ["with=24gb"]


@cache
def paper(*overrides: str, cluster: str = "1x8xH200") -> OnPaper:
    return on_paper(load_recipe("tldr/collm_cc", list(overrides)), cluster_of(cluster))


def by_role(found: OnPaper) -> Mapping[str, Any]:
    return {one.role: one for one in found.loads}


def test_a_cluster_is_machines_cards_and_which() -> None:
    assert cluster_of("8x4xH200") == Cluster(8, 4, "H200")
    assert cluster_of("8x4xH200").gpus == 32


@pytest.mark.parametrize("text", ["8xH200", "0x8xH200", "8x8xH9000", "axbxH200", ""])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(CollmError, match="--cluster"):
        cluster_of(text)


def test_every_agent_has_a_learner_and_an_engine_and_the_team_a_critic() -> None:
    kinds = [role.split()[0] for role in by_role(paper())]
    assert sorted(kinds) == ["critic", "engine", "engine", "learner", "learner"]


def test_agents_on_one_base_share_workers() -> None:
    kinds = [role.split()[0] for role in by_role(paper(*ADAPTERS))]
    assert sorted(kinds) == ["critic", "engine", "learner"]


def test_replicas_halve_sampling_and_double_what_is_sent() -> None:
    one, two = paper(), paper("placement.type=ray", "placement.engines.replicas=2")
    assert two.phases["sampling"] == pytest.approx(one.phases["sampling"] / 2)
    assert two.phases["weights"] == pytest.approx(2 * one.phases["weights"])
    assert two.phases["learning"] == one.phases["learning"]


def test_several_workers_learn_faster_and_sharded_ones_hold_less() -> None:
    workers = ("placement.type=ray", "placement.learners.workers=4")
    alone, parallel, sharded = paper(), paper(*workers), paper(*workers, "placement.learners.sharded=true")
    roles = [role for role in by_role(alone) if role.startswith("learner")]
    for role in roles:
        one, four, parts = (by_role(found)[role] for found in (alone, parallel, sharded))
        assert (one.count, four.count, parts.count) == (1, 4, 4)
        assert one.memory == four.memory > parts.memory
        assert one.seconds > four.seconds > parts.seconds == pytest.approx(one.seconds / 4)


def test_an_update_is_its_phases_and_no_card_is_busy_for_longer() -> None:
    found = paper()
    assert found.update == pytest.approx(sum(found.phases.values()))
    assert 0 < found.busy < 1
    assert all(one.seconds <= found.update for one in found.loads)


def test_an_engine_needs_less_than_its_learner() -> None:
    loads = by_role(paper())
    names = [role.removeprefix("learner ") for role in loads if role.startswith("learner")]
    assert all(loads[f"engine {name}"].memory < loads[f"learner {name}"].memory for name in names)


def test_what_does_not_fit_is_told() -> None:
    assert any("more than a RTX3090 has" in line for line in paper(cluster="1x8xRTX3090").changes)
    assert any("5 workers are more than 4 cards" in line for line in paper(cluster="1x4xH200").changes)
    assert not any("more than" in line for line in paper(cluster="1x5xH200").changes)


def test_idle_cards_are_given_to_the_longest_phase() -> None:
    config = of_lengths(load_recipe("tldr/collm_cc", []), 300, 200)
    found = on_paper(config, cluster_of("2x8xH200"))
    assert found.phases["sampling"] == max(found.phases.values())
    (change,) = found.changes
    assert change.startswith("11 cards have nothing to do")
    assert "placement.engines.replicas=6" in change
