from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulation.cluster import TURNS, Order, placed, recipe
from benchmarks.simulation.costs import costs_of
from benchmarks.simulation.events import Plan, simulate
from benchmarks.simulation.validation import errors, fitted
from collm.report.rates import Rates
from collm.report.timing import of_lengths, seconds

ALIKE = Plan(
    agents=2, episodes=4, turns=2, mean_tokens=10, token=0.1, reading=0.5, slots=4, pools=2, grading=0.25,
    graders=2, learning=3, sync=0.5,
)  # fmt: skip
"""Two turns of a reply (1.5 s) and two rounds of grading (0.5 s); then 3.5 s."""

PLANS = st.builds(
    Plan,
    agents=st.integers(1, 4),
    episodes=st.integers(1, 6),
    turns=st.integers(1, 3),
    mean_tokens=st.floats(1, 20),
    spread=st.sampled_from([0.0, 0.8]),
    slots=st.integers(1, 8),
    pools=st.integers(1, 4),
    grading=st.floats(0, 5),
    graders=st.integers(1, 4),
    learning=st.floats(0, 50),
    sync=st.floats(0, 5),
    overlap=st.booleans(),
    staleness=st.integers(0, 3),
)


def test_replies_alike_behind_barriers_take_the_sum_of_all_phases() -> None:
    outcome = simulate(replace(ALIKE, overlap=False), 3)
    assert outcome.ends == pytest.approx((7.5, 15.0, 22.5))
    assert outcome.update == pytest.approx(7.5)


def test_without_barriers_the_first_graded_episodes_draw_their_next_turn() -> None:
    """Pairs are graded at 1.75 and 2, drawn at 3.25 and 3.5, graded at 3.5 and 3.75: a round is saved."""
    assert simulate(ALIKE, 1).ends == pytest.approx((7.25,))


def test_more_replies_than_slots_are_drawn_one_batch_after_another() -> None:
    assert simulate(Plan(agents=1, episodes=5, slots=2), 1).ends == pytest.approx((3.0,))


def test_agents_that_share_a_pool_wait_for_each_other() -> None:
    assert simulate(Plan(agents=3, episodes=2, slots=2, pools=1), 1).ends == pytest.approx((3.0,))
    assert simulate(Plan(agents=3, episodes=2, slots=2, pools=3), 1).ends == pytest.approx((1.0,))


@pytest.mark.parametrize(("learning", "longest"), [(3.0, 3.0), (1.0, 1.5)])
def test_an_update_of_lagging_weights_takes_as_long_as_its_longer_half(
    learning: float, longest: float
) -> None:
    plan = Plan(agents=1, episodes=3, slots=3, token=1.5, learning=learning)
    assert simulate(plan, 8).update == pytest.approx(1.5 + learning)
    assert simulate(replace(plan, staleness=1), 8).update == pytest.approx(longest)


def test_weights_that_may_not_lag_never_do() -> None:
    assert simulate(ALIKE, 4).staleness == 0


def test_a_long_reply_is_cut() -> None:
    outcome = simulate(replace(ALIKE, spread=3.0, most_tokens=10), 2, seed=1)
    assert outcome.tokens <= 10 * outcome.replies


@settings(deadline=None, max_examples=60)
@given(PLANS)
def test_nothing_is_lost_and_nobody_works_more_than_there_is_time(plan: Plan) -> None:
    outcome = simulate(plan, 4)
    assert outcome.episodes == 4 * plan.episodes
    assert outcome.replies == 4 * plan.episodes * plan.agents * plan.turns
    assert outcome.grader_seconds == pytest.approx(4 * plan.episodes * plan.turns * plan.grading)
    assert outcome.slot_seconds == pytest.approx(outcome.tokens)
    assert outcome.slot_seconds <= plan.slots * plan.pools * outcome.ends[-1] * (1 + 1e-9)
    assert outcome.grader_seconds <= plan.graders * outcome.ends[-1] * (1 + 1e-9)
    assert 0 <= outcome.staleness <= plan.staleness
    assert list(outcome.ends) == sorted(outcome.ends)


@settings(deadline=None, max_examples=40)
@given(PLANS)
def test_no_update_is_faster_than_its_longest_stage(plan: Plan) -> None:
    outcome = simulate(plan, 4)
    stages = (
        outcome.slot_seconds / (plan.slots * plan.pools),
        outcome.grader_seconds / plan.graders,
        4 * (plan.learning + plan.sync),
    )
    assert outcome.ends[-1] >= max(stages) * (1 - 1e-9)


def test_the_same_seed_gives_the_same_updates() -> None:
    plan = replace(ALIKE, spread=0.7)
    assert simulate(plan, 3, seed=5) == simulate(plan, 3, seed=5) != simulate(plan, 3, seed=6)


def test_the_parts_of_drawing_add_up_to_it() -> None:
    rates = Rates("test", 1e12, 1e11, 1e5)
    config = recipe("Qwen/Qwen3-1.7B", 2)
    costs = costs_of(config, rates, 4, 100, 11)
    training = config.training.model_copy(update={"tasks_per_update": 4})
    batch = of_lengths(config.model_copy(update={"training": training}), 100, 11)
    drawing = seconds(batch, rates)[0].drawing
    assert TURNS * (costs.reading + 11 * costs.token) == pytest.approx(drawing)
    assert min(costs.reading, costs.token, costs.agent, costs.critics) > 0


def test_cards_are_split_where_the_update_is_shortest() -> None:
    lagging, shared = Order("lagging", staleness=1), Order("shared", shared=True)
    found = placed("Qwen/Qwen3-1.7B", 2, 4, lagging)
    assert (found.engines + found.learners, found.cards) == (4, 8 + found.learners)
    assert placed("Qwen/Qwen3-1.7B", 2, 4, shared).cards == 2 * 4 + 4


def test_a_factor_that_all_predictions_lack_is_found_from_the_others() -> None:
    rows = [
        {
            "measured sampling": 3.0 * n,
            "predicted sampling": n,
            "measured learning": n,
            "predicted learning": 2.0 * n,
        }
        for n in (1.0, 2.0, 5.0)
    ]
    assert errors(rows)["sampling"] == pytest.approx({"median": 3.0, "largest": 3.0})
    assert errors(rows)["learning"] == pytest.approx({"median": 2.0, "largest": 2.0})
    assert errors(fitted(rows))["sampling"] == pytest.approx({"median": 1.0, "largest": 1.0})
