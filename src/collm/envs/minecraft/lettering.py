"""The strings of StrBuild: a 5 x 5 font, the target it draws, and the embedded dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from collm.env import Split
from collm.envs.minecraft.blueprint import Point
from collm.errors import CollmError

GLYPH_SIZE = 5
SPACING = 2
FONT = {
    "A": "01110/10001/11111/10001/10001",
    "B": "11110/10001/11110/10001/11110",
    "C": "01111/10000/10000/10000/01111",
    "D": "11110/10001/10001/10001/11110",
    "E": "11111/10000/11110/10000/11111",
    "F": "11111/10000/11110/10000/10000",
    "G": "01111/10000/10111/10001/01110",
    "H": "10001/10001/11111/10001/10001",
    "I": "11111/00100/00100/00100/11111",
    "J": "00111/00010/00010/10010/01100",
    "K": "10001/10010/11100/10010/10001",
    "L": "10000/10000/10000/10000/11111",
    "M": "10001/11011/10101/10001/10001",
    "N": "10001/11001/10101/10011/10001",
    "O": "01110/10001/10001/10001/01110",
    "P": "11110/10001/11110/10000/10000",
    "Q": "01110/10001/10001/10011/01111",
    "R": "11110/10001/11110/10010/10001",
    "S": "01111/10000/01110/00001/11110",
    "T": "11111/00100/00100/00100/00100",
    "U": "10001/10001/10001/10001/01110",
    "V": "10001/10001/10001/01010/00100",
    "W": "10001/10001/10101/11011/10001",
    "X": "10001/01010/00100/01010/10001",
    "Y": "10001/01010/00100/00100/00100",
    "Z": "11111/00010/00100/01000/11111",
    "0": "01110/10011/10101/11001/01110",
    "1": "00100/01100/00100/00100/01110",
    "2": "11110/00001/01110/10000/11111",
    "3": "11110/00001/01110/00001/11110",
    "4": "10010/10010/11111/00010/00010",
    "5": "11111/10000/11110/00001/11110",
    "6": "01111/10000/11110/10001/01110",
    "7": "11111/00010/00100/01000/01000",
    "8": "01110/10001/01110/10001/01110",
    "9": "01110/10001/01111/00001/11110",
}
"""Rows from top to bottom. Any other character is blank."""

_STRINGS = (
    ("I", 1),
    ("C", 1),
    ("M", 1),
    ("L", 1),
    ("MC", 2),
    ("CM", 2),
    ("LI", 3),
    ("LLM", 3),
    ("ICML", 3),
    ("CLIM", 3),
)
_TRAIN_STRINGS = 8


@dataclass(frozen=True, slots=True)
class Lettering:
    """One string to write in blocks, upright in the plane z = 0 with its low left corner at the origin.

    Attributes:
        id: the task's name.
        text: the string in upper case.
        difficulty: 1 to 3 in the dataset; no rule depends on it.
    """

    id: str
    text: str
    difficulty: int = 1

    @property
    def rows(self) -> tuple[str, ...]:
        """The drawing from top to bottom, ``#`` for a block and ``.`` for the background."""
        return _rows(self.text)

    @property
    def end(self) -> Point:
        """The highest corner of the box, inclusive; the lowest is the origin."""
        return len(self.rows[0]) - 1, GLYPH_SIZE - 1, 0

    @property
    def cells(self) -> tuple[Point, ...]:
        """The cells of the letters, from the top down and from left to right."""
        return _cells(self.text)


@lru_cache(maxsize=1024)
def _rows(text: str) -> tuple[str, ...]:
    blank = "/".join(["0" * GLYPH_SIZE] * GLYPH_SIZE)
    glyphs = [FONT.get(letter, blank).split("/") for letter in text]
    rows = ((("0" * SPACING).join(row)) for row in zip(*glyphs, strict=True))
    return tuple(row.replace("1", "#").replace("0", ".") for row in rows)


@lru_cache(maxsize=1024)
def _cells(text: str) -> tuple[Point, ...]:
    cells = (
        (x, GLYPH_SIZE - 1 - row, 0)
        for row, line in enumerate(_rows(text))
        for x, mark in enumerate(line)
        if mark == "#"
    )
    return tuple(sorted(cells, key=lambda cell: (-cell[1], cell[0])))


def parse_lettering(row: Mapping[str, Any], where: str) -> Lettering:
    """Read a row with ``string``, and perhaps ``difficulty`` and ``task_id``.

    Raises:
        CollmError: if the string has nothing to draw or the difficulty is no whole number.
    """
    text = row.get("string")
    if not isinstance(text, str) or not any(letter in FONT for letter in text.upper()):
        mend = "write a string with at least one letter A-Z or digit."
        raise CollmError(f"{where}.string", f"{text!r} has nothing to draw.", mend)
    difficulty = _difficulty(row.get("difficulty") or 1, f"{where}.difficulty")
    task = row.get("task_id")
    return Lettering(where if task in (None, "") else str(task), text.strip().upper(), difficulty)


def _difficulty(value: Any, where: str) -> int:
    """A whole number, or a text of one, as CSV files have."""
    if isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal()):
        return int(value)
    raise CollmError(where, f"{value!r} is not a whole number.", "write 1, 2 or 3.")


def embedded_strings(split: Split) -> tuple[Lettering, ...]:
    """The ten strings of the reference: eight to train on, then two longer ones."""
    tasks = [
        Lettering(f"str_build_{number:04d}", text, difficulty)
        for number, (text, difficulty) in enumerate(_STRINGS, start=1)
    ]
    return tuple(tasks[:_TRAIN_STRINGS] if split == "train" else tasks[_TRAIN_STRINGS:])
