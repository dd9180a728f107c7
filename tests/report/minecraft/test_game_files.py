from __future__ import annotations

import importlib
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.minecraft.blueprint import Point
from collm.envs.minecraft.houses import generate_houses
from collm.errors import CollmError
from collm.report.minecraft.game_files import distinct_names, function_name, write_data_pack, write_schematic

World = dict[Point, str]
HOUSE: World = dict(generate_houses("train")[0].target())
ODD: World = {(-3, 64, 10): "planks", (-1, 65, 11): "stone", (-2, 64, 10): "minecraft:bricks"}


def expected(world: World) -> World:
    """The whole box with its low corner at the origin, in names that the game knows."""
    names = {"planks": "oak_planks", "minecraft:bricks": "bricks"}
    low = [min(cell[axis] for cell in world) for axis in range(3)]
    high = [max(cell[axis] for cell in world) for axis in range(3)]
    full = {
        (x, y, z): world.get((x, y, z), "air")
        for x in range(low[0], high[0] + 1)
        for y in range(low[1], high[1] + 1)
        for z in range(low[2], high[2] + 1)
    }
    return {
        (x - low[0], y - low[1], z - low[2]): names.get(block, block) for (x, y, z), block in full.items()
    }


def run_function(text: str) -> World:
    """What a function of fills leaves behind when it runs at the origin."""
    world: World = {}
    for line in text.splitlines():
        found = re.fullmatch(r"fill ((?:~-?\d* ){6})minecraft:(\w+)", line)
        assert found is not None, line
        x1, y1, z1, x2, y2, z2 = (int(part[1:] or 0) for part in found[1].split())
        for x in range(x1, x2 + 1):
            for y in range(y1, y2 + 1):
                for z in range(z1, z2 + 1):
                    world[x, y, z] = found[2]
    return world


@pytest.mark.parametrize("world", [HOUSE, ODD], ids=["house", "odd"])
def test_the_functions_of_a_data_pack_build_what_was_built(tmp_path: Path, world: World) -> None:
    write_data_pack(world, tmp_path / "pack", "My House")
    for kind in ("function", "functions"):
        file = tmp_path / "pack" / "data" / "collm" / kind / "my_house.mcfunction"
        assert run_function(file.read_text()) == expected(world)


def test_a_data_pack_has_the_metadata_that_old_and_new_versions_want(tmp_path: Path) -> None:
    write_data_pack(HOUSE, tmp_path / "pack", "house")
    pack = json.loads((tmp_path / "pack" / "pack.mcmeta").read_text())["pack"]
    assert pack["min_format"] <= 48 <= pack["max_format"]
    assert pack["supported_formats"]["min_inclusive"] <= pack["pack_format"] <= pack["max_format"]
    assert isinstance(pack["description"], str)


def test_the_zip_holds_the_folder(tmp_path: Path) -> None:
    archive = write_data_pack(HOUSE, tmp_path / "v1.2", "house")
    assert archive == tmp_path / "v1.2.zip"
    with zipfile.ZipFile(archive) as pack:
        zipped = {name: pack.read(name) for name in pack.namelist()}
    folder = tmp_path / "v1.2"
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert zipped == files
    assert len(files) == 3


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_data_pack(HOUSE, tmp_path / "pack", "house").read_bytes()
    assert write_data_pack(HOUSE, tmp_path / "pack", "house").read_bytes() == first


@given(st.text() | st.sampled_from(["..", ".", "a/../..", "/etc/passwd", "C:\\x", "a\0b", "x" * 5000, ". ."]))
def test_names_are_what_the_game_accepts_and_stay_in_their_folder(name: str) -> None:
    safe = function_name(name)
    assert re.fullmatch(r"[a-z0-9_-][a-z0-9_.-]*", safe)
    assert len(safe) <= 100
    assert (Path("/out") / safe).resolve().parent == Path("/out")


@given(st.lists(st.text(".aA /_2", max_size=4)))
def test_different_tasks_get_different_files(names: list[str]) -> None:
    safe = distinct_names(names)
    assert len(set(safe)) == len(safe) == len(names)


def read_schematic(path: Path) -> tuple[World, Any]:
    """Decode a Sponge schematic by its specification: variable-length ids in the order y, z, x."""
    nbt = importlib.import_module("nbtlib").load(path)
    names = {int(number): str(name) for name, number in nbt["Palette"].items()}
    ids, value, shift = list[int](), 0, 0
    for byte in (int(each) & 0xFF for each in nbt["BlockData"]):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            ids.append(value)
            value = shift = 0
    width, height, length = (int(nbt[side]) for side in ("Width", "Height", "Length"))
    assert len(ids) == width * height * length
    world = {
        (x, y, z): names[ids[x + z * width + y * width * length]]
        for x in range(width)
        for y in range(height)
        for z in range(length)
    }
    return world, nbt


@pytest.mark.parametrize("world", [HOUSE, ODD], ids=["house", "odd"])
def test_a_schematic_holds_what_was_built(tmp_path: Path, world: World) -> None:
    pytest.importorskip("mcschematic", reason="the extra collm[minecraft] is not installed")
    path = tmp_path / "new" / "house.schem"
    write_schematic(world, path)
    read, nbt = read_schematic(path)
    assert read == {cell: f"minecraft:{block}" for cell, block in expected(world).items()}
    assert int(nbt["Version"]) == 2
    assert int(nbt["DataVersion"]) == 3465


def test_without_the_library_the_mend_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcschematic", None)
    with pytest.raises(CollmError, match=r"collm\[minecraft\]"):
        write_schematic(HOUSE, tmp_path / "house.schem")


def test_a_schematic_has_its_suffix(tmp_path: Path) -> None:
    with pytest.raises(CollmError, match=r"house\.schem"):
        write_schematic(HOUSE, tmp_path / "house.nbt")


@pytest.mark.parametrize(
    ("world", "problem"),
    [
        ({}, "no block to write"),
        ({(0, 0, 0): "air"}, "no block to write"),
        ({(0, 0, 0): "Oak Planks"}, "'Oak Planks' cannot be the name of a block"),
        ({(0, 0, 0): "stone\n"}, "cannot be the name of a block"),
        ({(0, 0, 0): "mod:stone"}, "cannot be the name of a block"),
        ({(0, 0, 0): "stone\nkill"}, "cannot be the name of a block"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, world: World, problem: str) -> None:
    with pytest.raises(CollmError, match=problem):
        write_data_pack(world, tmp_path / "pack", "house")
    assert not (tmp_path / "pack.zip").exists()
