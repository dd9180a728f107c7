"""One episode while it is played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from collm.agents.policy import Request
from collm.base.seeding import derive
from collm.contract.held import HeldState
from collm.errors import InfrastructureError
from collm.protocols.base import Talk
from collm.protocols.episode import Episode, Message
from collm.protocols.talking import advance
from collm.rollout import Reset
from collm.types import History, JointAction, Observations, Tree, Turn


@dataclass(slots=True)
class Table:
    """Where an episode stands.

    Every message of a turn is asked with the history that its player had when the turn began. Then the
    history grows by the one message whose reply counted, so that what a player said on the way to it is
    known to the others by what they are shown, and to itself likewise.

    Attributes:
        reset, state: where it began, and where it is; no state if it could not begin.
        seen: what the agents observe at this turn.
        asked: what the talk waits for; ``None`` if it is over.
        actions: the joint action, once the talk is over.
        failure: why the infrastructure broke, if it did.
    """

    reset: Reset
    state: HeldState = field(init=False, repr=False)
    seen: Observations = field(default_factory=dict)
    asked: Observations | None = None
    actions: JointAction = field(default_factory=dict)
    failure: str | None = None
    _talk: Talk | None = None
    _players: tuple[str, ...] = ()
    _said: list[Message] = field(default_factory=list)
    _histories: dict[str, History] = field(default_factory=dict)
    _turns: list[Turn] = field(default_factory=list)
    _messages: list[tuple[Message, ...]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether nothing follows."""
        ended = bool(self._turns) and (self._turns[-1].terminated or self._turns[-1].truncated)
        return ended or self.failure is not None

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Keep a failure of the infrastructure, which ends the episode, instead of raising it."""
        try:
            yield
        except InfrastructureError as error:
            self.failure, self.asked = str(error), None

    def open(self, talk: Talk, seen: Observations, players: tuple[str, ...]) -> None:
        """Begin a turn, in which these players may be asked.

        Raises:
            CollmError: if somebody is asked who is not there.
        """
        self.seen, self._talk, self._players, self._said = seen, talk, players, []
        self._go_on(None)

    def request(self, player: str) -> Request:
        """What a player is asked; the seed of its first message in a turn is that of a rollout."""
        assert self.asked is not None
        t, again = len(self._turns), sum(message.player == player for message in self._said)
        seed = derive(self.reset.seed, "sample", "/".join("0" * t), t, player, 0)
        if again:
            seed = derive(seed, "again", again)
        return Request(self._histories.get(player, History()), self.asked[player], (seed,))

    def hear(self, messages: Sequence[Message]) -> None:
        """Go on with the replies of a step.

        Raises:
            CollmError: if somebody was asked who is not there.
        """
        self._said += messages
        self._go_on({message.player: message.action for message in messages})

    def close(self, turn: Turn, state: HeldState) -> None:
        """End a turn."""
        for message in self._said:
            if turn.joint_action.get(message.player) is message.action:
                history = self._histories.get(message.player, History())
                self._histories[message.player] = history.after(message.observation, message.action)
        named = {agent: replace(action, id=f"{turn.t}/{agent}") for agent, action in self.actions.items()}
        self._turns.append(replace(turn, joint_action=named))
        self._messages.append(tuple(self._said))
        self.state = state

    def episode(self) -> Episode:
        """What was played; nothing if it failed."""
        task, seed = self.reset.task, self.reset.seed
        if self.failure is not None:
            return Episode(Tree(task, seed, failure=self.failure), ())
        parents = (None, *range(len(self._turns) - 1))
        return Episode(Tree(task, seed, tuple(self._turns), parents), tuple(self._messages))

    def _go_on(self, replies: JointAction | None) -> None:
        assert self._talk is not None
        standing = advance(self._talk, self.seen, self._players, replies)
        self.asked, self.actions = standing.asked, standing.actions
