import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from collm.env import make_env
from collm.envs.writing.base import Writing
from collm.envs.writing.reward import LEVELS, Plateau, Rules, Score, Weights, score_texts, transition_credit
from collm.envs.writing.texts import transition_categories

SUMMARY = "I broke up with my girlfriend last week because she lied repeatedly."
ELABORATION = (
    "After two years together, my girlfriend kept hiding conversations; consequently trust vanished, "
    "therefore separation happened. However, friends believe reconciliation remains possible, while "
    "family disagrees."
)


def rules(kind: str = "tldr", **config: object) -> Rules:
    env = make_env({"type": kind, **config})
    assert isinstance(env, Writing)
    return env.rules


PAPER, REFERENCE = rules(), rules(variant="reference")


def score(one: str, two: str, under: Rules = REFERENCE) -> Score:
    return score_texts({"summary": one, "elaboration": two}, under)


def words(count: int, width: int, first: int = 0) -> str:
    """Different words of one length that are neither stop words nor transitions nor hide any."""
    letters = "zxqvk"
    names = []
    for number in range(first, first + count):
        digits = ""
        for _ in range(width):
            number, digit = divmod(number, 5)
            digits += letters[digit]
        names.append(digits)
    return " ".join(names)


def test_the_golden_example_of_the_reference() -> None:
    result = score(SUMMARY, ELABORATION)
    assert result.reward == pytest.approx(2.82)
    assert result.components == pytest.approx(
        {"structure": 0.5, "coordination": 1.0, "vocabulary": 0.5, "style": 0.82}
    )
    assert result.metrics["length_ratio"] == pytest.approx(3.0588, abs=1e-4)
    assert result.metrics["unique_word_ratio"] == 2.0
    assert result.metrics["transition_categories"] == 4.0
    assert result.metrics["score"] == pytest.approx(0.94)


def test_the_golden_example_in_the_paper_reading() -> None:
    result = score(SUMMARY, ELABORATION, PAPER)
    assert result.metrics["unique_word_ratio"] == 2.875
    assert result.reward == pytest.approx(2.0 + 0.4 * 0.6 * math.log(5) + 0.6)


@pytest.mark.parametrize(
    ("ratio", "credit"),
    [
        (1.0999, None),
        (1.1, 0.0),
        (1.35, 0.5),
        (1.6, 1.0),
        (3.2, 1.0),
        (4.1, 0.5),
        (5.0, 0.0),
        (5.0001, None),
        (0.0, None),
    ],
)
def test_length_credit(ratio: float, credit: float | None) -> None:
    assert PAPER.length_ratio.credit(ratio) == (None if credit is None else pytest.approx(credit))


@pytest.mark.parametrize(
    ("ratio", "credit"), [(1.2999, None), (1.3, 0.0), (1.65, 0.5), (2.0, 1.0), (99.0, 1.0)]
)
def test_vocabulary_credit(ratio: float, credit: float | None) -> None:
    assert PAPER.vocabulary_ratio.credit(ratio) == (None if credit is None else pytest.approx(credit))


@pytest.mark.parametrize(
    ("length", "vocabulary"),
    [(0.8, 0.5), (1.05, 0.6), (1.3, 0.7), (1.6, 1.3), (1.8, 1.5), (2.0, 1.7), (2.01, 1.71)],
)
def test_arxiv_credit(length: float, vocabulary: float) -> None:
    under = rules("arxiv")
    expected = {0.8: 0.0, 1.05: 0.5, 1.3: 1.0, 1.6: 1.0, 1.8: 0.5, 2.0: 0.0}.get(length)
    for credit in (under.length_ratio.credit(length), under.vocabulary_ratio.credit(vocabulary)):
        assert credit == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(("tokens", "paid"), [(7, 0.0), (8, 0.5), (256, 0.5), (257, 0.0)])
