"""Rollouts that are drawn while the update before them learns: which weights draw them, and what is kept."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from math import exp
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

from collm.agents.policy import Policy
from collm.agents.team import Team, load_agents, load_team
from collm.agents.understudy import Understudy
from collm.config.tree import RunConfig, make_config, plain
from collm.contract.held import hold
from collm.errors import CollmError
from collm.rollout import Rollout
from collm.runs.records import turn_rows
from collm.runs.run import Run
from collm.training.collecting import Collector
from collm.training.display import Silent
from collm.training.learning import learn
from collm.training.minibatches import Progress
from collm.training.run import train
from collm.training.schedule import planned_updates
from tests.tiny_runs import Recipe
from tests.training.test_loop import TIMING, checkpoints, checksums, episodes, rows

FILE = "ahead.jsonl"
CLOCKS = TIMING | {"wait_seconds", "overlap_seconds"}
UPDATES = 6
CAPPED = {"ratio_cap": 2.0}


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def ahead(recipe: Recipe, **sections: Any) -> RunConfig:
    training = {"collect_ahead": True, **sections.pop("training", {})}
    algorithm = {**CAPPED, **sections.pop("algorithm", {})}
    return recipe(algorithm=algorithm, training=training, **sections)


def measured(out: Path) -> list[dict[str, Any]]:
    """The rows of ``metrics.jsonl`` without what no two runs share."""
    return [
        {key: value for key, value in row.items() if key not in CLOCKS} for row in rows(out / "metrics.jsonl")
    ]


def waiting(out: Path) -> list[Any]:
    """What the last checkpoint keeps of the next update's rollouts, without clocks."""
    file = out / "checkpoints" / checkpoints(out)[-1] / FILE
    kept = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    return [{key: value for key, value in row.items() if key not in ("seconds", "waited")} for row in kept]


def assert_same(found: Path, expected: Path) -> None:
    assert measured(found) == measured(expected)
    assert rows(found / "evaluations.jsonl") == rows(expected / "evaluations.jsonl")
    first, second = checksums(found), checksums(expected)
    assert {key: one for key, one in first.items() if key != FILE} == {
        key: one for key, one in second.items() if key != FILE
    }
    assert waiting(found) == waiting(expected)
    assert episodes(found) == episodes(expected)


