"""Reads task rows from files and from the Hugging Face hub, and cuts them into splits."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from collm.data.checks import check_row
from collm.errors import AbsentError, CollmError

RowT = TypeVar("RowT")
Row = dict[str, Any]
_SLICE = re.compile(r"^\[?(-?\d*):(-?\d*)\]?$")
_HUB_CUT = re.compile(r"^(?P<name>[\w.-]+)(?P<slice>\[-?\d*:-?\d*\])?$")
_HUB_ID = re.compile(r"^[\w.-]+(/[\w.-]+)?$")


def load_rows(
    dataset: str, where: str, *, split: str | None = None, columns: Sequence[str] = ()
) -> list[Row]:
    """Read the rows of a file, or of a dataset on the hub if ``dataset`` has no file's suffix.

    Args:
        dataset: a ``.json``, ``.jsonl``, ``.jsonl.gz``, ``.csv`` or ``.parquet`` file, or a hub id such
            as ``trl-lib/tldr``.
        where: names the config field in errors.
        split: of a file, a slice such as ``:8``; of a hub dataset, a split's name with or without a
            slice, such as ``train[:1000]`` (``None``: ``train``).
        columns: the columns that every row must have.

    Raises:
        CollmError: if the source is missing, malformed or empty, or lacks a column.
    """
    return [row for _, row in load_labelled_rows(dataset, where, split=split, columns=columns)]


def load_labelled_rows(
    dataset: str,
    where: str,
    *,
    split: str | None = None,
    columns: Sequence[str] = (),
    split_where: str | None = None,
) -> list[tuple[str, Row]]:
    """As :func:`load_rows`, each row with its place in the source, such as ``posts.csv[17]``.

    ``split_where`` names the config field of the split in errors, if it is not ``where``.
    """
    rows: Sequence[Row]
    split_where = split_where or where
    if is_file_name(dataset):
        rows, cut, source = _read_file(dataset, where), split, dataset
    else:
        _check_hub_id(dataset, where)
        name, cut = _hub_cut(dataset, split, split_where)
        rows, source = _read_hub(dataset, name, where), f"{dataset}/{name}"
    if not len(rows):
        raise CollmError(source, "the dataset is empty.", "add at least one task.")
    chosen = [(f"{source}[{index}]", rows[index]) for index in select(range(len(rows)), cut, split_where)]
    for place, row in chosen:
        _check_columns(row, columns, place)
        check_row(row, place)
    return chosen


def is_file_name(dataset: str) -> bool:
    """Whether the name of a dataset is that of a file, by its suffix or because the file exists."""
    return _suffix(dataset) in _READERS or Path(dataset).expanduser().is_file()


def select(rows: Sequence[RowT], cut: str | None, where: str) -> Sequence[RowT]:
    """The rows of a slice such as ``:8`` or ``[8:10]``; all of them if it is ``None``.

    Raises:
        CollmError: if the slice is malformed or leaves nothing.
    """
    if cut is None:
        return rows
    match = _SLICE.match(cut.strip())
    if match is None:
        raise CollmError(where, f"{cut!r} is not a slice.", "write it as ':8' or '8:10', or null for all.")
    start, stop = (int(part) if part else None for part in match.groups())
    chosen = rows[start:stop]
    if not chosen:
        raise CollmError(where, f"slice {cut!r} of {len(rows)} rows is empty.", "choose rows that exist.")
    return chosen


def optional_module(name: str, where: str, extra: str) -> Any:
    """Import a module that only the package's ``extra`` installs.

    Raises:
        CollmError: if it is not installed, with the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        problem = f"this needs the package {name.partition('.')[0]}, which is not installed."
        raise AbsentError(where, problem, f"run: pip install 'collm[{extra}]'") from None


