"""Whether two runs came to the same, wherever they played."""

from __future__ import annotations

from pathlib import Path

from tests.training.test_loop import checksums, episodes, rows


def assert_same_results(found: Path, expected: Path) -> None:
    """Every logged number, every episode and every byte of the last checkpoint but its recipe."""
    assert rows(found / "metrics.jsonl") == rows(expected / "metrics.jsonl")
    assert rows(found / "evaluations.jsonl") == rows(expected / "evaluations.jsonl")
    assert episodes(found) == episodes(expected)
    assert _models(found) == _models(expected)


def _models(out: Path) -> dict[str, str]:
    return {name: value for name, value in checksums(out).items() if name != "config.yaml"}
