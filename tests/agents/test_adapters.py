"""Teams whose roles are adapters on one base."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from collm.agents.config import AgentConfig, CriticConfig
from collm.agents.critic import Critic
from collm.agents.team import Team, load_team
from collm.agents.views import CriticInput, Passage
from collm.base.validation import validated
from collm.errors import AbsentError, CollmError
from collm.evaluation.merging import export_team
from collm.evaluation.saved import open_team
from collm.models import backbone
from collm.models.loading import load_causal_model
from collm.models.optimizer import Optimizer
from collm.training.display import Silent
from collm.training.run import train
from tests.agents.models import open_model
from tests.agents.test_agent_learning import actions, experience, update
from tests.checkpoints import save_letters
from tests.tiny_runs import SPOKEN, Recipe
from tests.training.test_loop import assert_same_run, rows

ADAPTER = {"r": 4}
IDS = torch.tensor([[2, 3, 4, 5]])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model that both agents and the critic can read."""
    letters = "[a observation]\n[b action]\n" + SPOKEN
    return save_letters(tmp_path_factory.mktemp("base"), letters, width=32, scale=0.3)


@pytest.fixture(scope="module")
def adapters(recipe: Recipe, base: Path) -> Callable[..., Any]:
    """The standard recipe with everybody on that base."""

    def make(**sections: Any) -> Any:
        optimization = {"learning_rate": 1e-2}
        shared = {"model": str(base), "adapter": ADAPTER, "optimization": optimization}
        agents = {"*": shared, "a": {"model": str(base)}, "b": {"model": str(base)}}
        return recipe(agents=agents, critic=shared, **sections)

    return make


def team_of(config: Any) -> Team:
    critics = config.algorithm.critics(list(config.agents))
    return load_team(config.agents, config.critic, critics, None, config.seed)


def logits(member: Any) -> Tensor:
    weights = member.weights if hasattr(member, "weights") else member.learner.weights
    with torch.no_grad(), weights.model() as model:
        found: Tensor = model(input_ids=IDS).logits
    return found


@pytest.fixture
def team(qwen3: Path) -> Team:
    """Two agents and a critic that talk, on one base."""
    settings = {
        "model": str(qwen3),
        "device": "cpu",
        "adapter": ADAPTER,
        "optimization": {"learning_rate": 5e-2},
    }
    agent = validated(AgentConfig, {**settings, "sampling": {"max_tokens": 12}})
    return load_team({"a": agent, "b": agent}, validated(CriticConfig, settings), ["central"])


def everything(model: Any) -> dict[str, Tensor]:
    return {name: parameter.clone() for name, parameter in model.named_parameters()}


def base_of(team: Team) -> Any:
    with team.agents["a"].learner.weights.model() as model:
        return model


def changed(team: Team, before: dict[str, Tensor]) -> list[Tensor]:
    """The parameters of base and adapters that are no longer what they were."""
    now = base_of(team).named_parameters()
    return [parameter for name, parameter in now if not torch.equal(parameter, before[name])]


