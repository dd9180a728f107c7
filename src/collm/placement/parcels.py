"""Folders as bytes, for machines that share no disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_TEXTS = frozenset({".json", ".md"})
"""Files in which libraries write where a model came from."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file, or all files of a folder.

    Attributes:
        origin: where it was packed; names it in texts.
        files: contents by path below the origin; a single file is called ``""``.
    """

    origin: str
    files: dict[str, bytes]


def packed(place: Path) -> Parcel:
    """A file or a folder with everything below it."""
    if place.is_file():
        return Parcel(str(place), {"": place.read_bytes()})
    files = sorted(path for path in place.rglob("*") if path.is_file())
    return Parcel(str(place), {str(path.relative_to(place)): path.read_bytes() for path in files})


def unpacked(parcel: Parcel, place: Path) -> None:
    """Write what was packed."""
    for name, content in parcel.files.items():
        file = place / name if name else place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def packed_by(fill: Callable[[Path], None]) -> Parcel:
    """What ``fill`` writes into a folder that it is given."""
    with TemporaryDirectory(prefix="collm-") as name:
        folder = Path(name)
        fill(folder)
        return packed(folder)


def renamed(parcel: Parcel, names: dict[str, str]) -> Parcel:
    """The parcel with other names of places in its texts, as they would be written there."""
    files = dict(parcel.files)
    for name, content in files.items():
        if Path(name).suffix in _TEXTS:
            for here, there in names.items():
                content = content.replace(_quoted(here), _quoted(there))
            files[name] = content
    return Parcel(parcel.origin, files)


def _quoted(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()
