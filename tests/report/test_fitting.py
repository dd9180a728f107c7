"""What the paper's teams need with the settings for a card. Nothing is loaded: a ledger counts tensors."""

from __future__ import annotations

import pytest

from collm.config.recipes import load_recipe
from collm.report import fitting
from collm.report.fitting import GIB, fits, peaks_of
from collm.report.samplers import Sampler, samplers

DOMAINS = ("tldr", "coding", "housebuild", "strbuild", "arxiv")
TEAMS = ("magrpo", "collm_cc", "collm_dc")


def all_fit(recipe: str, gibibytes: float, *overrides: str) -> bool:
    return fitting.all_fit(load_recipe(recipe, overrides), gibibytes)


@pytest.mark.parametrize("method", TEAMS)
@pytest.mark.parametrize("domain", DOMAINS)
def test_every_team_of_the_paper_fits_80_gb(domain: str, method: str) -> None:
    assert all_fit(f"{domain}/{method}", 80, "with=80gb")


def test_not_without_its_settings() -> None:
    assert not all_fit("housebuild/collm_dc", 80)


@pytest.mark.parametrize("method", ["collm_cc", "collm_dc"])
def test_a_team_of_adapters_with_critics_fits_24_gb(method: str) -> None:
    assert all_fit(f"tldr/{method}", 24, "with=24gb")
    assert not all_fit(f"tldr/{method}", 24)


def test_heads_on_the_actors_trunks_take_less_than_critics() -> None:
    shared = peaks_of(load_recipe("tldr/collm_dc", ["critic=null", "critic={trunk: actor}"]))["auto"]
    separate = peaks_of(load_recipe("tldr/collm_dc"))["auto"]
    assert max(shared.values()) < max(separate.values())
    assert not any(phase.startswith("update of critic") for phase in shared)


def test_activations_in_the_hosts_memory_do_not_count() -> None:
    settings = ["agents.*.device=cuda", "critic.device=cuda"]
    here = peaks_of(load_recipe("tldr/collm_cc", settings))["cuda"]
    away = ["agents.*.activation_offload=true", "critic.activation_offload=true"]
    there = peaks_of(load_recipe("tldr/collm_cc", [*settings, *away]))["cuda"]
    assert there["update of agent summary"] < 0.8 * here["update of agent summary"]


def test_prompts_read_in_chunks_take_less() -> None:
    many, key = "training.tasks_per_update=64", "agents.*.engine={type: in_process, prefill_tokens: 4096}"
    whole, chunks = (peaks_of(load_recipe("demo", [many, *more]))["auto"] for more in ([], [key]))
    assert chunks["sampling"] < 0.9 * whole["sampling"]


VLLM = "agents.*.engine={type: vllm}"


def test_agents_with_adapters_on_one_model_share_a_vllm() -> None:
    apart = samplers(load_recipe("tldr/collm_cc", [VLLM]))
    assert [one.agents for one in apart] == [("summary",), ("elaboration",)]
    (one,) = samplers(load_recipe("tldr/collm_cc", [VLLM, "agents.*.adapter={}"]))
    assert one == Sampler(("summary", "elaboration"), "auto", 0.4, sleeps=False)
    assert samplers(load_recipe("tldr/collm_cc")) == []


@pytest.mark.parametrize(
    ("share", "sleeps", "fit"),
    [(0.6, False, False), (0.6, True, True), (0.66, True, False), (0.2, False, True)],
)
def test_what_a_vllm_takes_is_no_room_for_the_trainer(share: float, sleeps: bool, fit: bool) -> None:
    peaks = {"sampling": 3 * GIB, "update of agent a": 5 * GIB, "checkpoint": 2 * GIB}
    beside = [Sampler(("a",), "cuda:0", share, sleeps), Sampler(("b",), "cuda:1", 1.0, sleeps=False)]
    assert fits(peaks, 10, "cuda:0", beside) == fit
    assert fits(peaks, 10)


def test_who_draws_with_a_vllm_keeps_no_keys_and_values_here() -> None:
    (plain,), (other,) = (peaks_of(load_recipe("coding/magrpo", more)).values() for more in ([], [VLLM]))
    assert "sampling" in plain
    assert "sampling" not in other
    assert {**plain, "sampling": 0} == {**other, "sampling": 0}
