from __future__ import annotations

from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.sweep.cells import cells_of
from tests.sweep.grids import grid


def test_every_domain_meets_every_method_seed_and_value() -> None:
    rates = {"low": ["agents.*.optimization.learning_rate=1e-5"], "high": []}
    cells = cells_of(grid(seeds=[1, 2], axes={"rate": rates}))
    assert len(cells) == len({cell.name for cell in cells}) == 8
    assert cells[0].labels == {"domain": "building", "method": "CC", "rate": "low", "seed": 1}
    assert cells[0].name == "building--cc--low--seed1"
    assert [cell.labels["seed"] for cell in cells] == [1] * 4 + [2] * 4
    learned = {
        cell.name: cell.recipe["agents"]["player_1"]["optimization"]["learning_rate"] for cell in cells
    }
    assert learned["building--cc--low--seed1"] == 1e-5 != learned["building--cc--high--seed1"]


def test_a_cell_has_the_seed_and_the_settings_of_grid_domain_and_method() -> None:
    domain = {
        "recipe": "demo",
        "set": ["training.epochs=3"],
        "methods": {"CC": {"set": ["training.epochs=4"]}},
    }
    cells = cells_of(grid(domains={"building": domain}, seeds=[7]))
    recipes = {cell.labels["method"]: cell.recipe for cell in cells}
    assert recipes["CC"]["seed"] == 7
    assert recipes["CC"]["training"]["max_updates"] == 1
    assert [recipes[name]["training"]["epochs"] for name in ("CC", "MAGRPO")] == [4, 3]


def test_another_algorithm_keeps_the_keys_that_all_have_and_no_others() -> None:
    domain = {"recipe": "tldr/tiny"}  # collm_cc with a critic's warm-up, which MAGRPO does not know
    cells = cells_of(grid(domains={"writing": domain}))
    algorithms = {cell.labels["method"]: cell.recipe["algorithm"] for cell in cells}
    assert algorithms["CC"]["critic_warmup"] == 3
    assert "critic_warmup" not in algorithms["MAGRPO"]
    assert algorithms["MAGRPO"]["reference_kl"] == algorithms["CC"]["reference_kl"] == 0.1


def test_a_method_may_have_a_recipe_of_its_own_in_a_domain() -> None:
    domain = {"recipe": "demo", "methods": {"MAGRPO": {"recipe": "demo_magrpo"}}}
    magrpo = cells_of(grid(domains={"building": domain}))[1]
    assert magrpo.recipe["training"]["tasks_per_update"] == 4


def test_a_play_keeps_its_protocol_and_the_domains_recipe() -> None:
    (cell,) = cells_of(grid(methods={}, plays={"Talk": {"type": "discussion", "rounds": 2}}))
    assert cell.play == {"type": "discussion", "rounds": 2}
    assert cell.recipe["algorithm"]["type"] == "collm_cc"


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"methods": {"CC": {"set": ["training.epoch=1"]}}},
            "cell domain building, method CC, seed 0: training.epoch",
        ),
        ({"methods": {"CC": {"set": ["no override"]}}}, "no override: not an override"),
        ({"methods": {"CC": {"recipe": "demmo"}}}, "demmo: no such recipe"),
        (
            {"methods": {"CC": {"set": ["algorithm.type=magrpo"]}}},
            "critic: the algorithm magrpo has no critic",
        ),
        ({"plays": {"Talk": {"type": "chat"}}}, "plays.Talk.type: unknown type 'chat'"),
        ({"plays": {"Talk": {}}}, "plays.Talk.type: no protocol is named"),
        ({"methods": {"a b": {}, "A-B": {}}}, "would share the folder building--a-b--seed0"),
        ({"methods": {"x" * 200: {}}}, "is too long for the name of a folder"),
    ],
)
def test_a_cell_that_does_not_fit_is_named(sections: dict[str, object], said: str) -> None:
    with pytest.raises(CollmError) as raised:
        cells_of(grid(**sections))
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ["", "- demo\n", "demo\n"])
def test_a_recipe_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text(text)
    with pytest.raises(CollmError, match=r"empty\.yaml: a recipe is a mapping of sections") as raised:
        cells_of(grid(domains={"building": {"recipe": str(file)}}))
    assert raised.value.file == "cell domain building, method CC, seed 0"
