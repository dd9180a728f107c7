import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.writing.texts import (
    all_stop_words,
    jaccard,
    token_count,
    transition_categories,
    transitions,
    vocabulary,
)


def test_the_word_lists_have_the_published_sizes() -> None:
    entries = [entry for entries in transition_categories().values() for entry in entries]
    assert (len(transition_categories()), len(entries), len(set(entries))) == (12, 279, 230)
    assert len(all_stop_words()) == 106
    assert {"no", "on"} <= all_stop_words()


def test_tokens_and_words() -> None:
    assert token_count(" one  two\nthree-four\t") == 3
    assert token_count(" \n") == 0
    assert vocabulary("The cat, the CAT; a dog's", stop_words=True) == {"the", "cat", "a", "dog", "s"}
    assert vocabulary("The cat, the CAT; a dog's", stop_words=False) == {"cat", "dog", "s"}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("the cat sat", "a cat ran", 1 / 3), ("the a", "of", 1.0), ("the", "cat", 0.0), ("", "", 1.0)],
)
def test_jaccard(one: str, other: str, expected: float) -> None:
    assert jaccard(one, other) == expected


def test_substrings_count_only_without_word_boundaries() -> None:
    assert transitions("Dogs run fast.", whole_words=True) == {}
    assert transitions("Dogs run fast.", whole_words=False) == {"time": {"as"}}
    assert transitions("However,\nall the\n same.", whole_words=True) == {
        "contrast": {"however", "all the same"},
        "concession": {"however", "all the same"},
    }


@given(st.text(st.characters(exclude_categories=())), st.booleans())
def test_any_text_can_be_measured(text: str, whole_words: bool) -> None:
    found = transitions(text, whole_words)
    assert set(found) <= set(transition_categories())
    assert all(found.values())
    assert 0.0 <= jaccard(text, text + " cat") <= 1.0


@pytest.mark.parametrize("category", transition_categories())
def test_every_entry_is_found_in_either_way(category: str) -> None:
    for entry in transition_categories()[category]:
        for whole_words in (True, False):
            assert entry in transitions(f"Dogs, {entry.upper()}.", whole_words)[category]
