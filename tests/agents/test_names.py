from __future__ import annotations

import pytest

from collm.agents.names import check_names
from collm.errors import CollmError


def test_plain_words_are_names() -> None:
    check_names(["a", "player_1", "Left", "9", "_x", "red-team", "team"], "agents")


@pytest.mark.parametrize("name", ["a/b", "..", ".", "-a", "", "a b", "ä", "a.b", "*", "a\n", "a:b"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(CollmError) as caught:
        check_names(["good", name], "mine.yaml: agents")
    assert caught.value.where == f"mine.yaml: agents.{name}"
    assert repr(name) in caught.value.problem
