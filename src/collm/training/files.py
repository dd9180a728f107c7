"""Files that are whole or absent: written beside their place, flushed, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


def write_text(file: Path, text: str) -> None:
    """Replace a file in one step."""
    beside = file.with_name(f".{file.name}.partial")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)


def write_json(file: Path, data: Any) -> None:
    """Replace a file with indented JSON."""
    write_text(file, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_json_lines(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file with one JSON object a line."""
    write_text(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def append_json_line(file: Path, row: Mapping[str, Any]) -> None:
    """Add one row; a half-written last line is cut off when the run is resumed."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_json_lines(file: Path) -> list[dict[str, Any]]:
    """Every whole row, up to the first broken one."""
    rows: list[dict[str, Any]] = []
    if file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Create a folder in one step, with a manifest of its files' checksums.

    Args:
        folder: where it will stand; replaced if it exists.
        fill: writes the contents into an empty folder.
    """
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    fill(beside)
    write_json(beside / MANIFEST, {name: checksum(beside / name) for name in _names(beside)})
    for path in beside.rglob("*"):
        _flush(path)
    shutil.rmtree(folder, ignore_errors=True)
    beside.replace(folder)
    _flush(folder.parent)


def damage(folder: Path) -> str | None:
    """What is wrong with a folder written by :func:`write_folder`, ``None`` if nothing is."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if not manifest:
            return f"{MANIFEST} names no files"
        for name, expected in manifest.items():
            if not (folder / name).is_file():
                return f"{name} is missing"
            if checksum(folder / name) != expected:
                return f"{name} does not have its checksum"
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AttributeError):
        return f"{MANIFEST} cannot be read"
    return None


def checksum(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
