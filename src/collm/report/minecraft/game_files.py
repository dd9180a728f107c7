"""Writes builds as files that Minecraft players load: a data pack with a function, and a schematic."""

from __future__ import annotations

import importlib
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from collm.envs.minecraft.blueprint import AIR, Blueprint, Point
from collm.envs.minecraft.world import World
from collm.errors import CollmError

NAMESPACE = "collm"
_PACK_FORMATS = (15, 1000)
"""From Minecraft 1.20 on; the function uses nothing that later versions changed but its folder."""
_FUNCTION_FOLDERS = ("functions", "function")
"""Up to Minecraft 1.20, and since 1.21."""
_MODERN_NAMES = {"planks": "oak_planks"}
"""Blocks of the HouseBuild dataset that no version since 1.13 knows under their old name."""
_BLOCK_ID = re.compile(r"[a-z0-9_./-]+")
_LONGEST_NAME = 100
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_data_pack(world: World, folder: str | Path, name: str) -> Path:
    """Write the data pack ``folder`` and the same as ``<folder>.zip``; return the zip's path.

    A player puts either into ``datapacks`` of a world, runs ``/reload`` and then
    ``/function collm:<name>``: the build appears with its lowest corner at the player's feet. Cells of
    the bounding box without a block become air.

    Args:
        world: blocks by cell; air may be present.
        folder: where to write; files of an older pack of the same name are replaced.
        name: the function's name; capitals and characters that the game refuses are replaced.

    Raises:
        CollmError: if there is no block, or a block's name could not exist in Minecraft.
    """
    folder, function = Path(folder), "\n".join(_fill_commands(world)) + "\n"
    meta = json.dumps(_pack_meta(f"{name}, built by a collm team"), indent=2) + "\n"
    path = f"{function_name(name)}.mcfunction"
    files = {f"data/{NAMESPACE}/{kind}/{path}": function for kind in _FUNCTION_FOLDERS}
    archive = folder.parent / f"{folder.name}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as pack:
        for place, text in {"pack.mcmeta": meta, **files}.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(text, encoding="utf-8")
            pack.writestr(zipfile.ZipInfo(place, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return archive


def write_schematic(world: World, path: str | Path) -> None:
    """Write a Sponge schematic (version 2), which WorldEdit loads with ``//schem load``.

    Args:
        world: blocks by cell; air may be present.
        path: the file to write; it must end in ``.schem``.

    Raises:
        CollmError: if mcschematic is not installed, the suffix is wrong, there is no block, or a block's
            name could not exist in Minecraft.
    """
    path = Path(path)
    if path.suffix != ".schem":
        raise CollmError(str(path), "a schematic must end in .schem.", f"name it {path.stem}.schem.")
    library, low = _mcschematic(), _box(world)[0]
    schematic = library.MCSchematic()
    for (x, y, z), block in world.items():
        schematic.setBlock((x - low[0], y - low[1], z - low[2]), f"minecraft:{_modern(block)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    schematic.save(str(path.parent), path.stem, library.Version.JE_1_20_1)


def function_name(name: str) -> str:
    """The name as Minecraft accepts it for a function, and every system as that of a file in a folder."""
    return re.sub(r"[^a-z0-9_.-]+", "_", name.lower()).strip(".")[:_LONGEST_NAME].rstrip(".") or "build"


def distinct_names(names: Sequence[str]) -> list[str]:
    """:func:`function_name` of each, numbered where two would be the same."""
    distinct: dict[str, None] = {}
    for name in names:
        plain, number = function_name(name), 1
        candidate = plain
        while candidate in distinct:
            number += 1
            candidate = f"{plain}_{number}"
        distinct[candidate] = None
    return list(distinct)


def _mcschematic() -> Any:
    try:
        return importlib.import_module("mcschematic")
    except ImportError:
        mend = "install it with: pip install 'collm[minecraft]'."
        raise CollmError("write_schematic", "mcschematic is not installed.", mend) from None


def _pack_meta(description: str) -> dict[str, Any]:
    lowest, highest = _PACK_FORMATS
    return {
        "pack": {
            "description": description,
            "pack_format": lowest,
            "supported_formats": {"min_inclusive": lowest, "max_inclusive": highest},
            "min_format": lowest,
            "max_format": highest,
        }
    }


def _fill_commands(world: World) -> Iterator[str]:
    """Fills that set every cell of the box, relative to where the function runs."""
    for r in _as_blueprint(world).rectangles(include_air=True):
        corners = " ".join(f"~{value or ''}" for value in (r.x1, r.y, r.z1, r.x2, r.y, r.z2))
        yield f"fill {corners} minecraft:{r.block}"


def _as_blueprint(world: World) -> Blueprint:
    """The box around a build, at the origin, so that its decomposition into rectangles can be used."""
    (x1, y1, z1), (x2, y2, z2) = _box(world)
    blocks = dict.fromkeys([AIR, *map(_modern, world.values())])
    letters = {block: chr(0x100 + index) for index, block in enumerate(blocks)}
    layers = tuple(
        tuple(
            "".join(letters[_modern(world.get((x, y, z), AIR))] for x in range(x1, x2 + 1))
            for z in range(z1, z2 + 1)
        )
        for y in range(y1, y2 + 1)
    )
    return Blueprint("build", tuple((letter, block) for block, letter in letters.items()), (0, 0, 0), layers)


def _box(world: World) -> tuple[Point, Point]:
    if not any(block != AIR for block in world.values()):
        raise CollmError("export", "there is no block to write.", "give a build with at least one block.")
    xs, ys, zs = zip(*world, strict=True)
    return (min(xs), min(ys), min(zs)), (max(xs), max(ys), max(zs))


def _modern(block: str) -> str:
    name = block.removeprefix("minecraft:")
    if not _BLOCK_ID.fullmatch(name):
        mend = "use lower-case letters, digits and underscores, such as oak_planks."
        raise CollmError("export", f"{block!r} cannot be the name of a block.", mend)
    return _MODERN_NAMES.get(name, name)
