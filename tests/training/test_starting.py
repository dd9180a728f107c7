from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch import Tensor

from collm.config.tree import RunConfig, make_config, plain
from collm.errors import CollmError
from collm.training.display import Silent
from collm.training.run import train
from tests.tiny_runs import Recipe

SHORT = {"max_updates": 1, "threads": 1}


@pytest.fixture(scope="module")
def earlier(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two updates with a central critic."""
    out = tmp_path_factory.mktemp("starting") / "earlier"
    train(recipe(training={"max_updates": 2}), out, Silent())
    return out


def checkpoint(out: Path) -> Path:
    return sorted((out / "checkpoints").iterdir())[-1]


def weights(folder: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_file(folder / "model.safetensors")
    return found


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(bool((tensor == other[name]).all()) for name, tensor in one.items())


def idle(recipe: Recipe, **training: object) -> RunConfig:
    """A recipe so slow to learn that its weights stay what they were."""
    still = {"optimization": {"learning_rate": 1e-30}}
    return recipe(agents={"*": still}, critic=still, training={**SHORT, **training})


def test_a_run_starts_from_the_weights_of_another(recipe: Recipe, earlier: Path, tmp_path: Path) -> None:
    train(idle(recipe, start_from=str(earlier)), tmp_path / "later", Silent())
    for role in ("agents/a", "agents/b", "critics/central"):
        began = weights(checkpoint(earlier) / role)
        assert equal(weights(checkpoint(tmp_path / "later") / role), began), role
    head = "critics/central/value_head.safetensors"
    assert equal(load_file(checkpoint(tmp_path / "later") / head), load_file(checkpoint(earlier) / head))
    train(idle(recipe), tmp_path / "afresh", Silent())
    afresh = weights(checkpoint(tmp_path / "afresh") / "agents/a")
    assert not equal(afresh, weights(checkpoint(earlier) / "agents/a"))


def test_counters_and_optimizers_start_anew(recipe: Recipe, earlier: Path, tmp_path: Path) -> None:
    start = str(checkpoint(earlier))
    ended = train(recipe(training={**SHORT, "start_from": start}), tmp_path / "later", Silent())
    assert ended.summary["update"] == 1
    saved = (checkpoint(tmp_path / "later") / "optimizers" / "agent-a.pt").read_bytes()
    assert saved != (checkpoint(earlier) / "optimizers" / "agent-a.pt").read_bytes()


def test_a_run_that_started_from_another_resumes_from_itself(
    recipe: Recipe, earlier: Path, tmp_path: Path
) -> None:
    start = {"start_from": str(earlier)}
    train(recipe(training={"max_updates": 2, **start}), tmp_path / "whole", Silent())
    train(recipe(training={"max_updates": 1, **start}), tmp_path / "cut", Silent())
    train(recipe(training={"max_updates": 2, **start}), tmp_path / "cut", Silent(), resume=True)
    for role in ("agents/a", "critics/central"):
        whole, cut = (weights(checkpoint(tmp_path / name) / role) for name in ("whole", "cut"))
        assert equal(whole, cut), role


def test_an_algorithm_without_that_critic_takes_the_agents_alone(
    recipe: Recipe, earlier: Path, tmp_path: Path
) -> None:
    decentralized = recipe(algorithm={"type": "collm_dc"}, training={**SHORT, "start_from": str(earlier)})
    train(decentralized, tmp_path / "later", Silent())
    assert {path.name for path in (checkpoint(tmp_path / "later") / "critics").iterdir()} == {"a", "b"}


def test_a_folder_without_a_team_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    def begin(place: Path) -> None:
        train(recipe(training={"start_from": str(place)}), tmp_path / "later", Silent())

    with pytest.raises(CollmError, match=r"training\.start_from: there is no folder"):
        begin(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CollmError, match="no whole checkpoint here"):
        begin(tmp_path / "empty")
    assert not (tmp_path / "later" / "config.yaml").exists()


def test_a_team_of_other_agents_is_named(recipe: Recipe, earlier: Path, tmp_path: Path) -> None:
    config = recipe(training={"start_from": str(earlier)})
    config = config.model_copy(update={"agents": {**config.agents, "c": config.agents["a"]}})
    with pytest.raises(CollmError, match=r"has no agent c.*that one has a, b"):
        train(config, tmp_path / "later", Silent())


def test_critics_of_other_settings_are_named(recipe: Recipe, earlier: Path, tmp_path: Path) -> None:
    told = r"training\.start_from: .*value_head\.safetensors was saved with other settings"
    start = {**SHORT, "start_from": str(earlier)}
    with pytest.raises(CollmError, match=told):
        train(recipe(critic={"scaled_targets": True}, training=start), tmp_path / "scaled", Silent())
    with pytest.raises(CollmError, match=told):
        train(recipe(critic={"numbers": True}, training=start), tmp_path / "numbers", Silent())
    qmix = {"type": "qmix", "mixer_width": 4}
    train(recipe(algorithm=qmix, training=SHORT), tmp_path / "qmix", Silent())
    start = {**SHORT, "start_from": str(tmp_path / "qmix")}
    with pytest.raises(CollmError, match=r"mixer\.safetensors was saved with other settings"):
        train(recipe(algorithm={**qmix, "mixer_width": 8}, training=start), tmp_path / "wide", Silent())


def test_heads_on_trunks_and_critics_with_models_are_told_apart(recipe: Recipe, tmp_path: Path) -> None:
    apart = plain(recipe(algorithm={"type": "collm_dc"}, training=SHORT))
    joined = {**apart, "critic": {"trunk": "actor"}}
    kinds = {"apart": apart, "joined": joined}
    for name, values in kinds.items():
        train(make_config(values, "recipe"), tmp_path / name, Silent())
    for name, other, told in (("apart", "joined", "is a head alone"), ("joined", "apart", "is a model")):
        start = {**SHORT, "start_from": str(tmp_path / other)}
        with pytest.raises(CollmError, match=told):
            train(make_config({**kinds[name], "training": start}, "recipe"), tmp_path / "later", Silent())


@pytest.mark.parametrize("start", [False, True])
def test_a_model_of_rewards_that_nobody_has_trained_is_refused(
    recipe: Recipe, earlier: Path, tmp_path: Path, start: bool
) -> None:
    config = recipe(
        algorithm={"type": "learned_reward", "reward_learns": False},
        training={**SHORT, "start_from": str(earlier) if start else None},
    )
    with pytest.raises(CollmError, match=r"training\.start_from: the critic reward_model does not learn"):
        train(config, tmp_path / "later", Silent())
