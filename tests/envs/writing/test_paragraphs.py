import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.envs.writing.paragraphs import two_paragraphs


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Paragraph 1: a b\n[PARAGRAPH_SPLIT]\nParagraph 2: c d", ("a b", "c d")),
        ("a [PARAGRAPH_SPLIT] b [PARAGRAPH_SPLIT] c", ("a", "b [PARAGRAPH_SPLIT] c")),
        ("paragraph 1: a\nPARAGRAPH 2: b paragraph 2: c", ("a", "b paragraph 2: c")),
        ("abcdefghi", ("abc", "defghi")),
        ("\n abcdefghi \n\n", ("abc", "defghi")),
        ("ab", ("a", "b")),
        ("a", ("a", "")),
        ("", ("", "")),
    ],
)
def test_a_reply_is_cut(reply: str, expected: tuple[str, str]) -> None:
    assert two_paragraphs(reply) == expected


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_reply_is_cut(one: str, two: str) -> None:
    for reply in (one, f"{one}[PARAGRAPH_SPLIT]{two}", f"{one}Paragraph 2:{two}"):
        first, second = two_paragraphs(reply)
        assert len(first) + len(second) <= len(reply)
