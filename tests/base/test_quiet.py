"""The libraries stay quiet without being imported, and a hub that is not there is not asked."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from collm.base.quiet import spare_absent_hub

QUIET = """
import sys
import collm.base.quiet
{first}
collm.base.quiet.quiet_libraries()
print(sorted({{"torch", "transformers", "datasets"}} & sys.modules.keys()))
from transformers.utils import logging
import huggingface_hub.utils
print(logging.is_progress_bar_enabled(), huggingface_hub.utils.are_progress_bars_disabled())
print(logging.get_verbosity() == logging.ERROR)
"""


@pytest.mark.parametrize("first", ["", "import transformers.utils.logging"])
def test_bars_are_off_and_nothing_is_imported_for_it(first: str) -> None:
    names = ("HF_HUB_DISABLE_PROGRESS_BARS", "TRANSFORMERS_VERBOSITY")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    ended = subprocess.run(
        [sys.executable, "-c", QUIET.format(first=first)], capture_output=True, text=True, env=environment
    )
    imported = "['transformers']" if first else "[]"
    assert ended.stdout.splitlines() == [imported, "False True", "True"], ended.stderr


@pytest.fixture
def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has said whether there is a network."""
    monkeypatch.setattr("collm.base.quiet.getproxies", dict)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # so that it is put back
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("HF_ENDPOINT", raising=False)


def name_service(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
    asked: list[str] = []

    def look_up(host: str, port: int) -> Any:
        asked.append(host)
        return answer()

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def unknown() -> None:
    raise socket.gaierror(-2, "Name or service not known")


@pytest.mark.usefixtures("undecided")
@pytest.mark.parametrize(("answer", "offline"), [(unknown, "1"), (list, None), (lambda: time.sleep(9), "1")])
def test_an_unknown_hub_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, answer: Any, offline: str | None
) -> None:
    asked = name_service(monkeypatch, answer)
    spare_absent_hub(patience=0.5)
    assert (asked, os.environ.get("HF_HUB_OFFLINE")) == (["huggingface.co"], offline)


@pytest.mark.usefixtures("undecided")
def test_a_mirror_is_looked_for_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example:8443/hub")
    asked = name_service(monkeypatch, unknown)
    spare_absent_hub()
    assert asked == ["mirror.example"]


@pytest.mark.usefixtures("undecided")
@pytest.mark.parametrize("decided", ["proxy", "online"])
def test_what_somebody_decided_stays(monkeypatch: pytest.MonkeyPatch, decided: str) -> None:
    asked = name_service(monkeypatch, unknown)
    if decided == "proxy":
        monkeypatch.setattr("collm.base.quiet.getproxies", lambda: {"https": "http://proxy:3128"})
    else:
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    spare_absent_hub()
    assert (asked, os.environ.get("HF_HUB_OFFLINE", "0")) == ([], "0")