@pytest.mark.parametrize("place", [0, 1])
def test_the_token_gate_of_the_reference(tokens: int, paid: float, place: int) -> None:
    pair = [words(20, 4)] * 2
    pair[place] = words(tokens, 4)
    assert score(pair[0], pair[1]).components["structure"] == paid
    assert score(pair[0], pair[1], PAPER).components["structure"] == 0.5
    if not paid:
        assert score(pair[0], pair[1]).reward == 0.0
        assert score(pair[0], pair[1], rules(token_gate=True)).reward == 0.0


@pytest.mark.parametrize(("tokens", "paid"), [(127, 0.0), (128, 0.5), (256, 0.5), (257, 0.0)])
def test_the_token_gate_of_arxiv(tokens: int, paid: float) -> None:
    texts = {"background": words(tokens, 5), "method": words(200, 5)}
    assert score_texts(texts, rules("arxiv", variant="reference")).components["structure"] == paid


@pytest.mark.parametrize("under", [PAPER, REFERENCE])
@pytest.mark.parametrize("place", [0, 1])
def test_an_empty_text_earns_nothing(under: Rules, place: int) -> None:
    pair = [words(20, 4)] * 2
    pair[place] = " \n"
    result = score(pair[0], pair[1], under)
    assert result.reward == 0.0
    assert all(map(math.isfinite, result.metrics.values()))


def exact_pair(length: int, unique: int) -> tuple[str, str]:
    """A text of 100 characters and 10 different words, and one of the given sizes that shares none."""
    first, second = words(10, 9), words(unique, 6, first=500)
    first, second = first + "." * (100 - len(first)), second + "." * (length - len(second))
    assert (len(first), len(second)) == (100, length)
    return first, second


@pytest.mark.parametrize("under", [PAPER, REFERENCE])
@pytest.mark.parametrize(
    ("length", "unique", "coordination", "vocabulary", "style"),
    [
        (109, 15, None, 0.0, 0.0),
        (110, 13, 0.0, 0.0, 0.0),
        (135, 13, 0.5, 0.0, 0.0),
        (160, 12, 1.0, None, 0.0),
        (160, 13, 1.0, 0.0, 0.0),
        (320, 20, 1.0, 0.5, 0.0),
        (410, 40, 0.5, 0.5, 0.0),
        (500, 40, 0.0, 0.5, 0.0),
        (501, 40, None, 0.0, 0.0),
    ],
)
def test_boundaries_and_gates(
    under: Rules, length: int, unique: int, coordination: float | None, vocabulary: float | None, style: float
) -> None:
    one, two = exact_pair(length, unique)
    result = score(one, two, replace(under, jaccard_cap=1e-9))
    expected = {
        "structure": 0.5,
        "coordination": coordination or 0.0,
        "vocabulary": vocabulary or 0.0,
        "style": style,
    }
    assert result.components == pytest.approx(expected)


@pytest.mark.parametrize(("length", "unique"), [(110, 13), (500, 40), (160, 13)])
def test_a_level_that_pays_nothing_still_opens_the_next(length: int, unique: int) -> None:
    one, two = exact_pair(length - 10, unique - 1)
    result = score(one, f"{two} {words(1, 9)}", replace(REFERENCE, jaccard_cap=0.01))
    assert result.metrics["length_ratio"] == length / 100
    assert result.metrics["unique_word_ratio"] == unique / 10
    assert result.components["style"] == pytest.approx(0.6)


def test_a_failed_level_may_forfeit_all() -> None:
    one, two = exact_pair(160, 12)
    assert score(one, two, PAPER).reward == 1.5
    forfeited = score(one, two, replace(PAPER, out_of_range="forfeit"))
    assert forfeited.reward == 0.0
    assert forfeited.metrics["ungated_reward"] == score(one, two, PAPER).metrics["ungated_reward"]


@pytest.mark.parametrize(("count", "linear"), [(0, 0.0), (1, 0.4), (2, 0.45), (12, 0.95)])
def test_transition_credit(count: int, linear: float) -> None:
    assert transition_credit(count, "linear") == pytest.approx(linear)
    assert transition_credit(count, "logarithmic") == pytest.approx(min(1.0, 0.6 * math.log(count + 1)))
    assert transition_credit(5, "logarithmic") == 1.0


