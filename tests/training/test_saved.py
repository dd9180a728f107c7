"""Learning from what was said before: an earlier run's episodes, or a file of joint pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.agents.context import Context
from collm.agents.team import load_agents
from collm.config.tree import RunConfig
from collm.contract.held import hold
from collm.errors import CollmError
from collm.runs.records import turn_rows
from collm.training.display import Silent
from collm.training.run import train
from collm.training.saved import SavedTree, number_saved, saved_trees
from tests.tiny_runs import Recipe

PAIR: dict[str, Any] = {"task": "01", "chosen": {"a": "0A", "b": "B"}, "rejected": {"a": "1", "b": "B"}}
LATER: dict[str, Any] = {**PAIR, "turns": [{"a": "B", "b": "1"}], "gap": 0.5}


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def written(file: Path, *rows: Any) -> str:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def contexts(config: RunConfig) -> dict[str, Context]:
    return {name: agent.policy.context for name, agent in load_agents(config.agents).items()}


def read(config: RunConfig, place: str) -> list[SavedTree]:
    return saved_trees(place, hold(config.env), contexts(config))


def plain(rows: Iterator[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What does not come from how the replies were drawn."""
    kept = (
        "task",
        "path",
        "turn",
        "observations",
        "replies",
        "reward",
        "raw_reward",
        "terminated",
        "actions",
    )
    return [{key: row[key] for key in kept} for row in rows]


