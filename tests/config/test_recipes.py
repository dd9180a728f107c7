"""Every shipped recipe loads, says what the paper's appendix C says, and can be dry-run without a network."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from collm.agents.config import CriticConfig
from collm.algorithms.actor_critic import ActorCritic
from collm.algorithms.magrpo import MAGRPO
from collm.config.recipes import describe, find, load_recipe, shipped
from collm.errors import CollmError
from collm.report.dry_run import print_dry_run

ROOT = Path(__file__).parents[1]
DOMAINS = ("arxiv", "coding", "housebuild", "strbuild", "tldr")
METHODS = ("ac", "collm_cc", "collm_dc", "grpo", "magrpo")
QWEN2_3B, QWEN3_4B = "Qwen/Qwen2.5-3B-Instruct", "Qwen/Qwen3-4B-Instruct-2507"
QWEN3_2B, CODER_3B = "Qwen/Qwen3-1.7B", "Qwen/Qwen2.5-Coder-3B"


@dataclass(frozen=True)
class Domain:
    """What appendices C.2 and C.3 give for one domain; pairs are (MAGRPO, CoLLM-DC and CoLLM-CC)."""

    agents: tuple[str, ...]
    critic: str
    temperature: float
    top_p: float
    max_tokens: int
    turns: int
    generations: int
    buffer: tuple[int, int]
    epochs: tuple[int, int]
    learning_rate: tuple[float, float]
    critic_learning_rate: float
    advantage_clip: float
    evaluated_tasks: int


APPENDIX_C = {
    "tldr": Domain(
        (QWEN3_2B, QWEN3_2B), QWEN3_2B, 0.7, 0.9, 256, 1, 4, (4, 4), (2, 20), (5e-6, 5e-6), 3e-6, 0.2, 4
    ),
    "coding": Domain(
        (CODER_3B, QWEN3_4B), CODER_3B, 0.6, 0.6, 256, 2, 4, (16, 4), (8, 80), (2e-5, 5e-6), 3e-6, 0.2, 4
    ),
    "housebuild": Domain(
        (QWEN2_3B, QWEN3_4B), QWEN3_4B, 0.6, 0.6, 512, 4, 2, (2, 1), (16, 120), (1e-5, 5e-6), 3e-6, 0.05, 2
    ),
}


@pytest.mark.parametrize("method", ["magrpo", "collm_dc", "collm_cc"])
@pytest.mark.parametrize("domain", sorted(APPENDIX_C))
def test_the_recipes_of_the_paper_follow_appendix_c(domain: str, method: str) -> None:
    paper, config = APPENDIX_C[domain], load_recipe(f"{domain}/{method}")
    column = 0 if method == "magrpo" else 1
    assert config.algorithm.type == method
    assert tuple(agent.model for agent in config.agents.values()) == paper.agents
    for agent in config.agents.values():
        sampling = agent.sampling
        found = sampling.temperature, sampling.top_p, sampling.top_k, sampling.max_tokens
        assert found == (paper.temperature, paper.top_p, None, paper.max_tokens)
        assert agent.optimization.learning_rate == paper.learning_rate[column]
    assert config.env.num_turns == paper.turns
    assert (config.algorithm.ratio_clip, config.algorithm.advantage_clip) == (paper.advantage_clip, None)
    assert config.algorithm.minibatch_size == paper.buffer[column]
    assert config.training.epochs == paper.epochs[column]
    assert config.evaluation.tasks == paper.evaluated_tasks
    if isinstance(config.algorithm, MAGRPO):
        assert config.algorithm.num_generations == paper.generations
        assert config.critic is None
    else:
        assert isinstance(config.algorithm, ActorCritic)
        assert isinstance(config.critic, CriticConfig)
        assert config.critic.model == paper.critic
        assert config.critic.optimization.learning_rate == paper.critic_learning_rate


@pytest.mark.parametrize("method", ["magrpo", "collm_dc", "collm_cc"])
@pytest.mark.parametrize("domain", sorted(APPENDIX_C))
def test_a_fast_recipe_differs_in_how_many_tasks_are_drawn_together_alone(domain: str, method: str) -> None:
    paper, fast = (load_recipe(f"{domain}/{method}{end}") for end in ("", "_fast"))
    assert fast.training.tasks_per_update == 8 * paper.training.tasks_per_update
    slow_again = {
        key: getattr(paper.training, key)
        for key in ("tasks_per_update", "checkpoint_every", "evaluate_every")
    }
    training = fast.training.model_copy(update=slow_again)
    assert fast.model_copy(update={"training": training}) == paper


def test_housebuild_is_split_as_in_the_paper() -> None:
    data = ROOT.parent / "shared" / "data" / "housebuild.json"
    if not data.is_file():
        pytest.skip("the HouseBuild tasks are not beside the repository (shared/data/housebuild.json)")
    env = load_recipe("housebuild/collm_cc", [f"env.dataset={data}"]).env
    train, test = ([task.id for task in env.tasks(split)] for split in ("train", "test"))
    assert (len(train), len(test)) == (8, 2)
    assert train[0] == "house_build_0002"
    assert test == ["house_build_0108", "house_build_0109"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_single_model_baselines_have_one_agent_and_one_turn(domain: str) -> None:
    for method, algorithm in (("grpo", "magrpo"), ("ac", "collm_cc")):
        config = load_recipe(f"{domain}/{method}")
        assert config.algorithm.type == algorithm
        assert len(config.agents) == len(config.env.agents) == config.env.num_turns == 1


def test_every_domain_has_every_method() -> None:
    assert {f"{domain}/{method}" for domain in DOMAINS for method in METHODS} <= set(shipped())


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_shipped_recipe_can_be_dry_run_without_its_data(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    config, out = load_recipe(name), io.StringIO()
    print_dry_run(config, Console(file=out, width=80))
    printed = out.getvalue()
    assert f"type: {config.env.type}" in printed
    for agent in config.agents:
        assert f"agent {agent}" in printed
    assert "…" not in printed
    assert not list(tmp_path.iterdir())


def test_every_shipped_recipe_describes_itself_in_one_line() -> None:
    for name, path in shipped().items():
        assert path.read_text(encoding="utf-8").startswith("# "), name
        assert 20 < len(describe(path)) < 110, name


def test_a_recipe_is_found_by_its_file_and_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text("# mine\n")
    assert find(str(file)) == file
    expected = shipped()["housebuild/magrpo"]
    for name in ("housebuild/magrpo", "housebuild/magrpo.yaml", "recipes/housebuild/magrpo.yaml"):
        assert find(name) == expected
    with pytest.raises(CollmError, match="no such recipe"):
        find("housebuild/mapgro")
