"""Draws builds side by side: an isometric picture that shows what is wrong and what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from collm.envs.minecraft.blueprint import AIR, Point
from collm.envs.minecraft.looks import ANY, Look, Segment, look_of
from collm.envs.minecraft.world import World
from collm.errors import CollmError

Corner = tuple[float, float, float]
Color = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Face:
    """A face that the viewer sees, who stands before the low z, high x corner and looks down.

    Attributes:
        towards: the neighbor that would hide it.
        start, across, up: its low corner within the cell and its two edges.
        light: brightness of its color.
    """

    towards: Point
    start: Corner
    across: Corner
    up: Corner
    light: float

    def at(self, cell: Point, u: float, v: float) -> tuple[float, float]:
        """Where the spot (u, v) of this face of a cell falls on the page."""
        x, y, z = (
            c + s + u * a + v * w for c, s, a, w in zip(cell, self.start, self.across, self.up, strict=True)
        )
        return (x + z) * math.cos(math.pi / 6), y + (z - x) / 2


_FACES = (
    _Face((0, 0, -1), (0, 0, 0), (1, 0, 0), (0, 1, 0), 0.86),
    _Face((1, 0, 0), (1, 0, 0), (0, 0, 1), (0, 1, 0), 0.68),
    _Face((0, 1, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1), 1.0),
)
_SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
_CROSS: tuple[Segment, ...] = (((0.18, 0.18), (0.82, 0.82)), ((0.18, 0.82), (0.82, 0.18)))
_WRONG: Color = (0.86, 0.10, 0.16, 1.0)
_GHOST: Color = (0.25, 0.31, 0.42, 0.9)
_CLEAR: Color = (0.0, 0.0, 0.0, 0.0)


@dataclass(slots=True)
class _Strokes:
    """Polygons in the order in which they are painted; a line is a polygon of two corners."""

    corners: list[list[tuple[float, float]]] = field(default_factory=list)
    fills: list[Color] = field(default_factory=list)
    edges: list[Color] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)

    def add(
        self, corners: list[tuple[float, float]], fill: Color, edge: Color, width: float, style: str = "-"
    ) -> None:
        self.corners.append(corners)
        self.fills.append(fill)
        self.edges.append(edge)
        self.widths.append(width)
        self.styles.append(style)

    def paint(self, axes: Axes) -> None:
        axes.add_collection(
            PolyCollection(
                self.corners,
                facecolors=self.fills,
                edgecolors=self.edges,
                linewidths=self.widths,
                linestyles=self.styles,
                joinstyle="round",
                capstyle="round",
            )
        )


def draw_builds(
    panels: Sequence[tuple[str, World]], path: str | Path, colors: Mapping[str, str] | None = None
) -> None:
    """Draw builds side by side and write them to ``path``; its suffix names the format.

    The first panel is the target, whose block ``any`` stands for every block. In the others, a cell that
    holds a wrong block, or a block where there should be air, is outlined and crossed in red, and a
    missing cell is a dotted outline. Both are counted below, as the walls in front may hide some.

    Args:
        panels: (title, blocks by cell) pairs; the title stands below the build, its first line bold.
        path: the picture to write.
        colors: ``"#rrggbb"`` by block, where a block should not have its usual color.

    Raises:
        CollmError: if there is no panel or the target has no solid cell.
    """
    builds = [(title, _solid(world)) for title, world in panels]
    if not builds or not builds[0][1]:
        raise CollmError("draw_builds", "there is no target to draw.", "give the target as first panel.")
    target, looks = builds[0][1], _looks(builds, colors or {})
    figure = Figure(figsize=(4.2 * len(builds), 4.9), dpi=200, facecolor="white")
    everything = [cell for _, world in builds for cell in world]
    for index, (title, world) in enumerate(builds, start=1):
        axes = figure.add_subplot(1, len(builds), index)
        _strokes(target, world, everything, looks).paint(axes)
        _caption(axes, title, "" if index == 1 else _faults(target, world))
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.24, wspace=0.02)
    _legend(figure, builds, looks)
    figure.savefig(path)


def _solid(world: World) -> dict[Point, str]:
    return {cell: block for cell, block in world.items() if block != AIR}


def _looks(builds: Sequence[tuple[str, World]], colors: Mapping[str, str]) -> Mapping[str, Look]:
    blocks = dict.fromkeys(block for _, world in builds for block in world.values())
    usual = {block: look_of(block) for block in blocks}
    return {block: replace(look, color=colors.get(block, look.color)) for block, look in usual.items()}


def _is_wrong(target: World, cell: Point, block: str) -> bool:
    return target.get(cell) not in (block, ANY)


def _strokes(target: World, world: World, everything: Sequence[Point], looks: Mapping[str, Look]) -> _Strokes:
    strokes, missing = _Strokes(), target.keys() - world.keys()
    _floor(strokes, everything)
    for cell in sorted(world.keys() | missing, key=lambda cell: cell[0] + cell[1] - cell[2]):
        if cell in missing:
            _ghost(strokes, cell, looks[target[cell]], hidden=world.keys() | missing)
        else:
            wrong = _is_wrong(target, cell, world[cell])
            _block(strokes, cell, looks[world[cell]], hidden=world, wrong=wrong)
    return strokes


def _visible(cell: Point, hidden: Mapping[Point, str] | set[Point]) -> Iterator[_Face]:
    for face in _FACES:
        x, y, z = (c + t for c, t in zip(cell, face.towards, strict=True))
        if (x, y, z) not in hidden:
            yield face


def _block(strokes: _Strokes, cell: Point, look: Look, hidden: World, wrong: bool) -> None:
    for face in _visible(cell, hidden):
        fill, joint = _shade(look.color, face.light), _shade(look.color, face.light * 0.8)
        edge, width = (_WRONG, 1.1) if wrong else (_shade(look.color, face.light * 0.62), 0.5)
        strokes.add([face.at(cell, u, v) for u, v in _SQUARE], fill, edge, width)
        for one, other in look.joints:
            strokes.add([face.at(cell, *one), face.at(cell, *other)], _CLEAR, joint, 0.4)
        for one, other in _CROSS if wrong else ():
            strokes.add([face.at(cell, *one), face.at(cell, *other)], _CLEAR, _WRONG, 1.1)


def _ghost(strokes: _Strokes, cell: Point, look: Look, hidden: set[Point]) -> None:
    tint = (*to_rgb(look.color), 0.16)
    for face in _visible(cell, hidden):
        strokes.add([face.at(cell, u, v) for u, v in _SQUARE], tint, _GHOST, 0.7, ":")


def _floor(strokes: _Strokes, everything: Sequence[Point]) -> None:
    """A pale grid of cells under all builds, one cell wider on every side."""
    (x1, x2), (y1, _), (z1, z2) = ((min(axis), max(axis)) for axis in zip(*everything, strict=True))
    for x in range(x1 - 1, x2 + 2):
        for z in range(z1 - 1, z2 + 2):
            corners = [_FACES[2].at((x, y1 - 1, z), u, v) for u, v in _SQUARE]
            strokes.add(corners, (0.955, 0.965, 0.975, 1.0), (0.87, 0.89, 0.91, 1.0), 0.4)


def _caption(axes: Axes, title: str, faults: str) -> None:
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.autoscale_view()
    head, *rest = title.splitlines() or [""]
    body = "\n".join([*rest, faults] if faults else rest)
    for height, text, weight, color in ((-0.01, head, "bold", "black"), (-0.085, body, "normal", "#4a5260")):
        axes.text(
            0.5,
            height,
            text,
            transform=axes.transAxes,
            ha="center",
            va="top",
            fontsize=11.5,
            fontweight=weight,
            color=color,
            linespacing=1.35,
        )


def _faults(target: World, world: World) -> str:
    wrong = sum(_is_wrong(target, cell, block) for cell, block in world.items())
    return f"{wrong} wrong, {len(target.keys() - world.keys())} missing"


def _legend(figure: Figure, builds: Sequence[tuple[str, World]], looks: Mapping[str, Look]) -> None:
    target = builds[0][1]
    keys = [
        Patch(facecolor=look.color, edgecolor=_shade(look.color, 0.62), label=block)
        for block, look in looks.items()
    ]
    if any(_is_wrong(target, cell, block) for _, world in builds for cell, block in world.items()):
        keys.append(
            Patch(facecolor="white", edgecolor=_WRONG, linewidth=1.4, hatch="xx", label="wrong block")
        )
    if any(target.keys() - world.keys() for _, world in builds):
        keys.append(Patch(facecolor="white", edgecolor=_GHOST, linestyle=":", label="missing"))
    figure.legend(handles=keys, loc="lower center", ncols=min(len(keys), 2 + 2 * len(builds)), frameon=False)


def _shade(color: str, light: float) -> Color:
    red, green, blue = (channel * light for channel in to_rgb(color))
    return red, green, blue, 1.0
