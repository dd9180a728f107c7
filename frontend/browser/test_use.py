"""The page used as a person would, by mouse, by keyboard and on a phone."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from frontend.browser.conftest import SECONDS, SIZES, Open, Served, served, until
from frontend.browser.hostile import add_update, write_runs
from frontend.browser.places import PLACES, episode


def texts(page: Any, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_text_contents()]


def box_of(part: Any) -> Any:
    """Where a part of the page lies."""
    return part.bounding_box()


def found(page: Any, text: str) -> None:
    """Wait until the table says how many episodes it has found."""
    until(page, "(text) => document.querySelector('.found')?.textContent === text", text)


def test_what_a_run_adds_appears_without_a_reload(open_page: Open, server: Served) -> None:
    curves = open_page("#/runs?run=second&key=return_mean")
    table = open_page("#/episodes?run=second&text=freshly")
    curves.wait_for_selector("text=second: 1 → 2")
    found(table, "0 episodes")
    add_update(server.runs / "second")
    curves.wait_for_selector("text=second: 1 → 9.50")
    found(table, "1 episode")
    assert texts(table, "[data-row] a") == ["fresh_task"]


def test_the_table_filters_and_sorts(open_page: Open) -> None:
    page = open_page("#/episodes?run=many")
    found(page, "3,000 episodes")
    page.get_by_role("button", name="return").click()
    page.wait_for_selector("th[aria-sort='descending'] >> text=return")
    until(page, "document.querySelector('[data-row=\"0\"] a')?.textContent === 'task_2999'")
    page.get_by_label("Words in a reply").fill("word12")
    found(page, "111 episodes")
    page.get_by_label("Task").fill("_120")
    found(page, "10 episodes")
    assert "text=word12" in page.url
    page.get_by_label("Return to").fill("0.401")
    found(page, "4 episodes")
    page.get_by_role("button", name="Clear").click()
    until(page, "!location.hash.includes('word12')")


def test_a_long_table_renders_what_is_in_sight_down_to_its_end(open_page: Open) -> None:
    page = open_page("#/episodes?run=many&sort=task&descending=false")
    page.wait_for_selector("[data-row='0'] a")
    page.locator(".virtual").evaluate("(box) => { box.scrollTop = box.scrollHeight; }")
    page.wait_for_selector("[data-row='2999'] a")
    assert texts(page, "[data-row='2999'] a") == ["task_2999"]
    assert page.locator("[data-row]").count() < 60
    box = box_of(page.locator(".virtual"))
    last = box_of(page.locator("[data-row='2999']"))
    assert abs(last["y"] + last["height"] - box["y"] - box["height"]) < 20


def test_the_table_is_walked_by_keyboard_into_an_episode(open_page: Open) -> None:
    page = open_page("#/episodes?run=many&sort=task&descending=false")
    page.wait_for_selector("[data-row='0'] a")
    page.locator(".virtual").focus()
    for _ in range(40):
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(30)
    focused = "document.activeElement.closest('[data-row]')?.dataset.row"
    row = int(page.evaluate(focused))
    assert row >= 30
    page.keyboard.press("ArrowUp")
    until(page, f"{focused} === '{row - 1}'")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"h1 >> text=task_{row - 1:04}")


def test_the_first_tab_leads_past_the_navigation(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_build_is_drawn_beside_its_target_and_turned(open_page: Open) -> None:
    page = open_page(PLACES["build"][0])
    canvas = page.locator("canvas.voxels")
    canvas.wait_for()
    page.wait_for_timeout(1000)
    views = [canvas.screenshot()]
    canvas.focus()
    for key in ("ArrowRight", "ArrowUp", "+"):
        page.keyboard.press(key)
        page.wait_for_timeout(300)
        views.append(canvas.screenshot())
    box = box_of(canvas)
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 130, box["y"] + 90, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    views.append(canvas.screenshot())
    assert len(set(views)) == len(views)
    assert len(views[0]) > 3000  # a blank canvas makes a far smaller picture
    assert "12 of 18 blocks right" in str(canvas.get_attribute("aria-label"))


def test_the_slider_goes_back_to_an_earlier_build(open_page: Open) -> None:
    page = open_page(PLACES["build"][0])
    page.wait_for_selector("text=12 of 18 blocks right")
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("text=6 of 18 blocks right")
    assert page.url.endswith("turn=0")
    page.reload()
    page.wait_for_selector("text=6 of 18 blocks right")


def test_the_tree_is_walked_from_leaf_to_leaf(open_page: Open) -> None:
    page = open_page(PLACES["build"][0])
    page.wait_for_selector("text=Episode 1 of 4")
    page.get_by_role("button", name="leaf below").click()
    page.wait_for_selector("text=Episode 2 of 4")
    assert "path=0.1" in page.url
    page.get_by_role("button", name="best leaf").click()
    page.wait_for_selector("text=Episode 4 of 4")
    page.go_back()
    page.wait_for_selector("text=Episode 2 of 4")


def test_tokens_are_colored_on_demand_and_blame_is_shown(open_page: Open) -> None:
    page = open_page(PLACES["build"][0])
    page.wait_for_selector("text=blame 0.90")
    assert page.locator(".token").count() == 0
    page.get_by_label("color tokens by log-probability").check()
    page.wait_for_selector(".token.t5")
    assert texts(page, "pre.tokens .token") == ["bu", "ild"]
    assert page.locator(".strip .token").count() == 3


def test_an_agent_can_be_hidden(open_page: Open) -> None:
    page = open_page(PLACES["build"][0])
    page.get_by_label("a", exact=True).uncheck()
    until(page, "document.querySelectorAll('article').length === 2")
    assert set(texts(page, ".agent-name")) == {"b"}


def test_two_runs_stand_beside_each_other_on_one_task(open_page: Open) -> None:
    page = open_page("#/compare?left=builder&right=second")
    until(page, "document.querySelectorAll('.side .conversation').length === 2")
    assert texts(page, ".side > h2") == ["builder", "second"]
    page.get_by_label("Right run").select_option("hostile")
    page.wait_for_selector("text=no task in common")


@pytest.mark.parametrize("size", ["phone", "wide", "huge"])
@pytest.mark.parametrize("view", PLACES)
def test_no_page_is_wider_than_its_screen(open_page: Open, view: str, size: str) -> None:
    place, ready = PLACES[view]
    page = open_page(place, size)
    page.wait_for_selector(ready)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]


def test_an_episode_that_is_not_there_is_told(browser: Any, server: Served) -> None:
    page = browser.new_page()
    page.goto(server.url + episode("builder", 99))
    page.wait_for_selector("[role=alert] >> text=there is no such episode")
    page.close()


def test_an_interrupt_ends_the_server_while_a_page_is_open(browser: Any, tmp_path: Path) -> None:
    write_runs(tmp_path)
    own = served(tmp_path)
    page = browser.new_page()
    page.goto(own.url)
    until(page, "document.querySelector('.live')?.textContent === 'up to date'")
    started = time.monotonic()
    own.process.send_signal(signal.SIGINT)
    assert own.process.wait(timeout=SECONDS) == 0
    assert time.monotonic() - started < 10
    page.wait_for_selector("text=not connected")
    page.close()
