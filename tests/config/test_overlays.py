"""Settings that go together, laid on a recipe by their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from collm.config.overlays import overlays
from collm.config.recipes import load_recipe
from collm.errors import CollmError


def test_a_card_brings_its_settings_to_all_agents_and_the_critic() -> None:
    config = load_recipe("coding/collm_cc", ["with=80gb"])
    for role in (*config.agents.values(), config.critic):
        assert role is not None
        assert role.optimization.optimizer == "adamw_8bit"
    assert all(agent.gradient_checkpointing and agent.batch_rows == 8 for agent in config.agents.values())
    assert config.agents["aux"].optimization.learning_rate == 5e-6, "what it does not name stays"


def test_later_settings_win() -> None:
    config = load_recipe("coding/collm_cc", ["with=80gb", "agents.*.batch_rows=4", "agents.aux.batch_rows=2"])
    assert [agent.batch_rows for agent in config.agents.values()] == [2, 4]
    assert (
        load_recipe("coding/collm_cc", ["agents.*.batch_rows=4", "with=80gb"]).agents["aux"].batch_rows == 8
    )


@pytest.mark.parametrize("name", sorted(overlays()))
def test_what_has_no_critic_gets_none(name: str) -> None:
    assert load_recipe("coding/magrpo", [f"with={name}"]).critic is None
    head = ["critic=null", "critic={trunk: actor}", f"with={name}"]
    critic = load_recipe("coding/collm_dc", head).critic
    assert critic is not None
    assert critic.optimization.optimizer == "adamw"


def test_a_file_of_ones_own_does_as_well(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training: {epochs: 7}")
    assert load_recipe("demo", [f"with={file}"]).training.epochs == 7
    file.write_text("[1]")
    with pytest.raises(CollmError, match="must be a mapping of sections"):
        load_recipe("demo", [f"with={file}"])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(CollmError, match=r"with=81gb: no such settings.*24gb, 80gb"):
        load_recipe("demo", ["with=81gb"])