def test_the_base_is_loaded_once_for_the_team(
    adapters: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counted(config: Any, where: str) -> Any:
        opened.append(where)
        return load_causal_model(config, where)

    monkeypatch.setattr(backbone, "load_causal_model", counted)
    team = team_of(adapters())
    assert len(opened) == 1
    reference = team.agents["a"].learner._reference()
    with reference.model() as model:
        assert model is base_of(team)
    assert len(opened) == 1


def test_a_new_team_says_what_the_base_says(adapters: Callable[..., Any], base: Path) -> None:
    team = team_of(adapters())
    with torch.no_grad():
        plain = open_model(base)(input_ids=IDS).logits
    for member in (*team.agents.values(), *team.critics.values()):
        assert torch.equal(logits(member), plain)


def test_a_step_of_one_agent_moves_its_adapter_and_nothing_else(team: Team) -> None:
    one, other = team.agents["a"], team.agents["b"]
    update(other, experience(other))  # so that there is something to lose
    before, said = everything(base_of(team)), logits(other)
    update(one, experience(one), reference_kl=0.1)
    own = {id(parameter) for parameter in one.learner.weights.parameters()}
    moved = changed(team, before)
    assert moved
    assert all(id(parameter) in own for parameter in moved)
    assert torch.equal(logits(other), said)


def test_a_step_of_the_critic_leaves_the_agents_bit_for_bit(team: Team) -> None:
    (critic,) = team.critics.values()
    assert isinstance(critic, Critic)
    nn.init.ones_(critic.head.weight)
    before = everything(base_of(team))
    inputs = [CriticInput((Passage("01?"), Passage("AB", 0)), (0, 1), (1, None), (None, None))]
    critic.update(inputs, critic.predict(inputs), [torch.tensor([1.0, -2.0])], 1.0, 0, 1)
    own = {id(parameter) for parameter in critic.weights.parameters()}
    moved = changed(team, before)
    assert moved
    assert all(id(parameter) in own for parameter in moved)


def test_the_reference_is_the_base(team: Team, qwen3: Path) -> None:
    agent = team.agents["a"]
    lessons = experience(agent)
    assert update(agent, lessons, reference_kl=0.1)["reference_kl"] == 0.0
    for _ in range(3):
        update(agent, lessons)
    drifted = update(agent, lessons, reference_kl=1e-9)["reference_kl"]
    assert drifted > 1e-3
    with torch.no_grad(), agent.learner._reference().model() as model:
        assert torch.equal(model(input_ids=IDS).logits, open_model(qwen3)(input_ids=IDS).logits)


def test_scores_of_what_an_adapter_drew_are_the_samplers(team: Team) -> None:
    """An adapter that never reached the sampler would make ratios other than 1."""
    agent = team.agents["a"]
    for _ in range(3):
        update(agent, experience(agent))
    drawn = actions(agent)
    forced = agent.learner.logprobs([(action.prompt_ids, action.token_ids) for action in drawn])
    for action, scores in zip(drawn, forced, strict=True):
        assert action.token_logprobs == pytest.approx(scores, abs=1e-4)


def test_gradients_of_one_model_live_at_a_time(
    adapters: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters: list[set[int]] = []
    alive: list[list[bool]] = []
    everybody: dict[int, nn.Parameter] = {}
    born, step = Optimizer.__init__, Optimizer.step

    def told(self: Optimizer, some: Any, *args: Any, **settings: Any) -> None:
        some = list(some)
        everybody.update({id(one): one for one in some})
        parameters.append({id(one) for one in some})
        born(self, some, *args, **settings)

    def seen(self: Optimizer, *args: Any) -> tuple[float, float]:
        alive.append([any(everybody[one].grad is not None for one in several) for several in parameters])
        return step(self, *args)

    monkeypatch.setattr(Optimizer, "__init__", told)
    monkeypatch.setattr(Optimizer, "step", seen)
    train(adapters(training={"max_updates": 2}), tmp_path / "run", Silent())
    assert len(alive) == 6
    assert all(sum(models) == 1 for models in alive)


@pytest.fixture(scope="module")
def trained(adapters: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    training = {"epochs": 20, "episodes_per_task": 16}
    train(adapters(env={"type": "probe_observation"}, training=training), out, Silent())
    return out


def test_a_team_of_adapters_learns(trained: Path) -> None:
    returns = [row["return_mean"] for row in rows(trained / "metrics.jsonl")]
    assert fmean(returns[-5:]) > fmean(returns[:3]) + 0.1
    assert fmean(returns[-5:]) > 0.9


def test_a_run_goes_on_bit_for_bit(adapters: Callable[..., Any], tmp_path: Path) -> None:
    config = adapters(training={"epochs": 2})
    train(config, tmp_path / "whole", Silent())
    train(adapters(training={"epochs": 2, "max_updates": 2}), tmp_path / "parts", Silent())
    train(config, tmp_path / "parts", Silent(), resume=True)
    assert_same_run(tmp_path / "parts", tmp_path / "whole")


def checkpoint_of(run: Path) -> Path:
    return max((run / "checkpoints").iterdir())


def test_checkpoints_hold_adapters_that_peft_opens_alone(trained: Path, base: Path) -> None:
    peft = pytest.importorskip("peft")
    _, policies, _ = open_team(str(trained), [])
    for name in ("agents/a", "agents/b", "critics/central"):
        folder = checkpoint_of(trained) / name
        assert (folder / "adapter_config.json").is_file()
        assert not (folder / "model.safetensors").exists()
        opened = peft.PeftModel.from_pretrained(open_model(base), str(folder))
        with torch.no_grad():
            found = opened(input_ids=IDS).logits
        if name.startswith("agents"):
            engine: Any = policies[folder.name].engine  # type: ignore[attr-defined]
            with torch.no_grad(), engine._weights.model() as model:
                assert torch.equal(model(input_ids=IDS).logits, found)


def test_a_run_exports_ordinary_models(trained: Path, tmp_path: Path) -> None:
    folders = list(export_team(str(trained), tmp_path / "out"))
    assert folders == [tmp_path / "out" / "a", tmp_path / "out" / "b"]
    _, policies, _ = open_team(str(trained), [])
    for folder in folders:
        assert not list(folder.glob("adapter*"))
        assert (folder / "tokenizer.json").is_file()
        assert "max_new_tokens" in (folder / "generation_config.json").read_text()
        engine: Any = policies[folder.name].engine  # type: ignore[attr-defined]
        with torch.no_grad(), engine._weights.model() as model:
            found = AutoModelForCausalLM.from_pretrained(folder)(input_ids=IDS).logits
            torch.testing.assert_close(found, model(input_ids=IDS).logits, rtol=1e-4, atol=1e-4)
    with pytest.raises(CollmError, match="something lies there already"):
        list(export_team(str(trained), tmp_path / "out"))


def test_full_weights_are_exported_as_they_are(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe(training={"max_updates": 1}), tmp_path / "run", Silent())
    for folder in export_team(str(tmp_path / "run"), tmp_path / "out"):
        saved = checkpoint_of(tmp_path / "run") / "agents" / folder.name
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
            file.name: file.read_bytes() for file in saved.iterdir()
        }


def test_one_agent_may_be_an_adapter_beside_full_weights(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe(agents={"b": {"adapter": ADAPTER}}, training={"max_updates": 1}), tmp_path, Silent())
    agents = checkpoint_of(tmp_path) / "agents"
    assert (agents / "a" / "model.safetensors").is_file()
    assert (agents / "b" / "adapter_model.safetensors").is_file()


# What does not fit is refused before anything is written.


def refused(config: Any, out: Path, pattern: str, kind: type[CollmError] = CollmError) -> None:
    with pytest.raises(kind, match=pattern):
        train(config, out, Silent())
    assert not out.exists() or not any(path for path in out.iterdir() if path.name != ".lock")


@pytest.mark.parametrize("role", ["agents.a", "critic"])
def test_names_of_no_layer_are_refused(recipe: Recipe, tmp_path: Path, role: str) -> None:
    wrong = {"adapter": {"target_modules": ["nowhere"]}}
    config = recipe(agents={"a": wrong}) if role == "agents.a" else recipe(critic=wrong)
    refused(config, tmp_path / "run", rf"{role}\.adapter\.target_modules: .*nowhere")


def test_without_peft_an_adapter_is_refused(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    config = recipe(agents={"*": {"adapter": ADAPTER}})
    refused(config, tmp_path / "run", r"agents\.a\.adapter: .*pip install 'collm\[adapters\]'", AbsentError)


def test_the_folder_of_an_adapter_is_no_model(trained: Path, recipe: Recipe, tmp_path: Path) -> None:
    folder = str(checkpoint_of(trained) / "agents" / "a")
    config = recipe(agents={"a": {"model": folder}})
    refused(config, tmp_path / "run", r"agents\.a\.model: .* holds an adapter, no model.*--merged")


def test_saved_adapters_are_not_opened_as_full_weights(trained: Path, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(CollmError, match="holds an adapter, no model"):
        open_team(str(trained), ["agents.*.adapter=null"])
    train(recipe(training={"max_updates": 1}), tmp_path, Silent())
    with pytest.raises(CollmError, match=r"holds no adapter \(no adapter_model\.safetensors\)"):
        open_team(str(tmp_path), ["agents.*.adapter={}"])


def test_overrides_make_adapters() -> None:
    from collm.config.recipes import load_recipe

    for override, rank in (("agents.*.adapter={}", 16), ("agents.*.adapter.r=8", 8)):
        config = load_recipe("demo", [override])
        assert [one.adapter and one.adapter.r for one in config.agents.values()] == [rank, rank]
    again = load_recipe("demo", ["agents.*.adapter.r=8", "agents.player_2.adapter=null"])
    assert [one.adapter is None for one in again.agents.values()] == [False, True]
