"""Cells on a Ray cluster, as many as it holds; no disk need be shared."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import rmtree

from collm.config.placement import RayPlacement, Share
from collm.errors import CollmError
from collm.placement.parcels import Parcel, packed, unpacked
from collm.placement.ray_cluster import join
from collm.placement.ray_seats import RaySeat
from collm.sweep.cell_host import CellHost
from collm.sweep.places import Job

_SECONDS = 300.0
"""The longest wait for a worker that has only to say how its cell goes."""


class OnRay:
    """A worker for each slot; it plays one cell after the other, with a GPU where the cluster has some.

    Args:
        address: of the cluster, as in a recipe's ``placement.address``.
        jobs: the most cells at a time; ``None`` for as many as there is room for.

    Raises:
        AbsentError: if Ray is not installed.
        CollmError: if there is no cluster at the address.
    """

    def __init__(self, address: str, jobs: int | None) -> None:
        join(RayPlacement(address=address), [])
        room = _room()
        self._share = Share(gpus=1) if room.get("GPU", 0) >= 1 else Share()
        held = int(room["GPU"] if self._share.gpus else room.get("CPU", 0))
        self.slots = min(jobs or held, held)
        self._seats: dict[int, RaySeat] = {}
        if not self.slots:
            raise CollmError("--on", f"the cluster at {address} has no CPU.", "add a node to it.")

    def start(self, job: Job, slot: int) -> RayCell:
        if slot not in self._seats or self._seats[slot].lost:
            self._seats[slot] = RaySeat(f"cells {slot + 1}", self._share, _SECONDS, CellHost.__module__)
        return RayCell(job, self._seats[slot])


def _room() -> dict[str, float]:
    import ray

    return dict(ray.cluster_resources())


class RayCell:
    """A cell that a worker plays; a worker that is lost is a cell that failed."""

    def __init__(self, job: Job, seat: RaySeat) -> None:
        self._job, self._seat = job, seat
        self._code: int | None = None
        brought = {str(path): packed(path) for path in job.reads + job.makes if path.exists()}
        self._begun = seat.hold(CellHost, 1, job, brought)

    def poll(self) -> int | None:
        if self._code is None and self._begun.is_there:
            try:
                self._code = self._looked()
            except CollmError as error:
                self._code = 1
                self._tell(f"{error}\n".encode())
        return self._code

    def stop(self) -> None:
        self._seat.ask("stop")

    def _looked(self) -> int | None:
        """How the cell goes; once it has ended, everything that it made is here."""
        self._seat.check_identity()
        self._begun.result()
        code: int | None = self._seat.ask("poll").result()
        if code is not None:
            log, made = self._seat.ask("made").result()
            self._tell(log)
            for name, parcel in made.items():
                _replace(Path(name), parcel)
        return code

    def _tell(self, text: bytes) -> None:
        with self._job.log.open("ab") as log:
            log.write(text)


def _replace(place: Path, parcel: Parcel) -> None:
    """Put what came in the place of what was there, in one step."""
    arrived = place.with_name(f".{place.name}.{os.getpid()}")
    unpacked(parcel, arrived)
    if place.exists():
        rmtree(place)
    arrived.rename(place)
