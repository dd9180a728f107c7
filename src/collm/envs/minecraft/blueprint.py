"""Target buildings: a record, its JSON schema and its decomposition into rectangles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from collm.errors import CollmError

AIR = "air"
Point = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A one-block-high cuboid of one block in world coordinates, corners inclusive."""

    y: int
    x1: int
    z1: int
    x2: int
    z2: int
    block: str

    @property
    def area(self) -> int:
        return (self.x2 - self.x1 + 1) * (self.z2 - self.z1 + 1)

    def cells(self) -> Iterator[Point]:
        for z in range(self.z1, self.z2 + 1):
            for x in range(self.x1, self.x2 + 1):
                yield x, self.y, z


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One building task.

    Attributes:
        id: the task's name.
        inventory: the legend, pairs of (letter, block), in the dataset's order.
        origin: the world position of the box's lowest corner.
        layers: ``layers[y][z][x]`` is a letter of the legend.
    """

    id: str
    inventory: tuple[tuple[str, str], ...]
    origin: Point
    layers: tuple[tuple[str, ...], ...]

    @property
    def size(self) -> Point:
        """Extent along x, y and z, in blocks."""
        return len(self.layers[0][0]), len(self.layers), len(self.layers[0])

    @property
    def end(self) -> Point:
        """The world position of the box's highest corner, inclusive."""
        (x, y, z), (width, height, depth) = self.origin, self.size
        return x + width - 1, y + height - 1, z + depth - 1

    @property
    def blocks(self) -> tuple[str, ...]:
        """The legend's blocks in order, each once, air included if the legend has it."""
        return tuple(dict.fromkeys(block for _, block in self.inventory))

    def target(self) -> Mapping[Point, str]:
        """The block wanted at every cell of the box, air included."""
        return _target(self)

    def rectangles(self, include_air: bool = False) -> tuple[Rectangle, ...]:
        """Each layer's runs of equal letters, merged over rows that repeat the same run of a block."""
        return _rectangles(self, include_air)


# Every step and observation asks for these two, so they are worked out once for a blueprint.
@lru_cache(maxsize=1024)
def _target(blueprint: Blueprint) -> Mapping[Point, str]:
    legend, (x0, y0, z0) = dict(blueprint.inventory), blueprint.origin
    return MappingProxyType(
        {
            (x0 + x, y0 + y, z0 + z): legend[letter]
            for y, rows in enumerate(blueprint.layers)
            for z, row in enumerate(rows)
            for x, letter in enumerate(row)
        }
    )


@lru_cache(maxsize=1024)
def _rectangles(blueprint: Blueprint, include_air: bool) -> tuple[Rectangle, ...]:
    return tuple(
        rectangle
        for y in range(len(blueprint.layers))
        for rectangle in _layer_rectangles(blueprint, y)
        if include_air or rectangle.block != AIR
    )


def _layer_rectangles(blueprint: Blueprint, y: int) -> Iterator[Rectangle]:
    """In the order in which they end; of those that end together the one that began first."""
    legend, (x0, y0, z0) = dict(blueprint.inventory), blueprint.origin
    opened: dict[tuple[int, int, str], int] = {}

    def close(run: tuple[int, int, str], end: int) -> Rectangle:
        x1, x2, block = run
        return Rectangle(y0 + y, x0 + x1, z0 + opened[run], x0 + x2, z0 + end, block)

    rows = blueprint.layers[y]
    for z, row in enumerate(rows):
        runs = [(x1, x2, legend[letter]) for x1, x2, letter in _runs(row)]
        for run in [run for run in opened if run not in runs]:
            yield close(run, z - 1)
            del opened[run]
        for run in runs:
            opened.setdefault(run, z)
    for run in opened:
        yield close(run, len(rows) - 1)


def _runs(row: str) -> Iterator[tuple[int, int, str]]:
    """Maximal runs of one letter as (first index, last index, letter)."""
    start = 0
    for index in range(1, len(row) + 1):
        if index == len(row) or row[index] != row[start]:
            yield start, index - 1, row[start]
            start = index


