"""An agent's engine at a station."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from collm.engines.base import Deferred, Prompt
from collm.engines.kind import EngineNeeds
from collm.engines.kinds.vllm import VllmKind
from collm.engines.vllm.backend import Backend
from collm.engines.vllm.station import Completions, Member, Station, Ticket
from collm.errors import CollmError
from collm.models.config import Sampling


class VllmEngine:
    """Draws for one agent at a vLLM that others may share.

    Prefixes stay in vLLM's own cache from turn to turn, as long as there is room and weights are the same.
    """

    def __init__(self, station: Station, member: Member) -> None:
        self._station, self._member = station, member
        station.members.append(member)

    def submit(self, prompts: Sequence[Prompt], sampling: Sampling, keep: bool) -> Deferred[Completions]:
        ticket = Ticket(self._member, prompts, sampling)
        self._station.submit(ticket)
        return Deferred(lambda: self._station.completions(ticket))

    def ready(self) -> None:
        self._station.ready([self._member])

    def release(self) -> None:
        self._station.rest()

    def refresh(self, version: int) -> None:
        self._member.version, self._member.taken = version, None

    def measures(self) -> Mapping[str, float]:
        mismatch = self._member.mismatch
        return {} if mismatch is None else {"sampler_probe": mismatch}


def open_engine(kind: VllmKind, needs: EngineNeeds) -> VllmEngine:
    """An agent's engine, at the station of those with whom it can share a vLLM.

    Raises:
        CollmError: if vLLM cannot serve the agent's adapter.
        AbsentError: if vLLM is not installed.
    """
    _check_adapter(kind, needs)
    key = kind.served(needs.agent, needs.model)
    if key not in needs.shared:
        needs.shared[key] = _station(kind)
    return VllmEngine(needs.shared[key], Member(needs, kind.following(needs.model)))


def _station(kind: VllmKind) -> Station:
    def opened(members: Sequence[Member]) -> Backend:
        if kind.url is None:
            return _here(kind, members)
        from collm.engines.vllm.served import open_served

        return open_served(kind, members[0].needs)

    folder = None if kind.sync_folder is None else Path(kind.sync_folder).expanduser().absolute()
    return Station(opened, folder, kind.sleep_level)


def _here(kind: VllmKind, members: Sequence[Member]) -> Backend:
    from collm.engines.vllm.colocated import Colocated, Room  # not above: a server needs no vLLM here

    needs = members[0].needs
    adapters = [one.needs.model.adapter for one in members if one.needs.model.adapter is not None]
    room = Room(
        where=f"agents.{needs.agent}",
        model=needs.model.model,
        dtype=needs.model.dtype,
        longest=max(one.needs.longest for one in members),
        adapters=len(adapters),
        rank=max((one.r for one in adapters), default=0),
    )
    return Colocated(kind, room)


def _check_adapter(kind: VllmKind, needs: EngineNeeds) -> None:
    adapter, where = needs.model.adapter, f"agents.{needs.agent}"
    if adapter is None:
        return
    if adapter.use_dora:
        problem = "vLLM serves no DoRA."
        raise CollmError(
            f"{where}.adapter.use_dora", problem, "set it to false, or engine.type to in_process."
        )
    if needs.model.quantization is not None:
        problem = "vLLM would draw with a base that is not rounded to 4 bits."
        raise CollmError(f"{where}.quantization", problem, "leave it out, or set engine.type to in_process.")
    if kind.sleep_level == 2:
        problem = "the base under adapters would be forgotten, and nothing brings it back."
        raise CollmError(f"{where}.engine.sleep_level", problem, "set it to 1.")
