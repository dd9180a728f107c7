"""Packages laid on the import path as an installer would: a module, and what its metadata announces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, package: str, module: str, code: str, points: Mapping[str, str]) -> None:
    """Write ``module`` and the metadata of ``package``, with an entry point's value by ``group:name``."""
    (folder / f"{module}.py").write_text(code)
    metadata = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = []
    for place, value in points.items():
        group, _, name = place.partition(":")
        lines.append(f"[{group}]\n{name} = {value}\n")
    (metadata / "entry_points.txt").write_text("\n".join(lines))
