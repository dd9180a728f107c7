"""Metrics go to trackers through their packages' own functions; stand-ins for these record the calls."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from collm.config.recipes import load_recipe
from collm.config.tree import RunConfig, TrackingConfig
from collm.errors import CollmError
from collm.runs.tracking import check_installed, open_trackers
from tests.installed_packages import install


class StandIn(ModuleType):
    """Has the functions of W&B and of TensorBoard's package and remembers how they were called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[tuple[str, Any]] = []
        self.broken = False

    def init(self, **options: Any) -> None:
        if self.broken:
            raise ConnectionError("not logged in")
        self.calls.append(("init", options))

    def log(self, values: dict[str, float], step: int) -> None:
        self.calls.append(("log", (values, step)))

    def finish(self) -> None:
        self.calls.append(("finish", None))

    def SummaryWriter(self, folder: str) -> StandIn:  # noqa: N802 - the package's name
        self.calls.append(("init", folder))
        return self

    def add_scalar(self, name: str, value: float, update: int) -> None:
        self.calls.append(("log", (name, value, update)))

    def close(self) -> None:
        self.calls.append(("finish", None))


def config(*backends: str) -> RunConfig:
    return load_recipe("demo", [f"tracking.backends=[{', '.join(backends)}]", "tracking.project=towers"])


@pytest.mark.parametrize("backend", ["wandb", "trackio"])
def test_wandb_and_trackio(backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = StandIn(backend)
    monkeypatch.setitem(sys.modules, backend, module)
    (tracker,) = open_trackers(config(backend), tmp_path / "run-7")
    tracker.log({"iou": 0.5}, 3)
    tracker.close()
    (first, options), *others = module.calls
    assert first == "init"
    assert (options["project"], options["name"]) == ("towers", "run-7")
    assert options["config"]["algorithm"]["type"] == "collm_cc"
    assert others == [("log", ({"iou": 0.5}, 3)), ("finish", None)]


def test_a_resumed_run_goes_on_in_the_same_place_of_wandb(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = StandIn("wandb")
    monkeypatch.setitem(sys.modules, "wandb", module)
    for folder in ("a", "a", "b"):
        open_trackers(config("wandb"), tmp_path / folder)
    ids = [options["id"] for _, options in module.calls]
    assert ids[0] == ids[1] != ids[2]
    assert {options["resume"] for _, options in module.calls} == {"allow"}


def test_tensorboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = StandIn("torch.utils.tensorboard")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    (tracker,) = open_trackers(config("tensorboard"), tmp_path)
    tracker.log({"iou": 0.5, "hp": 1.0}, 3)
    tracker.close()
    written = [("log", ("iou", 0.5, 3)), ("log", ("hp", 1.0, 3))]
    assert module.calls == [("init", str(tmp_path / "tensorboard")), *written, ("finish", None)]


def test_no_tracker_is_opened_unasked(tmp_path: Path) -> None:
    assert open_trackers(config(), tmp_path) == []
    check_installed(TrackingConfig())


def test_a_tracker_that_does_not_start_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = StandIn("wandb")
    module.broken = True
    monkeypatch.setitem(sys.modules, "wandb", module)
    check_installed(TrackingConfig(backends=("wandb",)))
    with pytest.raises(CollmError, match=r"tracking\.backends: wandb does not start: not logged in"):
        open_trackers(config("wandb"), tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("trackio") is not None, reason="trackio is installed")
def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(CollmError, match=r"trackio is not installed.*collm\[tracking\]"):
        check_installed(TrackingConfig(backends=("trackio",)))


PAPER = """class Paper:
    def __init__(self, config, folder):
        self.file = folder / "paper.txt"

    def log(self, values, update):
        with self.file.open("a") as stream:
            stream.write(f"{update} {sorted(values)}\\n")

    def log_completions(self, rows, update):
        pass

    def close(self):
        pass
"""


@pytest.mark.parametrize("name", ["paper", "paper_tracker:Paper"])
def test_a_tracker_of_another_package_goes_by_name_or_class(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install(site, "paper", "paper_tracker", PAPER, {"collm.trackers:paper": "paper_tracker:Paper"})
    monkeypatch.syspath_prepend(str(site))
    config = load_recipe("demo", [f"tracking.backends=[{name}]"])
    check_installed(config.tracking)
    (tracker,) = open_trackers(config, tmp_path)
    tracker.log({"return_mean": 1.0}, 3)
    tracker.close()
    assert (tmp_path / "paper.txt").read_text() == "3 ['return_mean']\n"


def test_an_unknown_tracker_is_told_which_there_are() -> None:
    with pytest.raises(CollmError, match=r"tracking.backends.0: must be one of wandb, trackio, mlflow"):
        load_recipe("demo", ["tracking.backends=[abacus]"])
