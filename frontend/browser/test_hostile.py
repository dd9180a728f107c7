"""A transcript that tries everything stays a text."""

from __future__ import annotations

from typing import Any

from frontend.browser.conftest import Open, Served, until
from frontend.browser.hostile import LARGE, LINKS, RTL, SCRIPTS
from frontend.browser.places import episode

HOSTILE = episode("hostile", 0, "0")


def reply(page: Any, agent: str) -> Any:
    return page.locator(f"article[aria-label^='{agent},'] pre.said").last


def test_scripts_and_markup_are_shown_and_never_run(open_page: Open) -> None:
    page = open_page(HOSTILE)
    assert reply(page, "scripts").text_content() == SCRIPTS
    assert reply(page, "links").text_content() == LINKS
    page.wait_for_timeout(500)
    assert page.evaluate("window.owned") is None
    assert page.title() == "Episode · collm view"
    assert page.locator("main img, main script, main a[href^=javascript]").count() == 0


def test_terminal_escapes_and_hidden_characters_are_named(open_page: Open) -> None:
    page = open_page(HOSTILE)
    shown = reply(page, "terminal").text_content()
    assert shown == "<ESC>[2J<ESC>]0;owned<BEL><ESC>[31mred<ESC>[0m<NUL><BS><CR><U+009B>1m"
    bidi = reply(page, "bidi").text_content()
    assert bidi.startswith("<U+202E>gnp.exe<U+202C> <U+2066>isolated<U+2069> <U+200B>zero<U+FEFF>")
    assert reply(page, "lone").text_content() == "<U+D800> lone <U+DFFF> surrogates"


def test_right_to_left_text_runs_right_to_left_and_nothing_else_does(open_page: Open) -> None:
    page = open_page(HOSTILE)
    direction = "(element) => getComputedStyle(element).direction"
    assert reply(page, "rtl").text_content() == RTL
    assert reply(page, "rtl").evaluate(direction) == "rtl"
    assert reply(page, "scripts").evaluate(direction) == "ltr"


def test_a_megabyte_is_shown_in_steps_and_does_not_stop_the_page(open_page: Open) -> None:
    page = open_page(HOSTILE)
    assert len(LARGE) > 1_000_000
    assert len(reply(page, "large").text_content()) == 1500
    assert page.evaluate("document.querySelectorAll('*').length") < 3000
    page.locator("article[aria-label^='large,'] .more").click()
    until(page, "document.body.textContent.includes('fold')")
    assert len(reply(page, "large").text_content()) == 41_500
    page.locator("article[aria-label^='large,'] .more").last.click()
    assert len(reply(page, "large").text_content()) == 1500


def test_a_hostile_table_is_a_table(open_page: Open) -> None:
    page = open_page("#/episodes?run=hostile&sort=task")
    page.wait_for_selector("[data-row='1'] a")
    assert page.locator("main img, main script").count() == 0
    assert SCRIPTS in str(page.locator("[data-row='0'] th").text_content())


def test_the_policy_stops_what_would_slip_through(browser: Any, server: Served) -> None:
    page = browser.new_page()
    page.goto(server.url)
    broken = page.evaluate(
        """async () => {
            const broken = [];
            const note = (event) => broken.push(event.effectiveDirective);
            document.addEventListener('securitypolicyviolation', note);
            const hole = document.createElement('div');
            document.body.append(hole);
            hole.innerHTML = '<img src=x onerror="window.owned = true">';
            const style = document.createElement('style');
            style.textContent = 'body { display: none }';
            document.body.append(style);
            await new Promise((done) => setTimeout(done, 800));
            return [window.owned === undefined, getComputedStyle(document.body).display, broken.sort()];
        }"""
    )
    page.close()
    assert broken[:2] == [True, "block"]
    assert "script-src-attr" in broken[2]
