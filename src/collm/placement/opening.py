"""Opens the place that a recipe names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from collm.config.tree import RunConfig
from collm.contract.held import hold
from collm.placement.base import LocalPlace, Place


@contextmanager
def placed(config: RunConfig, note: Callable[[str], None]) -> Iterator[Place]:
    """Where the run plays; its workers are let go afterwards.

    Raises:
        AbsentError: if Ray is asked for and not installed.
        CollmError: if there is no cluster, or it has too little.
    """
    place: Place
    if config.placement.type == "local":
        place = LocalPlace()
    else:
        from collm.placement.ray_place import RayPlace

        place = RayPlace(config, config.algorithm.critics(hold(config.env).agents), note)
    try:
        yield place
    finally:
        place.close()
