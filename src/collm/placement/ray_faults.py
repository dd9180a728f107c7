"""What Ray raises, as one clear message each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from collm.errors import CollmError
from collm.placement.base import LostWorkerError

_STORE = "placement"
_STORE_MEND = (
    "give its nodes more (ray start --object-store-memory) or a larger disk to spill to; then --resume."
)


@contextmanager
def ray_faults_told(role: str, seconds: float) -> Iterator[None]:
    """Name the worker, or the limit, behind whatever Ray raises.

    Args:
        role: what the worker that is asked plays.
        seconds: the longest wait for it.

    Raises:
        LostWorkerError: if the worker, or what it had to hand over, is gone.
        CollmError: if the object store is full, or something cannot travel.
    """
    from ray import exceptions

    try:
        yield
    except exceptions.RayTaskError as error:
        raise _cause(error, role, seconds) from None
    except exceptions.GetTimeoutError:
        raise LostWorkerError(role, f"has not answered for {seconds:g} s (placement.call_seconds).") from None
    except (exceptions.ObjectStoreFullError, exceptions.OutOfDiskError):
        problem = f"the cluster's object store is full; {role} has no room for what it sends."
        raise CollmError(_STORE, problem, _STORE_MEND) from None
    except (exceptions.RayActorError, exceptions.WorkerCrashedError, exceptions.ObjectLostError) as error:
        raise LostWorkerError(role, f"is gone ({first_line(error)}).") from None
    except (exceptions.OutOfMemoryError, exceptions.NodeDiedError, exceptions.LocalRayletDiedError) as error:
        raise LostWorkerError(role, f"is gone ({first_line(error)}).") from None


def _cause(error: Any, role: str, seconds: float) -> Exception:
    """What the worker itself raised; a fault of Ray's in it is told as one here."""
    cause = error.cause
    while hasattr(cause, "cause") and isinstance(cause.cause, Exception):
        cause = cause.cause
    try:
        with ray_faults_told(role, seconds):
            raise cause
    except Exception as told:
        return told


def first_line(error: Exception) -> str:
    """What an exception says first, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
