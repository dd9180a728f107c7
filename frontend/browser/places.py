"""Where the views are, and what shows that each is drawn."""

from __future__ import annotations


def episode(run: str, tree: int = 0, path: str = "0.0", file: str = "update-000001") -> str:
    return f"#/episode?run={run}&file={file}&tree={tree}&path={path}"


PLACES = {
    "runs": ("#/runs", "figure canvas"),
    "episodes": ("#/episodes?run=hostile&run=builder", "[data-row] a"),
    "build": (episode("builder"), "canvas.voxels"),
    "tests": (episode("builder", 1), "ul.tests"),
    "marks": (episode("builder", 2), "mark"),
    "facts": (episode("builder", 3), ".panel pre"),
    "hostile": (episode("hostile", 0, "0"), ".more"),
    "failed": (episode("hostile", 1, "0"), ".turn .problem"),
    "compare": ("#/compare?left=builder&right=second", ".side:last-child .conversation"),
}
"""The address of each view, and a selector of what comes last."""