def _read_file(path: str, where: str) -> list[Row]:
    file = Path(path).expanduser()
    if not file.is_file():
        mend = f"give the path of a {', '.join(_READERS)} file, or the id of a dataset on the hub."
        raise AbsentError(where, f"no such file: {path}.", mend)
    suffix = _suffix(path)
    if suffix not in _READERS:
        problem = f"cannot tell the format of {path} by its suffix."
        raise CollmError(where, problem, f"rename it to one of {', '.join(_READERS)}.")
    try:
        rows = _READERS[suffix](file)
    except CollmError:
        raise
    except Exception as error:
        raise CollmError(
            path, f"not valid {suffix.removeprefix('.')}: {error}.", "correct the file."
        ) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CollmError(path, "the file must hold a list of objects.", "write one object for each task.")
    return rows


def _suffix(path: str) -> str:
    """The ending that tells the format, such as ``.csv``; with ``.gz`` the one before it too."""
    suffixes = Path(path.lower()).suffixes
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def _read_json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8-sig"))


def _read_json_lines(file: Path) -> list[Any]:
    return _parse_json_lines(file.read_bytes())


def _read_gzipped_json_lines(file: Path) -> list[Any]:
    return _parse_json_lines(gzip.decompress(file.read_bytes()))


def _parse_json_lines(data: bytes) -> list[Any]:
    lines = data.decode("utf-8-sig").split("\n")  # splitlines would cut at U+2028 inside strings
    return [json.loads(line) for line in lines if line.strip()]


def _read_csv(file: Path) -> list[Row]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        _check_header(reader.fieldnames or (), file)
        rows = list(reader)
    for index, row in enumerate(rows):
        if None in row or None in row.values():
            raise CollmError(f"{file}[{index}]", "another number of cells than the header.", "correct it.")
    return rows


def _check_header(names: Sequence[str], file: Path) -> None:
    """Of two columns with one name the first would be lost without a word."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        problem = f"the header names the column {twice!r} more than once."
        raise CollmError(str(file), problem, "give each column a name of its own.")


def _read_parquet(file: Path) -> list[Row]:
    rows: list[Row] = optional_module("pyarrow.parquet", str(file), "data").read_table(file).to_pylist()
    return rows


_READERS: Mapping[str, Callable[[Path], Any]] = {
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".jsonl.gz": _read_gzipped_json_lines,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}


def _hub_cut(dataset: str, split: str | None, where: str) -> tuple[str, str | None]:
    """The split's name and its slice, if it has one."""
    match = _HUB_CUT.match((split or "train").strip())
    if match is None:
        kind = "a folder of such" if Path(dataset).is_dir() else "such"
        problem = f"{split!r} is not a split of a hub dataset, and {dataset} is no file but {kind}."
        mend = (
            "write the split's name, with a slice if you like: 'train[:1000]'; or name a file as the dataset."
        )
        raise CollmError(where, problem, mend)
    return match["name"], match["slice"]


def _check_hub_id(dataset: str, where: str) -> None:
    if _HUB_ID.match(dataset) is None:
        kind = "is a folder" if Path(dataset).expanduser().is_dir() else "is neither a file nor a hub id"
        mend = f"give the path of a {', '.join(_READERS)} file, or an id such as trl-lib/tldr."
        raise CollmError(where, f"{dataset!r} {kind}.", mend)


def _read_hub(dataset: str, split: str, where: str) -> Sequence[Row]:
    datasets = optional_module("datasets", where, "data")
    try:
        rows: Sequence[Row] = datasets.load_dataset(dataset, split=split)
    except Exception as error:
        problem = f"cannot load split {split!r} of {dataset} from the hub: {error}"
        mend = "check the id, the split and the network, or give a local file with the same columns."
        raise AbsentError(where, problem, mend) from None
    return rows


def _check_columns(row: Row, columns: Sequence[str], place: str) -> None:
    missing = [column for column in columns if column not in row]
    if missing:
        problem = f"no column {missing[0]!r}; there are {', '.join(map(repr, row))}."
        raise CollmError(place, problem, f"add the column {missing[0]!r}.")
