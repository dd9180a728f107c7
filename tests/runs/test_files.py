from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.runs.files import (
    MANIFEST,
    append_json_line,
    checksum,
    damage,
    read_json_lines,
    write_folder,
    write_json,
    write_json_lines,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    write_text(file, "old")
    write_text(file, "neü")
    assert file.read_text(encoding="utf-8") == "neü"
    assert names(tmp_path) == ["note.txt"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    write_json(file, {"a": 1})
    with pytest.raises(TypeError):
        write_json(file, {"a": object()})
    assert json.loads(file.read_text()) == {"a": 1}


def test_rows_are_appended_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    write_json_lines(file, [{"update": 1, "text": "a\u2028b\nc\x85d"}])
    append_json_line(file, {"update": 2, "text": "雪"})
    assert read_json_lines(file) == [{"update": 1, "text": "a\u2028b\nc\x85d"}, {"update": 2, "text": "雪"}]


@pytest.mark.parametrize("rest", ['{"update": 3', "{", '{"update": 3, "te', "\x00\x00", '{"a"'])
def test_a_half_written_last_row_is_left_out(tmp_path: Path, rest: str) -> None:
    file = tmp_path / "rows.jsonl"
    write_json_lines(file, [{"update": 1}, {"update": 2}])
    with file.open("a") as stream:
        stream.write(rest)
    assert read_json_lines(file) == [{"update": 1}, {"update": 2}]


def test_a_row_cut_inside_a_character_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    write_json_lines(file, [{"update": 1}])
    with file.open("ab") as stream:
        stream.write('{"text": "雪'.encode()[:-1])
    assert read_json_lines(file) == [{"update": 1}]


@pytest.mark.parametrize("line", ["{", "", "5", "[]", '{"a": Infinity}', "\x00", "\udcff"])
def test_a_broken_row_before_the_last_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(f'{{"a": 1}}\n{line}\n{{"a": 3}}\n'.encode(errors="surrogateescape"))
    with pytest.raises(CollmError) as caught:
        read_json_lines(file)
    assert caught.value.where == f"{file}, line 2"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_invalid_json_is_written(tmp_path: Path, value: float) -> None:
    file = tmp_path / "rows.jsonl"
    for write in (append_json_line, write_json, lambda file, row: write_json_lines(file, [row])):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write(file, {"loss": value})
    assert not file.exists()


def test_an_absent_file_has_no_rows(tmp_path: Path) -> None:
    assert read_json_lines(tmp_path / "nowhere.jsonl") == []


def fill(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "weights").write_bytes(b"12345")
    (folder / "below" / "note").write_text("hello")


def test_a_folder_is_whole_and_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "update-1"
    write_folder(folder, fill)
    assert damage(folder) is None
    assert names(folder) == ["below", MANIFEST, "weights"]
    assert names(folder.parent) == ["update-1"]
    assert json.loads((folder / MANIFEST).read_text())["below/note"] == checksum(folder / "below" / "note")


def test_a_folder_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "update-1"
    write_folder(folder, fill)
    write_folder(folder, lambda place: write_text(place / "new", "new"))
    assert names(folder) == [MANIFEST, "new"]
    assert damage(folder) is None


def test_filling_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    def break_off(folder: Path) -> None:
        fill(folder)
        raise OSError("disk full")

    folder = tmp_path / "update-1"
    with pytest.raises(OSError, match="disk full"):
        write_folder(folder, break_off)
    assert list(tmp_path.rglob("*.partial")) == [], "on a full disk the space is needed"
    assert not folder.exists()
    write_folder(folder, fill)
    assert damage(folder) is None


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (lambda folder: (folder / "weights").write_bytes(b"12346"), "weights does not have its checksum"),
        (lambda folder: (folder / "weights").write_bytes(b"1234"), "weights does not have its checksum"),
        (lambda folder: (folder / "weights").unlink(), "weights is missing"),
        (lambda folder: (folder / MANIFEST).unlink(), "manifest.json cannot be read"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "manifest.json cannot be read"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "manifest.json names no files"),
        (lambda folder: (folder / MANIFEST).write_bytes(b"\xff"), "manifest.json cannot be read"),
        (lambda folder: (folder / MANIFEST).write_text("[" * 100_000), "manifest.json cannot be read"),
    ],
)
def test_damage_is_named(tmp_path: Path, harm: object, problem: str) -> None:
    folder = tmp_path / "update-1"
    write_folder(folder, fill)
    assert callable(harm)
    harm(folder)
    assert damage(folder) == problem
