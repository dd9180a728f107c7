"""What weights that may lag buy, whatever the models and cards: only ratios of times matter.

``python -m benchmarks.simulation.lag`` prints how many times as fast updates are as with staleness 0.
An update's replies take 1 on all slots if these are always busy, in two rounds of each slot; learning takes a
part of that, on other cards; turns and graders are not simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.simulation.events import Plan, simulate

AGENTS, SPREADS, LEARNING, STALENESS = (1, 8, 64), (0.0, 0.7), (0.25, 1.0, 2.0), (1, 2, 4)
EPISODES, UPDATES = 64, 16
Row = tuple[float, ...]


def main() -> None:
    print("agents | spread of lengths | learning | update, staleness 0 |", *(f"{lag} |" for lag in STALENESS))
    for row in rows(AGENTS, UPDATES):
        print(" | ".join(f"{value:.3g}" for value in row))


def rows(agents: Sequence[int], updates: int) -> Iterator[Row]:
    """Agents, spread, learning, an update's time with staleness 0, and times as fast with more."""
    for number in agents:
        for spread in SPREADS:
            for learning in LEARNING:
                yield (number, spread, learning, *_times(plan_of(number, spread, learning), updates))


def plan_of(agents: int, spread: float, learning: float) -> Plan:
    """Each agent has an engine of its own, of half as many slots as there are episodes."""
    return Plan(
        agents=agents,
        episodes=EPISODES,
        token=0.5,
        spread=spread,
        most_tokens=5.0,
        slots=EPISODES // 2,
        pools=agents,
        learning=learning,
    )


def _times(plan: Plan, updates: int) -> Row:
    whole = simulate(plan, updates).update
    return (whole, *(whole / simulate(replace(plan, staleness=lag), updates).update for lag in STALENESS))


if __name__ == "__main__":
    main()
