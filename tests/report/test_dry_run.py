from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from collm.algorithms.base import Branching, JointMode
from collm.config.recipes import load_recipe
from collm.errors import CollmError
from collm.report.dry_run import print_dry_run, print_memory, print_time
from collm.report.fitting import GIB, peaks_of
from collm.report.rates import Rates
from collm.report.timing import seconds
from collm.report.work import samples_of_turns


def printed(name: str, *overrides: str) -> str:
    out = io.StringIO()
    print_dry_run(load_recipe(name, overrides), Console(file=out, width=80))
    return out.getvalue()


@pytest.mark.parametrize(("agents", "samples", "turns"), [(2, 4, 2), (2, 2, 4), (3, 3, 3), (5, 2, 1)])
def test_the_samples_of_a_tree_are_those_of_proposition_3_2(agents: int, samples: int, turns: int) -> None:
    drawn = samples_of_turns(agents, Branching(samples), turns)
    assert agents * sum(drawn) == agents * samples * (samples**turns - 1) // (samples - 1)
    assert drawn[-1] == samples**turns


@pytest.mark.parametrize(("mode", "drawn"), [("align", [2, 4, 8]), ("cross", [2, 8, 32])])
def test_crossing_samples_branches_into_all_combinations(mode: JointMode, drawn: list[int]) -> None:
    assert samples_of_turns(2, Branching(2, mode), 3) == drawn
    assert samples_of_turns(2, Branching(1, mode), 3) == [1, 1, 1]


def test_work_and_memory_of_the_demo_are_printed() -> None:
    text = printed("demo", "training.epochs=2", "training.tasks_per_update=32", "training.max_updates=7")
    assert "training tasks: 192" in text
    assert "updates: 7\n" in text
    assert "trees an update: 32, at most 256 inference calls" in text
    assert "Held throughout, in MiB" in text
    for role in ("agent player_1", "agent player_2", "critic central"):
        assert re.search(rf"^{role} +[\d,]+( +\d+\.\d\d){{2,3}} *$", text, re.MULTILINE)
    for phase in ("sampling", "scoring", "update of agent player_1", "update of critic central"):
        assert re.search(rf"^{phase} +\d+\.\d\d *$", text, re.MULTILINE)
    assert "updates: 12\n" in printed("demo", "training.epochs=2", "training.tasks_per_update=32")


def test_a_copy_to_draw_with_beside_the_learning_is_shown() -> None:
    text = printed("demo", "training.collect_ahead=true", "algorithm.ratio_cap=2")
    assert re.search(r"moments +shared base +copy", text)
    assert re.search(r"^agent player_1 +[\d,]+ +(\d+\.\d\d) +\d+\.\d\d +\d+\.\d\d +\1$", text, re.MULTILINE)


def test_what_models_do_not_take_is_told_too() -> None:
    text = printed("demo", "algorithm.type=qmix", "bonus={}", "agents.player_1.engine.type=vllm")
    assert re.search(r"^mixer team\.mixer: 0\.\d\d MiB of the host's memory$", text, re.MULTILINE)
    assert re.search(r"^bonus: at most \d+\.\d\d MiB of the host's memory$", text, re.MULTILINE)
    assert "vLLM of player_1: 40% of auto\n" in text
    assert "vLLM" not in printed("demo")


def test_more_calls_than_can_be_written_out_are_a_power_of_ten() -> None:
    text = printed("demo_magrpo", "algorithm.num_generations=4", "algorithm.mode=cross", "env.num_turns=1000")
    assert re.search(r"trees an update: \d+, at most 10\^120\d inference calls", text)


def test_each_agent_has_a_critic_of_its_own_where_critics_are_local() -> None:
    text = printed("demo", "algorithm.type=collm_dc")
    assert "critic player_1" in text
    assert "critic player_2" in text
    assert "critic central" not in text


def test_data_that_lie_elsewhere_are_named() -> None:
    text = printed("housebuild/collm_cc", "env.dataset=no/such.json")
    assert "training tasks: not here. env.dataset: no such file: no/such.json." in text
    assert "updates: 120 x their number / 1" in text
    assert re.search(r"^agent player_2 +4,022,468,096 ", text, re.MULTILINE)


OFFLINE = ["algorithm.type=madpo", "algorithm.advantage_normalization=false", "critic=null"]


def test_a_run_that_learns_from_saved_trees_is_planned_over_these(tmp_path: Path) -> None:
    replies = {"player_1": "one", "player_2": "two"}
    task = load_recipe("demo").env.tasks("train")[0].id
    row = {"task": task, "chosen": replies, "rejected": replies}
    file = tmp_path / "pairs.jsonl"
    file.write_text(f"{json.dumps(row)}\n" * 5)
    settings = [*OFFLINE, f"training.saved={file}", "training.epochs=3", "training.tasks_per_update=2"]
    text = printed("demo", *settings)
    assert "saved trees: 5\nupdates: 8\n" in text  # not those of 192 tasks
    assert "at most 0 inference calls" in text
    out = io.StringIO()
    rates = Rates("a test", 1e9, 1e9, 1e5)
    print_time(load_recipe("demo", settings), Console(file=out, width=100), rates)
    assert "in 8 updates" in out.getvalue()
    assert not any(one.drawing for one in seconds(load_recipe("demo", settings), rates))


def test_saved_trees_that_lie_elsewhere_are_named() -> None:
    text = printed("demo", *OFFLINE, "training.saved=no/such.jsonl")
    assert "saved trees: not here. training.saved: no such file: no/such.jsonl." in text


def test_a_methods_probes_are_counted() -> None:
    drawn = ["critic=null", "env.num_turns=3", "training.tasks_per_update=1"]
    assert "at most 6 inference calls" in printed("demo", "algorithm.type=reinforce", *drawn)
    assert "at most 42 inference calls" in printed("demo", "algorithm.type=c3", *drawn)
    assert "at most 18 inference calls" in printed("demo", "algorithm.type=remax", *drawn)


def test_a_model_that_cannot_be_found_is_named() -> None:
    with pytest.raises(CollmError, match=r"agents\.player_1\.model: \./absent holds no model"):
        printed("demo", "agents.player_1.model=./absent")


def verdict(gibibytes: float, *overrides: str) -> str:
    out = io.StringIO()
    config = load_recipe("demo", ["agents.*.device=cuda:0", "critic.device=cuda:1", *overrides])
    print_memory(config, Console(file=out, width=80), gibibytes)
    return out.getvalue()


def test_every_device_is_judged() -> None:
    text = verdict(80)
    assert "cuda:0: fits 80 GiB" in text
    assert "cuda:1: fits 80 GiB" in text
    assert "it fits with" not in text


def test_what_does_not_fit_is_told_what_to_set() -> None:
    devices = ["agents.*.device=cuda:0", "critic.device=cuda:1"]
    peaks = peaks_of(load_recipe("demo", devices)).values()
    gibibytes = 0.8 * max(max(one.values()) for one in peaks) / GIB
    text = verdict(gibibytes)
    settings = re.search("it fits with: (.*)", text)
    assert "does not fit" in text
    assert settings is not None
    mended = verdict(gibibytes, *shlex.split(settings[1]))
    assert "does not fit" not in mended


def test_what_fits_nowhere_is_told_so() -> None:
    assert "no setting known here makes it fit" in verdict(0.001)
