from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collm.protocols.graph_words import Order, order_of, orders_of, work_of


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("discover plan: Say who does what.", Order("discover", "plan", text="Say who does what.")),
        ("Discover b after plan, a: Go on.", Order("discover", "b", after=("plan", "a"), text="Go on.")),
        ("assign plan to b", Order("assign", "plan", "b")),
        (" CLAIM plan ", Order("claim", "plan")),
        ("verify plan", Order("verify", "plan")),
        ("discover", None),
        ("close the door now", None),
        ("/fill 0 0 0 1 1 1 planks", None),
    ],
)
def test_a_line_is_read_as_an_order(line: str, order: Order | None) -> None:
    assert order_of(line) == order


def test_a_lead_may_think_aloud_between_its_orders() -> None:
    reply = "Let us see.\ndiscover x: do x\nThen\nassign x to b"
    assert [order.verb for order in orders_of(reply)] == ["discover", "assign"]


def test_work_follows_the_orders_that_a_reply_opens_with() -> None:
    orders, work = work_of("\nclaim x\n\ndef f():\n    return 1\nclaim y\n")
    assert [order.name for order in orders] == ["x"]
    assert work == "def f():\n    return 1\nclaim y\n"


def test_a_reply_without_orders_is_work_to_the_letter() -> None:
    assert work_of("\n  as it is\n") == ([], "\n  as it is\n")


@given(st.text())
def test_any_reply_can_be_read(reply: str) -> None:
    orders, work = work_of(reply)
    assert reply.endswith(work)
    assert len(orders_of(reply)) >= len(orders)
