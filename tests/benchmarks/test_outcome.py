from __future__ import annotations

import json
from pathlib import Path

from benchmarks.outcome import Row, kept, markdown


def test_a_row_is_worked_for_once(tmp_path: Path) -> None:
    file, worked = tmp_path / "rows.jsonl", []

    def work() -> Row:
        worked.append(1)
        return {"seconds": len(worked)}

    for seed in (1, 2, 1, 2):
        kept(file, {"case": "a", "seed": seed}, work)
    assert [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] == [
        {"case": "a", "seed": 1, "seconds": 1},
        {"case": "a", "seed": 2, "seconds": 2},
    ]
    assert kept(file, {"case": "a", "seed": 2}, work) == {"case": "a", "seed": 2, "seconds": 2}


def test_a_column_that_a_row_lacks_is_a_dash() -> None:
    assert markdown([{"case": "a", "share": 0.123456}, {"case": "b"}]) == (
        "| case | share |\n| --- | --- |\n| a | 0.123 |\n| b | - |\n"
    )
