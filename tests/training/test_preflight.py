"""What can be known about a run is checked before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest

from collm.agents.team import load_team
from collm.config.tree import RunConfig, make_config
from collm.env import Environment, Split, Transition, make_env
from collm.envs.custom import Row
from collm.errors import CollmError, InfrastructureError
from collm.runs.run import Run
from collm.training.display import Silent
from collm.training.preflight import _BONUS, _LOGGED, check_reading, check_tasks
from collm.training.run import train
from collm.types import Observation, Observations, Tree
from tests.checkpoints import CHATML, save_qwen2, save_qwen3
from tests.tiny_runs import Recipe


class Debate(Environment[Row, int]):
    """Two turns; each agent may get a reward of its own."""

    type: Literal["debate"] = "debate"
    num_turns: int = 2
    split_rewards: bool = False
    metric: str = "volume"

    @property
    def agents(self) -> tuple[str, ...]:
        return "pro", "contra"

    @property
    def reward_range(self) -> tuple[float, float]:
        return 0.0, 1.0

    def tasks(self, split: Split) -> Sequence[Row]:
        return [Row("one", {}), Row("two", {})] if split == "train" else [Row("two", {}), Row("three", {})]

    def parse_task(self, row: Mapping[str, object], where: str) -> Row:
        return Row(where, row)

    def reset(self, task: Row, seed: int) -> int:
        return 0

    def observe(self, state: int) -> Observations:
        return {agent: Observation(f"Speak at turn {state}") for agent in self.agents}

    def step(self, state: int, replies: Mapping[str, str]) -> Transition[int]:
        shares = {"pro": 1.0, "contra": 0.0} if self.split_rewards else None
        metrics = {self.metric: 1.0}
        return Transition(state + 1, 0.5, metrics=metrics, terminated=state == 1, agent_rewards=shares)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_qwen3(folder / "qwen3", width=16, layers=1)
    save_qwen2(folder / "qwen2", width=16, layers=1)
    save_qwen3(folder / "bare", width=16, layers=1, template=None)
    (folder / "chat.jinja").write_text(CHATML)
    return folder


def config_of(
    models: Path, algorithm: str = "collm_cc", model: str = "qwen3", split_rewards: bool = False
) -> RunConfig:
    """A recipe for the debate; make_config gets another environment of these agents, and the debate after."""
    env = Debate(split_rewards=split_rewards)
    prompts = dict.fromkeys(env.agents, "x")
    values = {
        "env": {"type": "custom", "prompts": prompts, "dataset": "x", "reward": "math:sqrt"},
        "algorithm": {"type": algorithm},
        "agents": {
            "*": {"context": 128},
            "pro": {"model": str(models / model)},
            "contra": {"model": str(models / "qwen2")},
        },
        "critic": {"model": str(models / "qwen3")},
    }
    return make_config(values, "here").model_copy(update={"env": env})


def check_team(config: RunConfig, trial: Tree) -> None:
    """Open the team of a recipe and let all of it read the trial."""
    critics = config.algorithm.critics(list(config.agents))
    check_reading(load_team(config.agents, config.critic, critics), critics, trial)


def test_both_splits_are_read_and_the_first_task_is_played() -> None:
    warnings: list[str] = []
    tasks, trial = check_tasks(Debate(), warnings.append)
    assert [task.id for task in tasks] == ["one", "two"]
    assert (trial.task.id, [turn.t for turn in trial.turns]) == ("one", [0, 1])
    assert warnings == ["Mind: 1 of 2 test tasks are training tasks too."]


class Unreached(Debate):
    """Its world cannot be reached."""

    type: Literal["unreached"] = "unreached"  # type: ignore[assignment]

    def reset(self, task: Row, seed: int) -> int:
        raise InfrastructureError("the world is down")


def test_a_trial_that_fails_is_told_and_does_not_end_the_run(models: Path) -> None:
    warnings: list[str] = []
    _, trial = check_tasks(Unreached(), warnings.append)
    assert warnings[-1].startswith("Mind: the trial episode failed: the world is down.")
    check_team(config_of(models), trial)


def test_separate_splits_raise_no_warning() -> None:
    warnings: list[str] = []
    check_tasks(make_env({"type": "housebuild"}), warnings.append)
    assert warnings == []


@pytest.mark.parametrize("name", ["update", "tokens", "return_mean", "name"])
def test_a_metric_named_as_a_key_of_the_logs_is_refused(name: str) -> None:
    with pytest.raises(CollmError, match=f"environment 'debate': the metric '{name}'"):
        check_tasks(Debate(metric=name), print)


def test_the_keys_that_are_refused_are_those_of_the_logs(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe(training={"max_updates": 1}), tmp_path, Silent())
    logs = Run(tmp_path)
    keys = set().union(*logs.metrics, *logs.evaluations)
    own = {key for key in keys if "/" not in key and not key.startswith(("greedy_", "final_"))}
    assert own - {"chosen"} == _LOGGED - set(_BONUS.split())


@pytest.mark.parametrize("algorithm", ["collm_cc", "collm_dc"])
def test_a_team_that_can_read_passes(models: Path, algorithm: str) -> None:
    config = config_of(models, algorithm)
    _, trial = check_tasks(config.env, print)
    check_team(config, trial)


def test_a_centralized_critic_is_refused_where_agents_have_rewards_of_their_own(models: Path) -> None:
    config = config_of(models, split_rewards=True)
    _, trial = check_tasks(config.env, print)
    with pytest.raises(CollmError, match="a centralized critic needs a joint reward"):
        check_team(config, trial)
    config = config_of(models, "collm_dc", split_rewards=True)
    check_team(config, trial)


def test_a_missing_template_is_refused_and_can_be_given(models: Path) -> None:
    config = config_of(models, model="bare")
    _, trial = check_tasks(config.env, print)
    with pytest.raises(CollmError, match=r"agents\.pro: the tokenizer has no chat template"):
        check_team(config, trial)
    given = {"pro": config.agents["pro"].model_copy(update={"chat_template": str(models / "chat.jinja")})}
    check_team(config.model_copy(update={"agents": {**config.agents, **given}}), trial)
