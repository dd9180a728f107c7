"""A discrete-event simulation of updates. It knows seconds and no models."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done in an update, on what, in which order. Times are seconds.

    Attributes:
        agents: of the team; each draws one reply at every turn.
        episodes: of an update.
        turns: of an episode.
        mean_tokens: of a reply.
        spread: of a reply's length, as the standard deviation of its logarithm; 0 for replies alike.
        most_tokens: a longer reply is cut.
        reading: of a prompt, by the slot that will draw the reply.
        token: of a slot, for each token.
        slots: replies that the engines of one pool draw at a time.
        pools: groups of engines; agent number i asks pool i modulo them.
        grading: of a joint action, by one grader.
        graders: that grade side by side.
        learning: of all agents from an update's episodes, side by side.
        sync: until engines hold the weights that the learners have.
        overlap: whether an episode goes on alone, or each turn waits for all episodes, twice.
        staleness: updates by which the weights that begin an episode may lag.
    """

    agents: int
    episodes: int
    turns: int = 1
    mean_tokens: float = 1.0
    spread: float = 0.0
    most_tokens: float = math.inf
    reading: float = 0.0
    token: float = 1.0
    slots: int = 1
    pools: int = 1
    grading: float = 0.0
    graders: int = 1
    learning: float = 0.0
    sync: float = 0.0
    overlap: bool = True
    staleness: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        ends: when each update's weights had arrived.
        slot_seconds, grader_seconds, learner_seconds: of work done.
        replies, tokens, episodes: drawn, and episodes learned from.
        staleness: mean lag, in updates, of the weights that began an episode.
    """

    ends: tuple[float, ...]
    slot_seconds: float
    grader_seconds: float
    learner_seconds: float
    replies: int
    tokens: float
    episodes: int
    staleness: float

    @property
    def update(self) -> float:
        """Seconds of an update, once it runs evenly: the mean of the later half."""
        half = len(self.ends) // 2
        before = self.ends[half - 1] if half else 0.0
        return (self.ends[-1] - before) / (len(self.ends) - half)


def simulate(plan: Plan, updates: int, seed: int = 0) -> Outcome:
    """Play so many updates."""
    world = _World(plan, updates, random.Random(seed))
    world.begin()
    while world.events:
        world.now, _, happen = heapq.heappop(world.events)
        happen()
    return Outcome(
        tuple(world.ends),
        world.slot_seconds,
        world.graders.worked,
        plan.learning * len(world.ends),
        world.replies,
        world.tokens,
        plan.episodes * len(world.ends),
        world.lag / (plan.episodes * updates),
    )


@dataclass(slots=True)
class _Pool:
    """Workers alike, and what waits for one: the oldest update first."""

    free: int
    waiting: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    worked: float = 0.0


@dataclass(slots=True)
class _Episode:
    update: int
    turn: int = 0
    missing: int = 0


_Then = Callable[[_Episode], None]


class _World:
    """The clock, the events to come, and who works on what."""

    def __init__(self, plan: Plan, updates: int, chance: random.Random) -> None:
        self.plan, self.updates, self.chance = plan, updates, chance
        self.now, self.lag, self.tokens, self.replies = 0.0, 0.0, 0.0, 0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.engines = [_Pool(plan.slots) for _ in range(plan.pools)]
        self.graders = _Pool(plan.graders)
        self.ends: list[float] = []
        self.finished = [0] * updates
        self.begun = self.numbered = 0
        self.learning = False
        self.gathered: dict[tuple[int, int, str], list[_Episode]] = {}

    @property
    def slot_seconds(self) -> float:
        return sum(pool.worked for pool in self.engines)

    def begin(self) -> None:
        """Begin the episodes of every update that the staleness allows."""
        while self.begun < min(self.updates, len(self.ends) + self.plan.staleness + 1):
            update, self.begun = self.begun, self.begun + 1
            for _ in range(self.plan.episodes):
                self.sample(_Episode(update))

    def sample(self, episode: _Episode) -> None:
        episode.missing = self.plan.agents
        for agent in range(self.plan.agents):
            pool = self.engines[agent % len(self.engines)]
            length = self.length()
            self.tokens, self.replies = self.tokens + length, self.replies + 1
            needed = self.plan.reading + length * self.plan.token
            self.work(pool, episode, needed, self.replied, noted=episode.turn == agent == 0)

    def length(self) -> float:
        """Tokens of a reply: log-normal about the mean, cut at the most."""
        plan = self.plan
        drawn = self.chance.lognormvariate(-(plan.spread**2) / 2, plan.spread) if plan.spread else 1.0
        return min(plan.mean_tokens * drawn, plan.most_tokens)

    def work(self, pool: _Pool, episode: _Episode, needed: float, then: _Then, noted: bool = False) -> None:
        """Have a worker of a pool do something for an episode, as soon as one is free."""

        def start() -> None:
            if noted:
                self.lag += episode.update - len(self.ends)
            self.at(needed, done)

        def done() -> None:
            pool.worked += needed
            if pool.waiting:
                heapq.heappop(pool.waiting)[2]()
            else:
                pool.free += 1
            then(episode)

        if pool.free:
            pool.free -= 1
            start()
        else:
            self.numbered += 1
            heapq.heappush(pool.waiting, (episode.update, self.numbered, start))

    def at(self, later: float, happen: Callable[[], None]) -> None:
        self.numbered += 1
        heapq.heappush(self.events, (self.now + later, self.numbered, happen))

    def replied(self, episode: _Episode) -> None:
        episode.missing -= 1
        if not episode.missing:
            for ready in self.together(episode, "replied"):
                self.work(self.graders, ready, self.plan.grading, self.graded)

    def graded(self, episode: _Episode) -> None:
        for ready in self.together(episode, "graded"):
            ready.turn += 1
            if ready.turn < self.plan.turns:
                self.sample(ready)
            else:
                self.finished[ready.update] += 1
                self.learn()

    def together(self, episode: _Episode, stage: str) -> list[_Episode]:
        """The episodes that go on now: this one, or with barriers all or none."""
        if self.plan.overlap:
            return [episode]
        key = (episode.update, episode.turn, stage)
        come = self.gathered.setdefault(key, [])
        come.append(episode)
        return come if len(come) == self.plan.episodes else []

    def learn(self) -> None:
        """Learn from the next update's episodes, if all are there and the learners are free."""
        number = len(self.ends)
        if self.learning or number == self.updates or self.finished[number] < self.plan.episodes:
            return
        self.learning = True
        self.at(self.plan.learning + self.plan.sync, self.arrived)

    def arrived(self) -> None:
        self.learning = False
        self.ends.append(self.now)
        self.begin()
        self.learn()
