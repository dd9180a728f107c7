"""How many trivial programs a second the sandbox grades, and what a hanging neighbour costs."""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time

from collm.sandbox import Limits, Program, SandboxConfig, Step, grade, grade_many, guards
from collm.sandbox.pool import shared_pool

TRIVIAL = Program(
    "def f(x):\n    return x + 1", "f", tuple(Step(f"assert candidate({n}) == {n + 1}") for n in (1, 2))
)
HANGING = Program("def f(x):\n    while True: pass", "f", (Step("assert candidate(0)"),) * 9)


def rate(config: SandboxConfig, programs: int) -> float:
    started = time.perf_counter()
    verdicts = grade_many([TRIVIAL] * programs, config)
    assert all(verdict.all_passed for verdict in verdicts)
    return programs / (time.perf_counter() - started)


def milliseconds_beside_a_hang(config: SandboxConfig, programs: int) -> list[float]:
    neighbour = threading.Thread(target=grade, args=(HANGING, config))
    neighbour.start()
    times = []
    for _ in range(programs):
        started = time.perf_counter()
        grade(TRIVIAL, config)
        times.append(1000 * (time.perf_counter() - started))
    assert neighbour.is_alive()
    neighbour.join()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--programs", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    config = SandboxConfig(slots=options.slots, limits=Limits(test_seconds=2))
    print(guards(config))
    rate(config, 2 * options.slots)
    rates = [rate(config, options.programs) for _ in range(options.repeats)]
    print(f"{options.slots} slots on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"programs a second: best {max(rates):.0f}, median {statistics.median(rates):.0f}")
    times = milliseconds_beside_a_hang(config, 50)
    print(f"beside a hanging program: median {statistics.median(times):.1f} ms, longest {max(times):.1f} ms")
    shared_pool(config).close()


if __name__ == "__main__":
    main()
