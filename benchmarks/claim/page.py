"""Writes docs/claim.md from the rows of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from string import Template

from benchmarks.claim.cells import (
    ARMS,
    CLAIM,
    COMPARED,
    METHODS,
    OTHERS,
    RATES,
    TUNING_SEEDS,
    Arm,
)
from benchmarks.claim.gradients import TRUTH
from benchmarks.claim.numbers import LEVEL, Mean, Paired, mean_of, median_samples_to, of, paired
from benchmarks.claim.running import Row, chosen_rates

_HERE = Path(__file__).parent
_FEWEST = 5
"""Seeds below which nothing is concluded."""

_PAIRS = (
    *((arm, "cc", other) for arm in CLAIM for other in ("magrpo", "dc")),
    *((arm, "cc", other) for arm in ("late", "fog") for other in ("flat", "cc_short", "cc_lazy")),
    *((arm, one, "magrpo") for arm in OTHERS for one in ("cc", "cc_bare")),
)


def page(rows: Sequence[Row], gradients: Sequence[Row]) -> str:
    """The whole page: ``claim.md.txt`` with tables in it, then what to make of them, ``verdict.md.txt``."""
    seeds = sorted({row["seed"] for row in rows} - set(TUNING_SEEDS))
    return Template(_HERE.joinpath("claim.md.txt").read_text(encoding="utf-8")).substitute(
        seeds=f"{seeds[0]} to {seeds[-1]}" if seeds else "none",
        rates=", ".join(f"{rate:g}" for rate in RATES),
        tuning=", ".join(map(str, TUNING_SEEDS)),
        level=f"{LEVEL:g}",
        arms="\n".join(_arm_lines()),
        chosen="\n".join(_chosen_lines(rows)),
        scores="\n".join(_score_lines(rows)),
        paired="\n".join(_paired_lines(rows)),
        gradients="\n".join(_gradient_lines(gradients)),
        right=", ".join(
            f"{row['right']:.0%} on `{row['arm']}`" for row in gradients if row["estimator"] == TRUTH
        ),
        words=_HERE.joinpath("verdict.md.txt").read_text(encoding="utf-8"),
    )


def _arm_lines() -> Iterator[str]:
    yield "| arm | what it is | `env` | joint samples |\n|---|---|---|---|"
    for arm in ARMS.values():
        settings = ", ".join(f"{key}: {_yaml(value)}" for key, value in arm.env.items())
        yield f"| {arm.name} | {arm.title} | `{settings}` | {arm.samples} |"


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _chosen_lines(rows: Sequence[Row]) -> Iterator[str]:
    chosen = chosen_rates(rows)
    methods = list(dict.fromkeys(method for _, method in sorted(chosen)))
    yield f"| tuned on | {' | '.join(METHODS[method].title for method in methods)} |"
    yield "|---" * (len(methods) + 1) + "|"
    for arm in dict.fromkeys(arm for arm, _ in sorted(chosen)):
        yield f"| {arm} | {' | '.join(f'{chosen[arm, method]:g}' for method in methods)} |"


def _score_lines(rows: Sequence[Row]) -> Iterator[str]:
    yield (
        f"| arm | method | seeds | share of the best return | samples to {LEVEL:g} | got there "
        "| steps of agents, critics | CPU s |\n|---|---|---|---|---|---|---|---|"
    )
    for arm in ARMS.values():
        for name in METHODS:
            own = list(of(rows, arm.name, name).values())
            if own:
                yield _score_line(arm, name, own)


def _score_line(arm: Arm, name: str, rows: Sequence[Row]) -> str:
    middle, reached = median_samples_to(rows)
    price = "–" if middle is None else f"{middle:.0f}"
    share = _interval(mean_of([row["score"] for row in rows]))
    seconds = fmean(row["seconds"] for row in rows)
    steps = f"{rows[0]['agent_steps']}, {rows[0]['critic_steps']}"
    title = f"**{METHODS[name].title}**" if name in COMPARED else METHODS[name].title
    return f"| {arm.name} | {title} | {len(rows)} | {share} | {price} | {reached} | {steps} | {seconds:.0f} |"


def _paired_lines(rows: Sequence[Row]) -> Iterator[str]:
    yield "| arm | difference | mean and 95 % interval | ahead on | verdict |\n|---|---|---|---|---|"
    for arm, one, other in _PAIRS:
        found = paired(rows, arm, one, other)
        if found is not None:
            names = f"{METHODS[one].title} − {METHODS[other].title}"
            ahead = f"{found.ahead} of {found.seeds}"
            yield f"| {arm} | {names} | {_interval(found.difference, '+')} | {ahead} | {verdict(found)} |"


def verdict(found: Paired) -> str:
    """Whether the interval leaves 0 out, if there are seeds enough for one."""
    if found.seeds < _FEWEST:
        return "too few seeds"
    if found.difference.low > 0:
        return "the first is better"
    return "the second is better" if found.difference.high < 0 else "not told apart"


def _gradient_lines(rows: Sequence[Row]) -> Iterator[str]:
    yield f"| | {' | '.join(f'{arm}, noise | {arm}, bias' for arm in CLAIM)} |"
    yield "|---" * (2 * len(CLAIM) + 1) + "|"
    for title in dict.fromkeys(row["title"] for row in rows):
        own = {row["arm"]: row for row in rows if row["title"] == title}
        cells = [_gradient_cells(own.get(arm)) for arm in CLAIM]
        yield f"| {title} | {' | '.join(cells)} |"


def _gradient_cells(row: Row | None) -> str:
    """Noise and bias; where the squared gradient comes out below 0, it is lost in its own noise."""
    if row is None:
        return "– | –"
    return f"{row['noise']:.2f} | {row['bias']:+.2f}" if row["noise"] > 0 else "not seen | –"


def _interval(one: Mean, sign: str = "") -> str:
    return f"{one.mean:{sign}.3f} [{one.low:{sign}.3f}, {one.high:{sign}.3f}]"
