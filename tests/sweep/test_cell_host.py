from __future__ import annotations

import time
from pathlib import Path

from collm.placement.parcels import Parcel
from collm.sweep.cell_host import CellHost
from collm.sweep.places import Job
from tests.placement.seats import HereCrew


def test_what_a_cell_makes_travels_and_its_log_names_the_places_of_the_sweep(tmp_path: Path) -> None:
    recipe, made = Path("elsewhere/recipe.yaml"), Path("elsewhere/run")
    commands = (("train", str(recipe)), ("recipes",))
    job = Job("a", commands, Path("log"), Path("elsewhere"), reads=(recipe,), makes=(made, Path("absent")))
    brought = {str(made): Parcel("run", {"metrics.jsonl": b"{}\n", "deep/file": b"\0"})}
    seat, _ = HereCrew().hold("cell", CellHost, job, brought)
    while (code := seat.ask("poll").result()) is None:
        time.sleep(0.05)
    assert code == 2
    log, parcels = seat.ask("made").result()
    assert b"error: elsewhere/recipe.yaml" in log
    assert b"collm-" not in log
    assert {name: parcel.files for name, parcel in parcels.items()} == {
        str(made): {"metrics.jsonl": b"{}\n", "deep/file": b"\0"}
    }