@pytest.fixture(scope="module")
def uninterrupted(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ahead") / "whole"
    train(ahead(recipe), out, Silent())
    return out


# Which weights draw what


def test_every_update_but_the_first_is_drawn_exactly_one_version_behind(uninterrupted: Path) -> None:
    run = Run(uninterrupted)
    assert [row["staleness"] for row in run.metrics] == [0, 1, 1, 1, 1, 1]
    assert [row["versions_behind/a"] for row in run.metrics] == [0, 1, 1, 1, 1, 1]
    for update in range(UPDATES):
        drawn = {tuple(row["versions"].values()) for row in run.episodes[f"update-{update + 1:06d}"]}
        assert drawn == {(max(0, update - 1),) * 2}


def test_versions_behind_are_the_steps_of_the_update_before(recipe: Recipe, tmp_path: Path) -> None:
    config = ahead(recipe, algorithm={"update_epochs": 3}, training={"max_updates": 3})
    train(config, tmp_path, Silent())
    assert [row["versions_behind/b"] for row in rows(tmp_path / "metrics.jsonl")] == [0, 3, 3]


def frozen_of(team: Team) -> dict[int, Any]:
    """Weights of agents that never change; where numbers lie in memory moves their last bit."""
    handles = [agent.learner.weights for agent in team.agents.values()]
    learned = {id(parameter) for handle in handles for parameter in handle.parameters()}
    found: dict[int, Any] = {}
    for handle in handles:
        with handle.model() as model:
            found |= {id(one): one for one in model.parameters() if id(one) not in learned}
    return found


def in_turns(config: RunConfig) -> tuple[Team, list[dict[str, Any]], list[list[Any]]]:
    """The obvious form: one thread, and of the weights that an update begins with a copy of everything."""
    torch.set_num_threads(1)
    env = hold(config.env)
    critics = config.algorithm.critics(env.agents)
    team = load_team(config.agents, config.critic, critics, None, config.seed)
    tasks = env.tasks("train")
    collector = Collector(config, env, tasks)
    planned = planned_updates(config.training, len(tasks))
    grown, metrics, episodes = collector.draw(team.policies, 0), [], []
    for update in range(planned):
        older: Mapping[str, Policy] = deepcopy(dict(team.policies), frozen_of(team))
        progress = Progress(config.seed, update, planned, staleness=int(update > 0))
        record = learn(config.algorithm, team.agents, team.value_models, grown.sound, progress)
        metrics.append(dict(record.metrics))
        episodes.append(list(turn_rows(grown.trees, record)))
        if update + 1 < planned:
            grown = collector.draw(older, update + 1)
    return team, metrics, episodes


SECTIONS: Mapping[str, Mapping[str, Any]] = {
    "collm_cc": {},
    "steps": {"algorithm": {"minibatch_size": 1, "update_epochs": 2}},
    "mappo": {"algorithm": {"type": "mappo", "ratio_cap": None}},
    "adapters": {"agents": {"*": {"adapter": {"r": 4}, "gradient_checkpointing": True}}},
    "one base": {"agents": {"*": {"adapter": {"r": 4}}}, "critic": {"adapter": {"r": 4}}},
    "shared": {"agents": {"b": {"shares": "a"}}},
    "frozen": {"agents": {"b": {"frozen": True}}},
    "a trunk": {"algorithm": {"type": "collm_dc"}, "critic": None},
    "probes": {"algorithm": {"type": "remax"}, "critic": None},
}


def made(recipe: Recipe, name: str, **training: Any) -> RunConfig:
    sections = {"training": {"epochs": 2, **training}, **SECTIONS[name]}
    if name == "one base":
        model = plain(recipe())["critic"]["model"]
        sections["agents"] = {**sections["agents"], "a": {"model": model}, "b": {"model": model}}
    if name == "shared":
        sections["agents"] = {"b": {"shares": "a", "model": recipe().agents["a"].model}}
    if name != "a trunk":
        return ahead(recipe, **sections)
    values = plain(ahead(recipe, algorithm={"type": "collm_dc"}, training=sections["training"]))
    return make_config({**values, "critic": {"trunk": "actor"}}, "recipe")


@pytest.mark.parametrize("name", SECTIONS)
def test_a_run_equals_the_one_that_does_one_thing_after_the_other(
    recipe: Recipe, name: str, tmp_path: Path
) -> None:
    config = made(recipe, name)
    train(config, tmp_path, Silent())
    team, metrics, played = in_turns(config)
    found = measured(tmp_path)
    assert [{key: row[key] for key in one} for row, one in zip(found, metrics, strict=True)] == metrics
    assert [kept for _, kept in sorted(episodes(tmp_path).items()) if "evaluation" not in _] == played
    team.save(tmp_path / "team", optimizers=False)
    last = tmp_path / "checkpoints" / checkpoints(tmp_path)[-1]
    for file in sorted((tmp_path / "team").rglob("*.safetensors")):
        assert file.read_bytes() == (last / file.relative_to(tmp_path / "team")).read_bytes()


def test_numbers_do_not_depend_on_who_is_faster(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the drawing begins, it sees nothing of the steps that are taken meanwhile."""
    draw, places = Collector.draw, []

    def late(self: Collector, policies: Mapping[str, Policy], update: int) -> Rollout:
        places.append((update, threading.current_thread().name))
        time.sleep(random.choice((0.0, 0.3)))
        return draw(self, policies, update)

    monkeypatch.setattr(Collector, "draw", late)
    for name in ("one", "other"):
        train(ahead(recipe, training={"epochs": 1, "max_updates": 2}), tmp_path / name, Silent())
    assert_same(tmp_path / "one", tmp_path / "other")
    assert places == [(0, "MainThread"), (1, "ahead_0")] * 2


def test_clocks_tell_what_was_waited_for(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Collector.draw

    def slow(self: Collector, policies: Mapping[str, Policy], update: int) -> Rollout:
        time.sleep(1.0)
        return draw(self, policies, update)

    monkeypatch.setattr(Collector, "draw", slow)
    train(ahead(recipe, training={"max_updates": 2}), tmp_path, Silent())
    first, second = Run(tmp_path).metrics
    assert first["overlap_seconds"] == 0
    assert first["wait_seconds"] == first["rollout_seconds"] >= 1
    assert second["overlap_seconds"] > 0
    assert second["wait_seconds"] + second["overlap_seconds"] == pytest.approx(second["rollout_seconds"])
    total = sum(row["wait_seconds"] + row["learn_seconds"] for row in (first, second))
    assert second["seconds"] == pytest.approx(total)


def test_weights_that_did_not_follow_are_refused(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow, told = Understudy.follow, []

    def at_first_alone(self: Understudy) -> None:
        told.append(self)
        if len(told) <= 2:
            follow(self)

    monkeypatch.setattr(Understudy, "follow", at_first_alone)
    with pytest.raises(CollmError, match=r"drawn with version 0 of its weights, and .* began with 1"):
        train(ahead(recipe), tmp_path, Silent())


def test_ratios_are_those_to_the_weights_that_drew(recipe: Recipe, tmp_path: Path) -> None:
    """What the update before has learned is in them from the first step on."""
    train(ahead(recipe, training={"max_updates": 4, "checkpoint_every": 1}), tmp_path, Silent())
    config, third = ahead(recipe), tmp_path / "checkpoints" / "update-000003"
    kept = [json.loads(line) for line in (third / FILE).read_text().splitlines()][1:]
    for name, agent in load_agents(config.agents, third).items():
        drawn = [turn["joint_action"][name] for row in kept for turn in row["turns"]]
        pairs = [(tuple(one["prompt_ids"]), tuple(one["token_ids"])) for one in drawn]
        changes = [
            sum(now) - sum(one["token_logprobs"])
            for now, one in zip(agent.learner.logprobs(pairs), drawn, strict=True)
        ]
        found = rows(tmp_path / "metrics.jsonl")[3][f"ratio/{name}"]
        assert found == pytest.approx(fmean(map(exp, changes)), abs=1e-5)
        assert abs(found - 1) > 1e-3


def test_in_half_precision_the_older_weights_score_their_replies_as_a_step_would(
    recipe: Recipe, tmp_path: Path
) -> None:
    """What sampling rounds otherwise would pass for a change of the policy."""
    config = ahead(recipe, agents={"*": {"dtype": "bfloat16"}}, training={"max_updates": 1})
    train(config, tmp_path, Silent())
    env = hold(config.env)
    critics = config.algorithm.critics(env.agents)
    team = load_team(config.agents, config.critic, critics, None, config.seed)
    drawn = Collector(config, env, env.tasks("train")).draw(team.policies, 1)
    kept = [turn["joint_action"] for row in waiting(tmp_path)[1:] for turn in row["turns"]]
    for name, agent in team.agents.items():
        own = [turn.joint_action[name] for tree in drawn.trees for turn in tree.turns]
        scored = agent.learner.logprobs([(one.prompt_ids, one.token_ids) for one in own])
        assert [tuple(one[name]["token_ids"]) for one in kept] == [one.token_ids for one in own]
        assert [tuple(one[name]["token_logprobs"]) for one in kept] == scored
        assert scored != [one.token_logprobs for one in own]
