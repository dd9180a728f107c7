"""Whether a recipe may go on with a run: all that decides its results must be the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from collm.errors import CollmError

_MEMORY = ("batch_tokens", "batch_rows")
"""Keys that bound memory and not results, at whatever depth."""

_PLACEMENT = "placement"
"""The section that says where a run computes, and not what."""


def check_same(stored: Mapping[str, Any], given: Mapping[str, Any], folder: Path) -> None:
    """Test that two configurations, as plain data, make the same run.

    Raises:
        CollmError: naming the keys that differ, but for those that may change.
    """
    changed = sorted(path for path in _differences(stored, given) if not _may_change(path))
    if changed:
        problem = f"the recipe differs from the run's in {', '.join(changed)}."
        mend = (
            "resume with the same recipe and overrides; "
            f"only training.max_updates, {_PLACEMENT}, {' and '.join(_MEMORY)} may change."
        )
        raise CollmError(f"--out {folder}", problem, mend)


def _may_change(path: str) -> bool:
    if path.partition(".")[0] == _PLACEMENT or path == "training.max_updates":
        return True
    return path.rpartition(".")[2] in _MEMORY


def _differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from _differences(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    elif one != other:
        yield path
