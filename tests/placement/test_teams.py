from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from collm.agents.team import Team
from collm.config.merging import merged
from collm.config.tree import RunConfig
from collm.contract.held import Held
from collm.env import AnyEnvironment
from collm.errors import CollmError
from collm.placement.base import LocalPlace
from collm.placement.grading import GraderHost
from collm.placement.stand_ins import GradedElsewhere
from collm.placement.teams import open_elsewhere, roles
from collm.training.display import Silent
from collm.training.run import train
from tests.placement.runs import assert_same_results, of_one_policy
from tests.placement.seats import HereCrew
from tests.tiny_runs import Recipe

RAY: dict[str, Any] = {"type": "ray", "engines": {"replicas": 2}, "graders": {"workers": 2}}
LOCAL: dict[str, Any] = {"type": "local"}
ROWS = {"*": {"batch_rows": 3}}


class HerePlace(LocalPlace):
    """A place whose workers are in this process."""

    def __init__(self, config: RunConfig) -> None:
        self._config, self.crew = config, HereCrew()

    def environment(self, held: Held) -> Held:
        seats = [self.crew.hold(f"grader {number}", GraderHost, held.env)[0] for number in range(2)]
        return replace(held, env=cast(AnyEnvironment, GradedElsewhere(held.env, seats)))

    def team(self, config: RunConfig, critics: Iterable[str], checkpoint: Path | None, numbers: int) -> Team:
        return open_elsewhere(config, critics, checkpoint, self.crew, numbers)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is placed on Ray finds workers in this process."""

    def place(config: RunConfig, critics: Iterable[str], note: Callable[[str], None]) -> HerePlace:
        return HerePlace(config)

    import collm.placement.ray_place

    monkeypatch.setattr(collm.placement.ray_place, "RayPlace", place)


ALGORITHMS: list[dict[str, Any]] = [
    {"algorithm": {"type": "collm_cc"}},
    {"algorithm": {"type": "collm_dc"}},
    {"algorithm": {"type": "collm_cc", "minibatch_size": 3, "reference_kl": 0.1, "update_epochs": 2}},
    {"algorithm": {"type": "magrpo", "num_generations": 3}, "critic": None},
    {"algorithm": {"type": "collm_cc"}, "critic": {"scaled_targets": True}},
    {"algorithm": {"type": "collm_dc"}, "critic": {"numbers": True}},
    {"algorithm": {"type": "qmix"}},
    {"algorithm": {"type": "madpo"}, "critic": None},
    {"algorithm": {"type": "collm_cc"}, "agents": {"b": {"frozen": True}}},
]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("sections", ALGORITHMS, ids=lambda sections: str(sections["algorithm"]))
def test_a_run_elsewhere_is_the_run_here_bit_for_bit(
    recipe: Recipe, sections: dict[str, Any], tmp_path: Path
) -> None:
    sections = merged({"agents": ROWS}, sections)
    train(recipe(**sections), tmp_path / "here", Silent())
    train(recipe(**sections, placement=RAY), tmp_path / "there", Silent())
    assert_same_results(tmp_path / "there", tmp_path / "here")


@pytest.mark.usefixtures("elsewhere")
def test_adapters_on_one_base_are_trained_together_elsewhere(recipe: Recipe, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    model = recipe().agents["a"].model
    shared = {
        "*": {"batch_rows": 3, "model": model, "adapter": {"r": 2}},
        "a": {"model": model},
        "b": {"model": model},
    }
    train(recipe(agents=shared), tmp_path / "here", Silent())
    train(recipe(agents=shared, placement=RAY), tmp_path / "there", Silent())
    assert_same_results(tmp_path / "there", tmp_path / "here")


@pytest.mark.usefixtures("elsewhere")
def test_a_shared_policy_is_one_elsewhere(recipe: Recipe, tmp_path: Path) -> None:
    train(of_one_policy(recipe, agents=ROWS), tmp_path / "here", Silent())
    train(of_one_policy(recipe, agents=ROWS, placement=RAY), tmp_path / "there", Silent())
    assert_same_results(tmp_path / "there", tmp_path / "here")


@pytest.mark.usefixtures("elsewhere")
def test_a_run_goes_on_elsewhere_and_back_here(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe(agents=ROWS), tmp_path / "here", Silent())
    out = tmp_path / "there"
    for updates, placement in ((2, LOCAL), (4, RAY), (6, LOCAL)):
        train(
            recipe(agents=ROWS, placement=placement, training={"max_updates": updates}),
            out,
            Silent(),
            resume=updates > 2,
        )
    last = tmp_path / "whole"
    train(recipe(agents=ROWS, training={"max_updates": 6}), last, Silent())
    assert_same_results(out, last)


def test_agents_that_share_a_base_share_workers(recipe: Recipe) -> None:
    own = recipe(placement=RAY)
    assert [role for role, _ in roles(own, ["team"])] == [
        "grader 1",
        "grader 2",
        "learner a",
        "engine 1 of a",
        "engine 2 of a",
        "learner b",
        "engine 1 of b",
        "engine 2 of b",
        "critic team",
    ]
    adapters = {name: {"model": own.agents["a"].model, "adapter": {}} for name in ("a", "b")}
    shared = recipe(agents=adapters, placement={"type": "ray"})
    assert [role for role, _ in roles(shared, ["team"])] == ["learner a b", "engine 1 of a b", "critic team"]


def test_a_learner_may_have_several_workers(recipe: Recipe) -> None:
    config = recipe(placement={"type": "ray", "learners": {"workers": 3, "sharded": True}})
    assert [role for role, _ in roles(config, ["team"])] == [
        "learner a",
        "learner 2 of a",
        "learner 3 of a",
        "engine 1 of a",
        "learner b",
        "learner 2 of b",
        "learner 3 of b",
        "engine 1 of b",
        "critic team",
    ]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"adapter": {}}, "agents.a.adapter"),
        ({"optimization": {"optimizer": "adamw_8bit"}}, "agents.a.optimization.optimizer"),
        ({"optimization": {"optimizer": "adamw_offload"}}, "agents.a.optimization.optimizer"),
        ({"activation_offload": True}, "agents.a.activation_offload"),
    ],
)
def test_what_cannot_be_sharded_is_refused_and_data_parallel_taken(
    recipe: Recipe, settings: dict[str, Any], field: str
) -> None:
    several = {"type": "ray", "learners": {"workers": 2}}
    recipe(agents={"a": settings}, placement=several)
    several["learners"] = {"workers": 2, "sharded": True}
    with pytest.raises(CollmError, match=f"{field}: .*placement.learners.sharded"):
        recipe(agents={"a": settings}, placement=several)


def test_placements_are_refused_where_they_say_nothing(recipe: Recipe) -> None:
    for placement, field in (
        ({"type": "local", "address": "auto"}, "placement.address"),
        ({"type": "slurm"}, "placement.type"),
        ({"type": "ray", "adress": "auto"}, "placement.adress"),
        ({"type": "ray", "address": "ray://head"}, "placement.address"),
        ({"type": "ray", "engines": {"replicas": 0}}, "placement.engines.replicas"),
        ({"type": "ray", "learners": {"workers": 0}}, "placement.learners.workers"),
        ({"type": "ray", "learners": {"sharded": True}}, "placement.learners: .*set workers"),
    ):
        with pytest.raises(CollmError, match=field):
            recipe(placement=placement)
