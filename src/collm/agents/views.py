"""A tree of joint turns as the text that a critic reads: the joint history or one agent's, with ``m_t``.

The text is cut into passages; a prediction is read at the end of each, and each continues another. What
siblings share before a prediction is read once, so that one forward pass predicts everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collm.algorithms.base import CriticView, MixerView
from collm.errors import CollmError
from collm.types import Observations, Tree, Turn

AnyView = CriticView | MixerView
"""What one of an algorithm's critics or mixers reads."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Text at whose end a prediction is read; ``parent`` is the passage that it continues.

    ``numbers`` are those of ``m_t`` at the turn that it is read in.
    """

    text: str
    parent: int | None = None
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CriticInput:
    """A tree for a critic.

    Attributes:
        passages: parents first.
        before, following, after: for each turn the passage that predicts there; ``None`` where nothing does.
    """

    passages: tuple[Passage, ...]
    before: tuple[int | None, ...]
    following: tuple[int | None, ...]
    after: tuple[int | None, ...]


def critic_input(
    tree: Tree, view: AnyView, informed: bool = True, turns: Sequence[int] | None = None
) -> CriticInput:
    """What a critic reads of a tree (paper section 4.1, figures 1c and 3c).

    Args:
        view: the joint history or an agent's, and where predictions are read.
        informed: whether ``m_t`` stands at every turn.
        turns: those whose predictions are wanted; all if not given.

    Raises:
        CollmError: if the environment gives rewards to single agents, which one critic cannot value.
    """
    assert isinstance(view, CriticView)
    if view.agent is None and any(turn.agent_rewards is not None for turn in tree.turns):
        mend = "use an algorithm with decentralized critics or none."
        raise CollmError("algorithm.type", "a centralized critic needs a joint reward.", mend)
    writer = _Writer(view, informed, len(tree.turns))
    for parent, family in tree.families.items():
        writer.write(tree, parent, family)
    return writer.input() if turns is None else only_for(turns, writer.input())


def only_for(turns: Sequence[int], read: CriticInput) -> CriticInput:
    """No more of a tree than what predicts at some of its turns, and what comes before that."""
    kept: set[int] = set()
    for place in (places[turn] for places in (read.before, read.following, read.after) for turn in turns):
        while place is not None and place not in kept:
            kept.add(place)
            place = read.passages[place].parent
    if len(kept) == len(read.passages):
        return read
    numbers: dict[int | None, int] = {place: number for number, place in enumerate(sorted(kept))}
    passages = (read.passages[place] for place in sorted(kept))

    def renumbered(places: Sequence[int | None]) -> tuple[int | None, ...]:
        return tuple(numbers.get(place) if turn in turns else None for turn, place in enumerate(places))

    return CriticInput(
        tuple(Passage(one.text, numbers.get(one.parent), one.numbers) for one in passages),
        renumbered(read.before),
        renumbered(read.following),
        renumbered(read.after),
    )


@dataclass(slots=True)
class _Open:
    """Where reading goes on: after a passage, with text that no passage holds yet."""

    passage: int | None = None
    text: str = ""


@dataclass(slots=True)
class _Writer:
    """Lays the families of a tree out as passages."""

    view: CriticView
    informed: bool
    size: int
    passages: list[Passage] = field(default_factory=list)
    before: dict[int, int] = field(default_factory=dict)
    following: dict[int, int] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)
    open: dict[int | None, _Open] = field(default_factory=lambda: {None: _Open()})

    def write(self, tree: Tree, parent: int | None, family: tuple[int, ...]) -> None:
        """Siblings: what they observed once, then what each of them did."""
        first, place = tree.turns[family[0]], self.open[parent]
        here = self._observed(place, first.observations, first.global_information, first.global_numbers)
        if "before" in self.view.reads:
            assert here.passage is not None
            self.before |= dict.fromkeys(family, here.passage)
            if parent is not None:
                self.following[parent] = here.passage
        for number in family:
            self._acted(number, tree.turns[number], here)

    def _acted(self, number: int, turn: Turn, here: _Open) -> None:
        texts = {name: action.text for name, action in turn.joint_action.items()}
        there = _Open(here.passage, here.text + _lines("action", texts, self.view.agent))
        if "after" in self.view.reads:
            there = self._closed(there, turn.global_numbers)
            assert there.passage is not None
            self.after[number] = there.passage
        self.open[number] = there
        if turn.next_observations is not None and "before" in self.view.reads:
            told = turn.next_global_information
            end = self._observed(there, turn.next_observations, told, turn.next_global_numbers)
            assert end.passage is not None
            self.following[number] = end.passage

    def _observed(
        self, place: _Open, observations: Observations, information: str, numbers: tuple[float, ...]
    ) -> _Open:
        texts = {name: observation.text for name, observation in observations.items()}
        text = _lines("observation", texts, self.view.agent)
        if self.informed and information:
            text += f"{information}\n"
        read = _Open(place.passage, place.text + text)
        return self._closed(read, numbers) if "before" in self.view.reads else read

    def _closed(self, place: _Open, numbers: tuple[float, ...]) -> _Open:
        self.passages.append(Passage(place.text, place.passage, numbers))
        return _Open(len(self.passages) - 1)

    def input(self) -> CriticInput:
        places = (
            tuple(map(passages.get, range(self.size)))
            for passages in (self.before, self.following, self.after)
        )
        return CriticInput(tuple(self.passages), *places)


@dataclass(frozen=True, slots=True)
class MixerInput:
    """A tree for a mixer.

    Attributes:
        numbers: ``m_t`` of each turn and, after those, of what would follow turns that were cut off.
        before, following, after: for each turn the place in ``numbers`` that it is mixed by.
    """

    numbers: tuple[tuple[float, ...], ...]
    before: tuple[int | None, ...]
    following: tuple[int | None, ...]
    after: tuple[int | None, ...]


def mixer_input(tree: Tree) -> MixerInput:
    """What a mixer reads of a tree; nothing follows where an episode terminated."""
    numbers = [turn.global_numbers for turn in tree.turns]
    following: list[int | None] = []
    for number, turn in enumerate(tree.turns):
        children = tree.families.get(number, ())
        if turn.next_observations is not None:
            numbers.append(turn.next_global_numbers)
            following.append(len(numbers) - 1)
        else:
            following.append(children[0] if children else None)
    own = tuple(range(len(tree.turns)))
    return MixerInput(tuple(numbers), own, tuple(following), own)


def _lines(kind: str, texts: Mapping[str, str], agent: str | None) -> str:
    chosen = [name for name in texts if agent is None or name == agent]
    return "".join(f"[{name} {kind}]\n{texts[name]}\n" for name in chosen)
