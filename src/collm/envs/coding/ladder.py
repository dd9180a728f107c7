"""The reward of a turn, step by step (paper appendix F.2; the figures are the reference code's)."""

from __future__ import annotations

from collections.abc import Mapping

from collm.envs.coding.replies.reading import Reading

AUX_DEFINED, MAIN_DEFINED, SYNTAX, TESTS, AUX_USED, SUBSTANCE, IGNORED = 0.4, 0.6, 0.5, 1.0, 0.5, 1.0, -0.5

BEST = AUX_DEFINED + MAIN_DEFINED + SYNTAX + TESTS + AUX_USED + SUBSTANCE
BEST_ALONE = MAIN_DEFINED + SYNTAX + TESTS


def climb(reading: Reading, passed: int, total: int) -> Mapping[str, float]:
    """The terms of the reward; a step that fails its gate leaves all later ones at 0.

    Main must be defined, the joint code must parse and there must be tests; the helper's bonuses need a
    passed test besides. A missing helper costs its own points alone.
    """
    steps = dict.fromkeys(
        ("aux_defined", "main_defined", "syntax", "tests", "aux_used", "substance", "aux_ignored"), 0.0
    )
    steps["aux_defined"] = AUX_DEFINED * reading.aux.complete
    if not reading.main.complete:
        return steps
    steps["main_defined"] = MAIN_DEFINED
    if reading.fault is not None:
        return steps
    steps["syntax"] = SYNTAX
    if total == 0:
        return steps
    steps["tests"] = TESTS * passed / total
    if passed > 0 and reading.aux.source and reading.aux_called:
        steps["aux_used"] = AUX_USED
        steps["substance"] = SUBSTANCE * (not reading.wrapper)
        steps["aux_ignored"] = IGNORED if reading.aux_ignored else 0.0
    return steps
