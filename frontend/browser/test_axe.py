"""Every view in light and dark before axe; what axe cannot decide counts as found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from frontend.browser.conftest import Open
from frontend.browser.places import PLACES

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"


def findings(page: Any) -> dict[str, list[str]]:
    """What axe finds and what it cannot decide, as rules with the elements.

    It cannot judge text that is scrolled out of a box, hence the sizes that hold everything.
    """
    page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    return {
        kind: [f"{rule['id']}: {node['html'][:160]}" for rule in result[kind] for node in rule["nodes"]]
        for kind in ("violations", "incomplete")
    }


@pytest.mark.parametrize("size", ["tall", "strip"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", PLACES)
def test_axe_finds_nothing_and_leaves_nothing_open(
    open_page: Open, view: str, scheme: str, size: str
) -> None:
    place, ready = PLACES[view]
    page = open_page(place, size, scheme)
    page.wait_for_selector(ready)
    assert findings(page) == {"violations": [], "incomplete": []}


SEEDED = {
    "violations": "style='color: #aaaaaa; background: #ffffff'",
    "incomplete": "style='color: #ffffff; background-image: linear-gradient(#ffffff, #000000)'",
}


@pytest.mark.parametrize("kind", SEEDED)
def test_a_defect_that_is_planted_is_found(open_page: Open, kind: str) -> None:
    page = open_page()
    page.wait_for_selector("figure canvas")
    # Through the element's own style object: the page's policy forbids style attributes.
    script = """(text) => {
        const line = document.querySelector('main').appendChild(document.createElement('p'));
        line.textContent = 'hard to read'; line.style.cssText = text.slice(7, -1);
    }"""
    page.evaluate(script, SEEDED[kind])
    found = findings(page)[kind]
    assert [line.split(":")[0] for line in found] == ["color-contrast"]
