from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collm.envs.coding.source import MAX_DEPTH, MAX_ROW_DEPTH, Fault, parse, parse_row

DEEP = {
    "signs": ("-", "", "1"),
    "attributes": ("", ".a", "x"),
    "items": ("", "[0]", "x"),
    "sum": ("", " + x", "x"),
    "lambdas": ("lambda: ", "", "x"),
    "conditions": ("x if x else ", "", "x"),
    "negations": ("not ", "", "x"),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_code_is_a_fault_whoever_asks(name: str) -> None:
    before, behind, core = DEEP[name]
    for levels in (MAX_DEPTH + 1, 1_500):
        source = before * levels + core + behind * levels
        assert parse(source) == Fault(f"nested deeper than {MAX_DEPTH} levels")
        assert _far_down(source, 150) == parse(source)
    assert isinstance(parse(before * 350 + core + behind * 350), ast.Module)


def _far_down(source: str, frames: int) -> ast.Module | Fault:
    """Parse with more callers above."""
    return parse(source) if frames == 0 else _far_down(source, frames - 1)


def test_a_datasets_own_code_may_be_long_but_not_deep() -> None:
    assert isinstance(parse_row("x = 1\n" * 10_000), ast.Module)
    assert parse_row("-" * 200 + "1") == Fault(f"nested deeper than {MAX_ROW_DEPTH} levels")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("()[]{}:-+.,='\"\\\n\0 \tdefx1lambda@"), max_size=300), st.integers(1, 400))
def test_no_text_makes_the_parser_raise(text: str, times: int) -> None:
    for source in (text, text * times, f"x = {text * times}"):
        assert isinstance(parse(source), (ast.Module, Fault))
