"""Runs to look at: a builder with panels and a tree, and a writer whose replies try everything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.view.made_runs import write_rows, write_run

OWNED = "window.owned = true; document.title = 'owned'; alert(1)"
SCRIPTS = f'<script>{OWNED}</script><img src=x onerror="{OWNED}"><svg/onload="{OWNED}"></pre></textarea>'
LINKS = f'<a href="javascript:{OWNED}">click</a> [x](javascript:alert(1)) &lt;b&gt; {{{{7*7}}}} ${{7*7}}'
TERMINAL = "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m\x00\x08\r\x9b1m"
BIDI = "\u202egnp.exe\u202c \u2066isolated\u2069 \u200bzero\ufeff \U000e0041"
RTL = "שלום עולם، مرحبا بالعالم\nmixed עברית and English"
LONE = "\ud800 lone \udfff surrogates"
LARGE = "one line of a megabyte " * 45_000
LINES = "\n".join(f"line {number}" for number in range(30_000))
REPLIES = {
    "scripts": SCRIPTS,
    "links": LINKS,
    "terminal": TERMINAL,
    "bidi": BIDI,
    "rtl": RTL,
    "lone": LONE,
    "large": LARGE,
    "lines": LINES,
    "zalgo": "z" + "\u0335\u0322\u0489" * 400,
    "empty": "",
}
"""One agent for each trick."""

PANELS = """
from collm.envs.probes import CreditProbe

class Own(CreditProbe):
    def panel(self, task, turns):
        said = turns[-1]["a"] if "a" in turns[-1] else ""
        cells = [[x, y, z, "stone" if y else "wood"] for x in range(3) for y in range(3) for z in range(2)]
        if said == "build":
            return {"kind": "voxels", "built": cells[: 6 * len(turns)] + [[0, 3, 0, "wood"]], "target": cells,
                    "legend": {"stone": "#8a8a8a", "wood": "#b07a3c"}}
        if said == "test":
            return {"kind": "tests", "program": "def f(n):\\n    return n + 1", "tests": [
                {"name": "f(1) == 2", "outcome": "passed"},
                {"name": "f('') == 1", "outcome": "failed", "error": "TypeError: <b>no</b>"}]}
        if said == "mark":
            spans = [{"start": 0, "end": 4, "label": "first"}, {"start": 2, "end": 8, "label": "second"}]
            text = {"name": "a", "text": "some 😀 words <i>x</i>", "spans": spans}
            return {"kind": "marks", "texts": [text]}
        if said == "facts":
            return {"kind": "my_own", "text": "<script>alert(1)</script>"}
        return None
"""


def row(path: list[int], said: Mapping[str, str], task: str, tree: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "tree": tree,
        "task": task,
        "path": path,
        "turn": len(path) - 1,
        "observations": dict.fromkeys(said, f"Task {task}: go on."),
        "replies": dict(said),
        "tokens": dict.fromkeys(said, 3),
        "finish_reasons": {name: "length" if name == "b" else "stop" for name in said},
        "logprobs": dict.fromkeys(said, -1.5),
        "versions": dict.fromkeys(said, 4),
        "raw_reward": 0.5 + 0.1 * sum(path),
        "reward": -0.5 + 0.1 * sum(path),
        "components": {"match": 0.5, "spiders": -0.25},
        "metrics": {"iou": 0.5, "fills": 3.0},
        "values": {"team": -0.3},
        "targets": {"team": -0.6},
        "advantages": {name: 0.5 * place - 0.25 for place, name in enumerate(said)},
        "terminated": len(path) > 1,
    } | more


def tree_rows(said: str, task: str, tree: int) -> list[dict[str, Any]]:
    """Two branches of two, with log-probabilities of tokens and blame on one turn."""
    both = {"a": said, "b": "/fill 0 0 0\n" * 14}
    tokens = {
        "token_texts": {"a": ["bu", "ild"], "b": None},
        "token_logprobs": {"a": [-0.01, -7.5], "b": [-0.5, -2.0, -4.5]},
        "blame": {"a": 0.9, "b": 0.1},
    }
    paths = [[0], [0, 0], [0, 1], [1], [1, 0], [1, 1]]
    return [row(path, both, task, tree, **(tokens if path == [0] else {})) for path in paths]


def tasks() -> list[str]:
    from collm.envs.probes import CreditProbe

    return [task.id for task in CreditProbe().tasks("test")]


def write_runs(folder: Path) -> None:
    """``builder`` and ``second`` on the same tasks, ``hostile`` on none, ``many`` of 3,000 episodes."""
    (folder / "own_panels.py").write_text(PANELS)
    kinds = ("build", "test", "mark", "facts")
    rows = [line for tree, said in enumerate(kinds) for line in tree_rows(said, tasks()[0], tree)]
    for name in ("builder", "second"):
        own = write_run(folder / "runs" / name, update__000001=rows, evaluation__before=rows[:6])
        config = own / "config.yaml"
        config.write_text(config.read_text().replace("probe_credit", "own_panels:Own"))
    failed = {"tree": 1, "task": SCRIPTS, "failure": f"died {SCRIPTS} {TERMINAL}"}
    hostile = row([0], REPLIES, f"{SCRIPTS}{BIDI}", components={SCRIPTS: 1.0})
    write_run(folder / "runs" / "hostile", update__000001=[hostile, failed])
    many = [row([0], {"a": f"word{n}"}, f"task_{n:04}", tree=n, reward=n / 3000) for n in range(3000)]
    write_run(folder / "runs" / "many", update__000001=many)


def add_update(run: Path) -> None:
    """What a run that trains adds."""
    write_rows(run / "episodes" / "update-000003.jsonl", [row([0], {"a": "freshly said"}, "fresh_task")])
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write('{"update": 3, "return_mean": 9.5}\n')
