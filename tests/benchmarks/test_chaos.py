from __future__ import annotations

from benchmarks.chaos import drawn


def test_each_kill_is_a_bar_as_long_as_it_cost() -> None:
    rows = [
        {"at": 5.0, "cost": 2.0, "kind": "node", "doing": "update", "victim": "a node"},
        {"at": 9.0, "cost": 4.0, "kind": "worker", "doing": "sampling", "victim": "learner a"},
    ]
    (axes,) = drawn(rows).axes
    bars = {(bar.get_x(), bar.get_width()) for bar in axes.patches}  # type: ignore[attr-defined]
    assert bars == {(5.0, 2.0), (9.0, 4.0)}
    assert [text.get_text().strip() for text in axes.texts] == ["update: a node", "sampling: learner a"]
