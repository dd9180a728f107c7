"""A real server over runs written by hand, and a real headless Chromium in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from frontend.browser.hostile import write_runs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog, Page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-web")

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Software drawing, so that WebGL is the same everywhere.
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SIZES = {
    "phone": (390, 844),
    "wide": (1440, 900),
    "huge": (2560, 1300),
    "tall": (2560, 3000),
    "strip": (390, 4000),
}
SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A running ``collm view``."""

    url: str
    runs: Path
    process: subprocess.Popen[str]


def until(page: Page, script: str, argument: str | None = None) -> None:
    """Wait for a condition; playwright's own way evaluates texts in the page, which its policy forbids."""
    end = time.monotonic() + SECONDS
    while not page.evaluate(script, argument):
        assert time.monotonic() < end, script
        page.wait_for_timeout(50)


def served(folder: Path) -> Served:
    env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONUNBUFFERED": "1"}
    env["PYTHONPATH"] = os.pathsep.join([str(folder), *sys.path])
    command = [sys.executable, "-c", "from collm.cli.app import main; main()", "view", "runs", "--port", "0"]
    process = subprocess.Popen(command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    found = re.search(r"http://\S+/", process.stdout.readline())
    assert found is not None
    return Served(found[0], folder / "runs", process)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("view")
    write_runs(folder)
    running = served(folder)
    yield running
    running.process.send_signal(signal.SIGINT)
    running.process.wait(timeout=SECONDS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium, or set CHROMIUM to its path")
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


Open = Callable[..., "Page"]


@pytest.fixture
def open_page(browser: Browser, server: Served) -> Iterator[Open]:
    """Open a view; a script error, a dialog or a broken policy fails the test."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def refuse(dialog: Dialog) -> None:
        troubles.append(dialog.message)
        dialog.dismiss()

    def opened(place: str = "#/runs", size: str = "wide", scheme: Literal["light", "dark"] = "light") -> Page:
        width, height = SIZES[size]
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
        context.set_default_timeout(1000 * SECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", refuse)
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.goto(server.url + place)
        page.wait_for_selector("h1")
        until(page, "document.querySelector('.live').textContent === 'up to date'")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []
