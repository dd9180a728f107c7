import csv
import gzip
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from collm.data.rows import is_file_name, load_labelled_rows, load_rows, select
from collm.errors import CollmError

ROWS = [{"prompt": f"post {index}, with a comma\nand \u2028 odd ends", "n": str(index)} for index in range(4)]
HAS_DATASETS = importlib.util.find_spec("datasets") is not None


def write(folder: Path, suffix: str) -> str:
    file = folder / f"posts{suffix}"
    if suffix == ".json":
        file.write_text(json.dumps(ROWS, ensure_ascii=False), encoding="utf-8")
    elif suffix in (".jsonl", ".jsonl.gz"):
        lines = (json.dumps(row, ensure_ascii=False) for row in ROWS)
        data = ("\n".join(lines) + "\n\n").encode()
        file.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    elif suffix == ".csv":
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, ["prompt", "n"])
            writer.writeheader()
            writer.writerows(ROWS)
    else:
        pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(ROWS), file)
    return str(file)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".jsonl.gz", ".csv", ".parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet" and not HAS_DATASETS:
        pytest.skip("the extra collm[data] is not installed")
    file = write(tmp_path, suffix)
    assert load_rows(file, "env.dataset", columns=("prompt", "n")) == ROWS
    assert load_rows(file, "env.dataset", split="1:3") == ROWS[1:3]
    assert [place for place, _ in load_labelled_rows(file, "env.dataset", split="2:")] == [
        f"{file}[2]",
        f"{file}[3]",
    ]


@pytest.mark.skipif(HAS_DATASETS, reason="the extra collm[data] is installed")
@pytest.mark.parametrize("name", ["trl-lib/tldr", "posts.parquet"])
def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("posts.parquet").write_bytes(b"PAR1")
    with pytest.raises(CollmError, match=r"pip install 'collm\[data\]'"):
        load_rows(name, "env.dataset")


@pytest.mark.skipif(not HAS_DATASETS, reason="the extra collm[data] is not installed")
def test_the_hub_client_reads_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path.parent)
    write(tmp_path, ".parquet")
    (tmp_path / "posts.parquet").rename(tmp_path / "train-0.parquet")
    assert load_rows(tmp_path.name, "env.dataset", split="train[1:]") == ROWS[1:]


def test_hub_splits_and_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def load_dataset(name: str, split: str) -> list[dict[str, str]]:
        asked.append((name, split))
        return ROWS

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    assert load_rows("some/posts", "env.dataset") == ROWS
    assert load_rows("some/posts", "env.dataset", split="val[-1:]") == ROWS[-1:]
    assert load_labelled_rows("some/posts", "env.dataset", split="test[1:2]")[0][0] == "some/posts/test[1]"
    assert asked == [("some/posts", "train"), ("some/posts", "val"), ("some/posts", "test")]
    with pytest.raises(CollmError, match=r"env.train.*'train\[:1000\]'"):
        load_rows("some/posts", "env.train", split="a b")
    with pytest.raises(CollmError, match="no column 'abstract_text'; there are 'prompt', 'n'"):
        load_rows("some/posts", "env.dataset", columns=["abstract_text"])


def test_a_hub_failure_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(name: str, split: str) -> None:
        raise ValueError("Unknown split")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(
        CollmError, match=r"cannot load split 'dev' of some/posts .*Unknown split.*local file"
    ):
        load_rows("some/posts", "env.dataset", split="dev")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.json", "{", "not valid json"),
        ("rows.json", '{"prompt": 1}', "must hold a list of objects"),
        ("rows.jsonl", "[1]\n", "must hold a list of objects"),
        ("rows.json", "[]", "empty"),
        ("rows.csv", "prompt\n", "empty"),
        ("rows.csv", "prompt,n\n1\n", r"rows.csv\[0\].*number of cells"),
        (
            "rows.csv",
            "prompt,n,prompt\n1,2,3\n",
            r"rows.csv: the header names the column 'prompt' more than once",
        ),
        ("rows.csv", 'prompt\n"open', "not valid csv"),
        ("rows.txt", "a", "cannot tell the format"),
        ("rows.json", '[{"prompt": "\\ud800"}]', r"rows.json\[0\].prompt: half of a surrogate pair"),
        ("rows.jsonl", '{"n": ' + "9" * 5000 + "}", "not valid jsonl"),
        ("rows.jsonl", "[" * 200_000, "not valid jsonl"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    with pytest.raises(CollmError, match=message):
        load_rows(str(file), "env.dataset")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(CollmError, match=r"env.dataset: no such file: no/posts.jsonl"):
        load_rows("no/posts.jsonl", "env.dataset")
    with pytest.raises(CollmError, match="neither a file nor a hub id"):
        load_rows("a/b/c/d", "env.dataset")
    with pytest.raises(CollmError, match=r"env\.dataset: '/' is a folder"):
        load_labelled_rows("/", "env.dataset", split=":8", split_where="env.train")
    assert not is_file_name("trl-lib/tldr")
    assert is_file_name("posts.CSV")


@pytest.mark.parametrize(
    ("cut", "expected"), [(":2", [0, 1]), ("[1:3]", [1, 2]), ("-1:", [3]), (None, [0, 1, 2, 3])]
)
def test_select(cut: str | None, expected: list[int]) -> None:
    assert list(select(range(4), cut, "env.train")) == expected


@pytest.mark.parametrize("cut", ["train", "4:", "1:1", "1"])
def test_select_refuses(cut: str) -> None:
    with pytest.raises(CollmError, match=r"env\.train"):
        select(range(4), cut, "env.train")
