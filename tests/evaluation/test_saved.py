from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from collm.agents.policy import Policy, Request
from collm.agents.team import Team, load_agents
from collm.config.tree import RunConfig, plain
from collm.errors import CollmError
from collm.evaluation.saved import open_team
from collm.runs.folder import Counters, RunFolder
from collm.types import History, Observation
from tests.checkpoints import save_letters
from tests.tiny_agents import model_of
from tests.tiny_runs import SPOKEN, Recipe


def reply_tokens(policies: Mapping[str, Policy]) -> dict[str, int]:
    """How long each agent's replies are."""
    request = Request(History(), Observation("01", raw=True), (0,))
    found = {}
    for name, policy in policies.items():
        ((action,),) = policy.submit([request], False, False).result()
        found[name] = len(action.token_ids)
    return found


def saved_run(path: Path, config: RunConfig, *updates: int) -> RunFolder:
    """A run of the untrained team, with checkpoints."""
    folder = RunFolder(path)
    folder.start(config)
    for update in updates:
        folder.save(Team(load_agents(config.agents), {}), config, Counters(update=update))
    return folder


@pytest.fixture
def config(recipe: Recipe) -> RunConfig:
    return recipe(algorithm={"type": "magrpo"}, critic=None)


def test_a_run_is_its_newest_checkpoint(tmp_path: Path, config: RunConfig) -> None:
    saved_run(tmp_path, config, 1, 2)
    found, policies, name = open_team(str(tmp_path), [])
    assert plain(found) == plain(config)
    assert list(policies) == ["a", "b"]
    assert name == str(tmp_path / "checkpoints" / "update-000002")


def test_a_checkpoint_is_opened_by_itself(tmp_path: Path, config: RunConfig) -> None:
    saved_run(tmp_path, config, 1, 2)
    checkpoint = tmp_path / "checkpoints" / "update-000001"
    assert open_team(str(checkpoint), [])[2] == str(checkpoint)


def test_a_recipe_is_its_untrained_team(tmp_path: Path, config: RunConfig) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(plain(config)))
    assert open_team(str(file), ["evaluation.samples=3"])[2] == f"{file} (untrained)"


def test_overrides_change_the_evaluation(tmp_path: Path, config: RunConfig) -> None:
    saved_run(tmp_path, config, 1)
    found, policies, _ = open_team(str(tmp_path), ["evaluation.samples=3", "agents.a.sampling.max_tokens=7"])
    assert found.evaluation.samples == 3
    assert reply_tokens(policies)["b"] <= 2 < reply_tokens(policies)["a"]


def test_an_override_for_all_agents_reaches_each_of_a_stored_run(tmp_path: Path, config: RunConfig) -> None:
    saved_run(tmp_path, config, 1)
    found, policies, _ = open_team(str(tmp_path), ["agents.*.sampling.max_tokens=1"])
    assert [agent.sampling.max_tokens for agent in found.agents.values()] == [1, 1]
    assert reply_tokens(policies) == {"a": 1, "b": 1}


def test_an_evaluation_may_be_greedy_throughout(tmp_path: Path, config: RunConfig) -> None:
    saved_run(tmp_path / "run", config, 1)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(plain(config)))
    for place in ("run", "mine.yaml"):
        found, _, _ = open_team(str(tmp_path / place), ["agents.*.sampling.temperature=0"])
        assert [agent.sampling.temperature for agent in found.agents.values()] == [0, 0]


def test_the_saved_weights_are_opened_and_not_those_of_the_recipe(tmp_path: Path, config: RunConfig) -> None:
    own = {"a": {**plain(config)["agents"]["a"], "model": str(save_letters(tmp_path / "model", SPOKEN))}}
    team = Team(load_agents(config.agents), {})
    model_of(team.agents["a"]).lm_head.weight.data.fill_(0.25)
    folder = RunFolder(tmp_path / "run")
    folder.start(config)
    folder.save(team, config, Counters(update=1))
    _, policies, _ = open_team(str(tmp_path / "run"), [f"agents.a.model={own['a']['model']}"])
    request = Request(History(), Observation("01", raw=True), (0,))
    ((action,),) = policies["a"].submit([request], False, False).result()
    # a head of equal rows makes every token equally likely
    letters = len(team.agents["a"].policy.context.tokenizer)
    assert action.token_logprobs == pytest.approx([-math.log(letters)] * len(action.token_ids))


def test_a_damaged_checkpoint_is_refused_by_name_and_passed_over_in_a_run(
    tmp_path: Path, config: RunConfig
) -> None:
    saved_run(tmp_path, config, 1, 2)
    newest = tmp_path / "checkpoints" / "update-000002"
    (newest / "agents" / "a" / "config.json").write_text("{}")
    lines: list[str] = []
    assert open_team(str(tmp_path), [], warn=lines.append)[2].endswith("update-000001")
    assert [line.split(" (")[0] for line in lines] == [
        f"{newest} is damaged",
        f"Taking {tmp_path / 'checkpoints' / 'update-000001'}.",
    ]
    with pytest.raises(CollmError, match=r"the checkpoint is damaged: agents/a/config.json"):
        open_team(str(newest), [])


def test_a_run_without_a_checkpoint_has_no_team(tmp_path: Path, config: RunConfig) -> None:
    saved_run(tmp_path, config)
    with pytest.raises(CollmError, match="no whole checkpoint here"):
        open_team(str(tmp_path), [])


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match=r"no config.yaml here"):
        open_team(str(tmp_path), [])