def test_the_maxima_are_reached_and_no_more() -> None:
    every = ", ".join(entries[-1] for entries in transition_categories().values())
    best = f"{words(2, 9)} {words(40, 3, first=5)} {every}"
    one = words(10, 9) + "." * (len(best) // 2 - 99)
    assert score(one, best, REFERENCE).reward == pytest.approx(2.98)
    assert score(one, best, PAPER).reward == pytest.approx(3.0)
    assert REFERENCE.best == pytest.approx(2.98)
    assert PAPER.best == pytest.approx(3.0)


def test_where_transitions_are_looked_for() -> None:
    one, two = "However, " + words(8, 4), words(16, 5, first=200)
    seen = {
        scope: score(one, two, replace(PAPER, transition_scope=scope)).metrics["transition_categories"]
        for scope in ("each", "joined", "last")
    }
    assert seen == {"each": 2.0, "joined": 2.0, "last": 0.0}
    split = replace(REFERENCE, transition_scope="joined")
    assert score("zz th", "us zz", split).metrics["transition_words"] == 1.0


@pytest.mark.parametrize("number", [2, 3, 8])
def test_many_texts_are_scored_by_neighbours(number: int) -> None:
    under = rules("sections")
    texts = {f"s{n}": f"{words(12, 5)} however" for n in range(number)}
    even = score_texts(texts, under)
    assert even.components["coordination"] == 1.0
    assert even.components["vocabulary"] == 0.5
    assert even.metrics["jaccard"] == 1.0
    texts[f"s{number - 1}"] = words(60, 5)
    odd = score_texts(texts, under)
    assert odd.components["coordination"] == pytest.approx((number - 2) / (number - 1))
    assert odd.components["vocabulary"] == odd.components["style"] == 0.0


TEXT = st.text(st.characters(exclude_categories=()), max_size=400)


@settings(max_examples=150)
@given(
    texts=st.lists(TEXT | st.sampled_from([SUMMARY, ELABORATION]), min_size=2, max_size=5),
    kind=st.sampled_from(["tldr", "arxiv", "sections"]),
    variant=st.sampled_from(["paper", "reference"]),
    out_of_range=st.sampled_from(["keep", "forfeit"]),
)
def test_any_texts_have_a_finite_reward_within_range(
    texts: list[str], kind: str, variant: str, out_of_range: str
) -> None:
    under = rules(kind, variant=variant, out_of_range=out_of_range)
    result = score_texts({f"t{n}": text for n, text in enumerate(texts)}, under)
    assert tuple(result.components) == LEVELS
    assert 0.0 <= result.reward <= under.best + 1e-9
    assert result.reward <= result.metrics["ungated_reward"] + 1e-9
    assert all(map(math.isfinite, result.metrics.values()))


@given(st.floats(0.01, 10), st.floats(0, 5), st.floats(0, 5), st.floats(0, 5), st.floats(0, 50))
def test_a_plateau_gives_shares(low: float, rise: float, flat: float, fall: float, ratio: float) -> None:
    ends = [low, low + rise, low + rise + flat, low + rise + flat + fall]
    plateau = Plateau(low=ends[0], full_from=ends[1], full_to=ends[2], high=ends[3])
    credit = plateau.credit(ratio)
    assert (credit is None) == (not ends[0] <= ratio <= ends[3])
    assert credit is None or -1e-9 <= credit <= 1 + 1e-9
    assert not plateau.is_full(ratio) or credit == 1.0


@pytest.mark.parametrize(
    "ends",
    [
        {"low": 2.0, "full_from": 1.0},
        {"low": 0.0, "full_from": 1.0},
        {"low": 1.0, "full_from": 2.0, "full_to": 3.0},
        {"low": 1.0, "full_from": math.inf},
    ],
)
def test_a_plateau_refuses_disorder(ends: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Plateau(**ends)


def test_weights_of_nothing_score_nothing() -> None:
    nothing = Weights(structure=0, coordination=0, vocabulary=0, transitions=0, jaccard=0)
    assert score(SUMMARY, ELABORATION, replace(PAPER, weights=nothing)).metrics["score"] == 0.0
