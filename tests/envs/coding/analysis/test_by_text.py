from __future__ import annotations

import pytest

from collm.envs.coding.analysis.by_text import is_ignored, is_wrapper, mentions_call, told_misuses


def test_a_mention_in_a_comment_is_a_call() -> None:
    assert mentions_call("def f(x):\n    # aux (x) would help\n    return x")
    assert not mentions_call("def f(x):\n    return aux2(x) + 'aux'")


@pytest.mark.parametrize(
    ("main", "wrapper"),
    [
        ("def f(x):\n    return aux(x)", True),
        ("def f(x):\n    return aux(x) + 1", True),
        ('def f(x):\n    """Doc.\n    More."""\n    # note\n    return aux(x)', True),
        ("def f(x):\n    v = aux(x)\n    return v", True),
        ("def f(x):\n    v = w = aux(x)\n    return w", True),
        ("def f(x):\n    v = aux(x)\n    return v + 1", False),
        ("def f(x):\n    v = aux(x)\n    w = v\n    return w", False),
        ("def f(x):\n    return x", False),
        ("def f(x):", True),
        ("", False),
    ],
)
def test_wrappers_are_told_by_counting_lines(main: str, wrapper: bool) -> None:
    assert is_wrapper(main) is wrapper


def test_quotes_on_a_line_of_their_own_swallow_what_follows() -> None:
    body = "\n    y = aux(x)\n    z = y + 1\n    return z"
    assert not is_wrapper(f'def f(x):\n    """Doc."""{body}')
    assert not is_wrapper(f'def f(x):\n    """Doc.\n    More."""{body}')
    assert is_wrapper(f'def f(x):\n    """Doc.\n    More.\n    """{body}')


@pytest.mark.parametrize(
    ("line", "ignored"),
    [("aux (x)", True), ("aux(x)", False), ("aux (xy)", False), ("y = aux (x)", False), ("aux (x);", False)],
)
def test_only_one_way_to_ignore_a_result_is_noticed(line: str, ignored: bool) -> None:
    assert is_ignored(f"def f(x):\n    {line}\n    return x") is ignored


def test_every_result_that_gets_a_name_is_blamed() -> None:
    main = (
        "def f(x):\n    y = aux(x)\n    aux(y)\n    z: int = aux(x)\n    a, b = aux(x)\n    return y + aux(z)"
    )
    assert told_misuses(main) == (
        "Line 2: assigned to y but never used",
        "Line 3: standalone call (not assigned)",
    )
    assert told_misuses("def f(x):\n    aux(x)\n  return") == ()