def parse_blueprint(row: Mapping[str, Any], where: str) -> Blueprint:
    """Read a task in the schema of the HouseBuild dataset.

    ``target_spec.layers`` may be a list of ``{"y", "rows"}`` or a mapping from y to rows; ``bbox`` may
    be null, then the box starts at the origin.

    Raises:
        CollmError: naming the field that does not fit.
    """
    task_id = _get(row, "task_id", str, where)
    inventory = _parse_inventory(_get(row, "inventory", dict, where), f"{where}.inventory")
    spec = _get(row, "target_spec", dict, where)
    layers = _parse_layers(_get(spec, "layers", (list, dict), f"{where}.target_spec"), where)
    _check_letters(layers, inventory, where)
    blueprint = Blueprint(task_id, tuple(inventory.items()), (0, 0, 0), layers)
    size = spec.get("size")
    if size is not None and not (isinstance(size, list | tuple) and tuple(size) == blueprint.size):
        problem = f"size {size!r} does not match the layers, which are {list(blueprint.size)}."
        raise CollmError(f"{where}.target_spec.size", problem, "correct it or leave it out.")
    return _placed(blueprint, row.get("bbox"), where)


def _get(row: Mapping[str, Any], key: str, kind: type | tuple[type, ...], where: str) -> Any:
    if key not in row:
        raise CollmError(
            f"{where}.{key}", "this field is required.", "add it; collm docs housebuild has the schema."
        )
    if not isinstance(row[key], kind):
        problem = f"wrong type {type(row[key]).__name__}."
        raise CollmError(f"{where}.{key}", problem, "collm docs housebuild has the schema.")
    return row[key]


def _parse_inventory(raw: Mapping[str, Any], where: str) -> dict[str, str]:
    """The legend with plain block names, as commands are read without the ``minecraft:`` prefix too."""
    legend: dict[str, str] = {}
    for letter, block in _present(raw).items():
        name = block.removeprefix("minecraft:") if isinstance(block, str) else ""
        if len(letter) != 1 or len(name.split()) != 1:
            problem = f"bad entry {letter!r}: {block!r}."
            raise CollmError(where, problem, "map single characters to block names without spaces.")
        legend[letter] = name
    return legend


def _present(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping without the keys of other rows, which tables give every row, with nothing in them."""
    return {key: value for key, value in raw.items() if value is not None}


def _parse_layers(raw: Any, where: str) -> tuple[tuple[str, ...], ...]:
    field = f"{where}.target_spec.layers"
    try:
        pairs = (
            list(_present(raw).items())
            if isinstance(raw, dict)
            else [(each["y"], each["rows"]) for each in raw]
        )
        numbered = [(_whole(y), _parse_rows(rows)) for y, rows in pairs]
    except (TypeError, KeyError, ValueError) as error:
        mend = 'write each layer as {"y": 0, "rows": ["AAC", ...]}.'
        raise CollmError(field, f"cannot be read ({error}).", mend) from None
    heights, by_height = sorted(y for y, _ in numbered), dict(numbered)
    if not pairs or heights != list(range(len(pairs))):
        raise CollmError(field, f"layers have y = {heights}.", "give every y from 0 upwards once.")
    layers = tuple(by_height[y] for y in range(len(by_height)))
    depths, widths = {len(rows) for rows in layers}, {len(row) for rows in layers for row in rows}
    if len(depths) != 1 or len(widths) != 1 or 0 in depths | widths:
        problem = f"layers have {sorted(depths)} rows of {sorted(widths)} letters."
        raise CollmError(field, problem, "give all layers the same number of rows of the same length.")
    return layers


def _whole(value: Any) -> int:
    """A whole number, or a text of one, as the keys of a mapping are; nothing is rounded."""
    if isinstance(value, str):
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _parse_rows(rows: Any) -> tuple[str, ...]:
    if not isinstance(rows, list | tuple) or not all(isinstance(row, str) for row in rows):
        raise TypeError(f"rows are {rows!r}")
    return tuple(rows)


def _check_letters(layers: tuple[tuple[str, ...], ...], inventory: Mapping[str, str], where: str) -> None:
    unknown = sorted({letter for rows in layers for row in rows for letter in row} - set(inventory))
    if unknown:
        problem = f"letters {unknown} are not in the inventory."
        raise CollmError(
            f"{where}.target_spec.layers", problem, "add them to the inventory or correct the rows."
        )


def _placed(blueprint: Blueprint, bbox: Any, where: str) -> Blueprint:
    if bbox is None:
        return blueprint
    try:
        x, y, z = (_whole(value) for value in bbox["from"])
        end = tuple(_whole(value) for value in bbox["to"])
    except (TypeError, KeyError, ValueError):
        mend = 'write {"from": [x, y, z], "to": [x, y, z]} or null.'
        raise CollmError(f"{where}.bbox", f"cannot read {bbox!r}.", mend) from None
    placed = Blueprint(blueprint.id, blueprint.inventory, (x, y, z), blueprint.layers)
    if end != placed.end:
        problem = f"'to' is {list(end)}, but the layers end at {list(placed.end)}."
        raise CollmError(f"{where}.bbox", problem, "correct it or set bbox to null.")
    return placed
