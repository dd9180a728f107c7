"""The words that the reward counts, as a viewer is told to mark them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.writing.base import Source, Writing
from collm.envs.writing.sections import Sections
from collm.envs.writing.texts import jaccard, transitions
from collm.envs.writing.tldr import TLDR

TASK = Source("post", "My roommate left.")


def marked(env: Writing, **replies: str) -> dict[str, list[tuple[str, str]]]:
    """For each text the marked words with their labels."""
    panel = env.panel(TASK, [replies])
    assert panel is not None
    assert panel["kind"] == "marks"
    return {
        each["name"]: [(each["text"][span["start"] : span["end"]], span["label"]) for span in each["spans"]]
        for each in panel["texts"]
    }


def test_transition_words_and_shared_words_are_marked_where_they_stand() -> None:
    found = marked(TLDR(), summary="Roommate left.", elaboration="However, my ROOMMATE moved.")
    assert found["summary"] == [("Roommate", "shared")]
    assert set(found["elaboration"]) == {
        ("However", "contrast"),
        ("However", "concession"),
        ("ROOMMATE", "shared"),
    }


def test_the_reference_counts_transition_words_of_the_last_text_alone_and_inside_words() -> None:
    found = marked(TLDR(variant="reference"), summary="However, no.", elaboration="It was.")
    assert found["summary"] == []
    assert ("as", "time") in found["elaboration"]


def test_words_shared_with_either_neighbor_are_marked() -> None:
    found = marked(Sections(), background="alpha one", method="alpha beta", implications="beta two")
    assert found["method"] == [("alpha", "shared"), ("beta", "shared")]


def test_a_single_writer_is_marked_in_its_two_paragraphs() -> None:
    found = marked(TLDR(num_agents=1), writer="Paragraph 1: Moved out. [PARAGRAPH_SPLIT] Hence moved.")
    assert found == {
        "summary": [("Moved", "shared")],
        "elaboration": [("Hence", "cause_effect"), ("moved", "shared")],
    }


def test_nothing_is_marked_before_the_first_turn() -> None:
    assert TLDR().panel(TASK, []) is None


@pytest.mark.parametrize("variant", ["paper", "reference"])
@given(texts=st.tuples(st.text(), st.text()))
def test_any_text_is_marked_just_where_the_reward_counts(variant: str, texts: tuple[str, str]) -> None:
    env = TLDR.model_validate({"variant": variant})
    panel = env.panel(TASK, [dict(zip(env.agents, texts, strict=True))])
    assert panel is not None
    assert json.loads(json.dumps(panel)) == panel
    last = panel["texts"][-1]
    assert {span["label"] for span in last["spans"]} - {"shared"} == set(
        transitions(texts[1], env.rules.whole_words)
    )
    assert all(0 <= span["start"] < span["end"] <= len(last["text"]) for span in last["spans"])
    if not any(span["label"] == "shared" for span in last["spans"]):
        assert jaccard(*texts) in (0.0, 1.0)


def test_letters_that_grow_in_lower_case_do_not_move_the_marks() -> None:
    found = marked(TLDR(), summary="out", elaboration="İİ, however, out")
    assert ("however", "contrast") in found["elaboration"]
    assert ("out", "shared") in found["elaboration"]
