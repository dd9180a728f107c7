"""Files that are whole or absent: written beside their place, flushed, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from collm.errors import CollmError

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
    write_text(file, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_json_lines(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file with one JSON object a line."""
    write_text(file, "".join(map(_json_line, rows)))


def append_json_line(file: Path, row: Mapping[str, Any]) -> None:
    """Add one row; a half-written last line is cut off when the run is resumed."""
    line = _json_line(row)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())


def _json_line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def read_json_lines(file: Path) -> list[dict[str, Any]]:
    """Every row. A last line that was cut short, so that its end is missing, is left out.

    Raises:
        CollmError: naming the line, if another one is broken or no object.
    """
    *lines, rest = file.read_bytes().split(b"\n") if file.is_file() else [b""]
    rows = [_row(line, f"{file}, line {number}") for number, line in enumerate(lines, start=1)]
    with suppress(CollmError):
        rows.append(_row(rest, str(file)))
    return rows


def _row(line: bytes, where: str) -> dict[str, Any]:
    mend = "restore the line, or remove it."
    try:
        row = json.loads(line.decode("utf-8"), parse_constant=_refused)
    except ValueError as error:
        raise CollmError(where, f"not valid JSON: {getattr(error, 'msg', error)}.", mend) from None
    except RecursionError:
        raise CollmError(where, "not readable JSON: nested too deeply.", mend) from None
    if not isinstance(row, dict):
        raise CollmError(where, f"{row!r} is no object.", mend)
    return row


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Create a folder in one step, with a manifest of its files' checksums.

    Args:
        folder: where it will stand; replaced if it exists.
        fill: writes the contents into an empty folder.
    """
    beside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        fill(beside)
        write_json(beside / MANIFEST, {name: checksum(beside / name) for name in _names(beside)})
        for path in beside.rglob("*"):
            _flush(path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)  # on a full disk its space is needed
        raise
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
    except (OSError, ValueError, RecursionError, AttributeError):
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