def test_a_pair_becomes_two_siblings_that_the_team_reads_as_its_own(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(env={"type": "probe_credit"})
    one, later = read(config, written(tmp_path / "pairs.jsonl", PAIR, LATER))
    chosen, rejected = one.tree.turns
    assert number_saved(str(tmp_path / "pairs.jsonl"), hold(config.env)) == 2
    assert one.id.endswith("pairs.jsonl[0]")
    assert (chosen.reward, rejected.reward, chosen.t) == (1.0, 0.0, 0)
    assert {name: action.text for name, action in chosen.joint_action.items()} == PAIR["chosen"]
    encoder = contexts(config)["a"]
    action = chosen.joint_action["a"]
    assert encoder.text(action.token_ids) == "0A"
    assert action.token_ids[-1] == encoder.tokenizer.eos_token_id
    assert encoder.tokenizer.decode(action.prompt_ids) == "?"
    before, better, worse = later.tree.turns
    assert (before.reward, better.reward, worse.reward) == (0.0, 0.5, 0.0)
    assert later.tree.parents == (None, 0, 0)
    first = before.joint_action["a"]
    assert better.joint_action["a"].prompt_ids[: len(first.prompt_ids + first.token_ids)] == (
        first.prompt_ids + first.token_ids
    )
    assert better.observations["a"].text == "1"  # what the environment shows after that turn


def test_the_episodes_of_a_run_are_read_as_they_were_played(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(
        algorithm={"type": "magrpo", "num_generations": 2}, critic=None, training={"max_updates": 2}
    )
    train(config, tmp_path / "run", Silent())
    found = read(config, str(tmp_path / "run"))
    files = sorted((tmp_path / "run" / "episodes").glob("update-*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert plain(turn_rows([one.tree for one in found])) == plain(iter(rows))
    assert len(found) == number_saved(str(tmp_path / "run"), hold(config.env)) == 4


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({**PAIR, "task": "22"}, r"\[0\]\.task: .*no task '22'"),
        ({**PAIR, "chosen": {"a": "0"}}, r"at turn 0 there are replies of a\..*one for each of a, b"),
        ({**PAIR, "chosen": {**PAIR["chosen"], "c": "0"}}, "replies of a, b, c"),
        ({**PAIR, "chosen": "good"}, r"\[0\]\.chosen"),
        ({**PAIR, "gap": 0}, r"\[0\]\.gap"),
        ({**PAIR, "score": 1}, r"\[0\]\.score: unknown key"),
        ({**PAIR, "turns": [PAIR["chosen"]] * 2}, "the episode ends at turn 1, and there are replies after"),
        ({"task": "01", "chosen": {}}, "rejected"),
        ([1], "pairs.jsonl"),
    ],
)
def test_a_row_that_does_not_fit_is_named(recipe: Recipe, tmp_path: Path, row: Any, problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        read(recipe(), written(tmp_path / "pairs.jsonl", row))


def test_other_data_than_the_runs_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(training={"max_updates": 1})
    train(config, tmp_path, Silent())
    with pytest.raises(CollmError, match="the environment shows something else"):
        read(recipe(env={"type": "probe_observation"}), str(tmp_path))
    file = next((tmp_path / "episodes").glob("update-*"))
    file.write_text(file.read_text().replace('"task": "', '"task": "other'))
    with pytest.raises(CollmError, match="another task of this environment"):
        read(config, str(tmp_path))
    file.unlink()
    with pytest.raises(CollmError, match="holds no episodes of updates"):
        read(config, str(tmp_path))


@pytest.fixture(scope="module")
def played(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which a team played at random, and a reward model learned from it."""
    out = tmp_path_factory.mktemp("played")
    training = {"epochs": 6, "tasks_per_update": 4, "episodes_per_task": 4}
    config = recipe(
        env={"type": "probe_constant"},
        algorithm={"type": "reward_model", "num_generations": 4},
        training=training,
    )
    train(config, out, Silent())
    return out


def offline(recipe: Recipe, place: Path, **algorithm: Any) -> RunConfig:
    training = {"saved": str(place), "epochs": 4, "tasks_per_update": 16}
    critic: dict[str, Any] | None = None if algorithm["type"] == "madpo" else {}
    return recipe(env={"type": "probe_constant"}, algorithm=algorithm, training=training, critic=critic)


def measures(out: Path, name: str) -> list[float]:
    return [json.loads(line)[name] for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_a_team_learns_from_saved_pairs_without_playing(recipe: Recipe, played: Path, tmp_path: Path) -> None:
    config = offline(recipe, played, type="madpo", update_epochs=3)
    summary = train(config, tmp_path, Silent()).summary
    losses = measures(tmp_path, "preference_loss")
    assert len(losses) == 24
    assert losses[-1] < 0.9 * losses[0] < 0.9 * 0.7
    assert set(measures(tmp_path, "inference_calls")) == {0}
    assert summary["before"]["return_mean"] < 0.8 < summary["after"]["return_mean"]


def test_a_reward_model_learns_from_saved_episodes_and_agents_learn_from_it_later(
    recipe: Recipe, played: Path, tmp_path: Path
) -> None:
    train(offline(recipe, played, type="reward_model", update_epochs=3), tmp_path / "model", Silent())
    accuracy = measures(tmp_path / "model", "preference_accuracy")
    assert accuracy[0] < 0.5 < 0.8 < accuracy[-1]
    config = recipe(
        env={"type": "probe_constant"},
        algorithm={"type": "learned_reward", "reward_learns": False},
        training={"start_from": str(tmp_path / "model"), "epochs": 12, "episodes_per_task": 4},
    )
    summary = train(config, tmp_path / "run", Silent()).summary
    assert summary["before"]["return_mean"] < 0.8 < summary["after"]["return_mean"]
    models = [
        {
            file.name: file.read_bytes()
            for file in sorted(path.glob("checkpoints/*/critics/*/*.safetensors"))[-2:]
        }
        for path in (tmp_path / "model", tmp_path / "run")
    ]
    assert len(models[0]) == 2
    assert models[0] == models[1]


def test_methods_that_need_their_own_play_refuse_it(recipe: Recipe) -> None:
    with pytest.raises(CollmError, match=r"training\.saved: the algorithm collm_cc learns from its own play"):
        recipe(training={"saved": "pairs.jsonl"})
