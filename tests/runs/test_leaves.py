from __future__ import annotations

from collm.runs.leaves import episodes_of


def test_every_leaf_is_an_episode_with_the_turns_before_it() -> None:
    rows = [
        {"tree": 0, "path": [0]},
        {"tree": 0, "path": [0, 0]},
        {"tree": 0, "path": [0, 1]},
        {"tree": 0, "path": [1]},
        {"tree": 1, "task": "x", "failure": "the sandbox died"},
        {"tree": 2, "path": [0]},
    ]
    found = [[(row["tree"], row["path"]) for row in episode] for episode in episodes_of(rows)]
    assert found == [
        [(0, [0]), (0, [0, 0])],
        [(0, [0]), (0, [0, 1])],
        [(0, [1])],
        [(2, [0])],
    ]
