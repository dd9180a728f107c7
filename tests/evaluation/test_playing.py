from __future__ import annotations

import json
from pathlib import Path

import pytest

from collm.config.tree import EvaluationConfig
from collm.errors import CollmError
from collm.evaluation.evaluate import evaluate
from collm.evaluation.kept import Kept
from collm.evaluation.pass_at_k import pass_at_k
from collm.evaluation.playing import PlayedEvaluation, evaluate_by
from collm.protocols.discussion import Discussion
from collm.protocols.parallel import Parallel
from tests.protocols.scripted import Words, team

SAMPLED = EvaluationConfig(samples=5, greedy=False)


def found_by(config: EvaluationConfig, **settings: object) -> PlayedEvaluation:
    env = Words(num_turns=2)
    return evaluate_by(Parallel(), env, team([], a=str.upper, b=str), config, 3, **settings)  # type: ignore[arg-type]


def test_parallel_play_measures_what_a_run_measures() -> None:
    config = EvaluationConfig(samples=2)
    ours = found_by(config, batch=3).measures
    theirs = evaluate(Words(num_turns=2), team([], a=str.upper, b=str), config, 3).measures
    for name, value in theirs.items():
        assert ours[name.replace("tokens", "tokens_mean")] == value, name
    assert ours["messages_mean"] == 4.0


def test_the_batch_changes_neither_the_noise_nor_the_order() -> None:
    seeds = []
    for batch in (1, 3, 100):
        players = team([], a=str, b=str)
        found = evaluate_by(Parallel(), Words(), players, EvaluationConfig(samples=3), 3, batch=batch)
        seeds.append([request.seeds for request in players["a"].requests])
        assert [(row["task"], row["sample"], row["greedy"]) for row in found.rows] == [
            *[(task, sample, False) for task in ("one", "two") for sample in range(3)],
            ("one", 0, True),
            ("two", 0, True),
        ]
    assert seeds[0] == seeds[1] == seeds[2]


def test_pass_at_k_is_the_unbiased_estimate_averaged_over_problems() -> None:
    count = iter(range(100))

    def sometimes(text: str) -> str:
        """Of five samples of each task, passes at the first two of one and at none of two."""
        return "yes" if text.startswith("one") and next(count) % 5 < 2 else "no"

    env, players = Words(), team([], a=sometimes, b=lambda text: "")
    found = evaluate_by(Parallel(), env, players, SAMPLED, 3, batch=1)
    for k in (1, 3, 5, 10):
        assert found.measures[f"pass_at_{k}"] == pytest.approx((pass_at_k(5, 2, k) + 0.0) / 2)
    assert found.measures["pass_at_1"] == pytest.approx(0.2)
    assert found.measures["pass_at_3"] == pytest.approx(0.45)
    assert found.intervals["pass_at_1"] == pytest.approx((0.0, 0.4))


def test_there_is_no_pass_at_k_of_greedy_play() -> None:
    assert not any(name.startswith("greedy_pass_at") for name in found_by(EvaluationConfig()).measures)


def test_intervals_are_over_tasks_and_not_over_their_samples() -> None:
    says = {"a": lambda text: "12345" if text.startswith("one") else "1", "b": lambda text: ""}
    found = evaluate_by(Parallel(), Words(), team([], **says), SAMPLED, 3)
    assert found.measures["reward_mean"] == 3.0
    assert found.intervals["reward_mean"] == (1.0, 5.0)
    assert found.intervals["turns_mean"] == (1.0, 1.0)


def test_tokens_count_every_reply_and_not_only_those_that_score() -> None:
    said = iter(["1", "1", "333", "333"])
    players = team([], a=lambda text: next(said), b=lambda text: next(said))
    config = EvaluationConfig(tasks=1, greedy=False)
    found = evaluate_by(Discussion(rounds=2), Words(), players, config, 3).measures
    assert (found["tokens_mean"], found["messages_mean"], found["reward_mean"]) == (2.0, 4.0, 6.0)


def test_an_interrupted_evaluation_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole = found_by(SAMPLED)
    left = 7

    def until(text: str) -> str:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return text.upper()

    with pytest.raises(KeyboardInterrupt):
        evaluate_by(
            Parallel(),
            Words(num_turns=2),
            team([], a=until, b=str),
            SAMPLED,
            3,
            batch=1,
            kept=Kept(tmp_path, {}),
        )
    file = tmp_path / "episodes.jsonl"
    before = file.read_text()
    assert before.count("\n") == 3
    file.write_text(before + before[:20])  # as a kill leaves it
    players = team([], a=str.upper, b=str)
    steps: list[tuple[int, int]] = []
    again = evaluate_by(
        Parallel(),
        Words(num_turns=2),
        players,
        SAMPLED,
        3,
        batch=4,
        kept=Kept(tmp_path, {}),
        advanced=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(3, 10), (7, 10), (10, 10)]
    assert len(players["a"].requests) == 7 * 2
    assert {name: value for name, value in again.measures.items() if "seconds" not in name} == {
        name: value for name, value in whole.measures.items() if "seconds" not in name
    }
    rows = file.read_text().splitlines()
    assert rows[:3] == before.splitlines()
    assert [json.loads(row) for row in rows] == list(again.rows)


def test_failed_episodes_are_counted_in_nothing_else_and_played_again(tmp_path: Path) -> None:
    def breaks(text: str) -> str:
        return "broken" if text.startswith("two") else "fine"

    config = EvaluationConfig(greedy=False)
    players = team([], a=breaks, b=lambda text: "")
    found = evaluate_by(Parallel(), Words(), players, config, 3, kept=Kept(tmp_path, {}))
    assert (found.measures["failures"], found.measures["reward_mean"]) == (1.0, 4.0)
    mended = team([], a=lambda text: "mended", b=lambda text: "")
    found = evaluate_by(Parallel(), Words(), mended, config, 3, kept=Kept(tmp_path, {}))
    assert (found.measures["failures"], found.measures["reward_mean"]) == (0.0, 5.0)
    assert len(mended["a"].requests) == 1


def test_an_evaluation_in_which_all_failed_is_an_error() -> None:
    with pytest.raises(CollmError, match="every episode failed: the sandbox died"):
        evaluate_by(Parallel(), Words(), team([], a=lambda text: "broken", b=str), SAMPLED, 3)


def test_a_folder_of_another_evaluation_or_with_a_broken_row_is_refused(tmp_path: Path) -> None:
    Kept(tmp_path, {"seed": 1, "env": {"type": "words"}})
    with pytest.raises(CollmError, match="differs in seed"):
        Kept(tmp_path, {"seed": 2, "env": {"type": "words"}})
    (tmp_path / "episodes.jsonl").write_text('{"task": "one"}\n')
    with pytest.raises(CollmError, match="a row has no 'number'"):
        Kept(tmp_path, {"seed": 1, "env": {"type": "words"}})
    (tmp_path / "evaluation.json").write_text("{")
    with pytest.raises(CollmError, match="not valid JSON"):
        Kept(tmp_path, {})
