"""Who caused it: what an episode would have returned if some of its replies had been drawn anew.

A reply is replaced by fresh ones of the same agent at the same history, and everything else that was
said is said again, so that what changes is due to that reply alone. Nothing is learned from these replays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from statistics import fmean, stdev
from typing import Any

from collm.agents.policy import Policy, Request
from collm.base.seeding import derive
from collm.contract.held import Held, HeldState, hold
from collm.env import AnyEnvironment
from collm.errors import InfrastructureError
from collm.types import History, Tree

MOST_AGENTS = 4
"""Teams up to this size get Shapley values, which replay an episode for every coalition."""

_ONE_SIDED_95 = 1.645
_STEP_THREADS = 8

Reply = tuple[int, str]
"""A turn and the agent that replied."""

Texts = Mapping[Reply, str]


@dataclass(frozen=True, slots=True)
class Blame:
    """What an episode's return owes to its replies; positive: the team would have done better without.

    Attributes:
        gains: by reply, the mean return with fresh replies in its place less the return that there was.
        bounds: by reply, the 95 % lower bound of that (normal approximation).
        decisive: the earliest reply with a bound above 0, agents in their order; ``None``: there is none.
        caused: by agent, the Shapley value of drawing all of its replies anew; they add up to what
            drawing everybody's anew would gain. Empty for teams of more than :data:`MOST_AGENTS`.
    """

    gains: Mapping[Reply, float]
    bounds: Mapping[Reply, float]
    decisive: Reply | None
    caused: Mapping[str, float]


def blamed(
    env: AnyEnvironment | Held, policies: Mapping[str, Policy], trees: Sequence[Tree], samples: int
) -> list[Blame | None]:
    """The blame in each of some episodes; ``None`` where the infrastructure failed.

    Every reply is drawn anew ``samples`` times, and the same fresh replies serve for all comparisons. A
    replay ends with the environment or with the replies that there were; an agent that was not asked
    then, and now is, says nothing.

    Args:
        env: what was played.
        policies: by agent, those that played.
        trees: of one branch each.
        samples: at least two, for a bound.

    Raises:
        CollmError: if the environment breaks its contract.
    """
    held = hold(env)
    drawn = _drawn(policies, trees, samples)
    with ThreadPoolExecutor(_STEP_THREADS) as threads:
        return list(threads.map(partial(_blame, held), trees, drawn))


def with_blame(rows: Iterable[dict[str, Any]], blames: Sequence[Blame | None]) -> Iterator[dict[str, Any]]:
    """Rows of turns with the blame of their trees: by agent ``blame``, its bound, and what they caused.

    ``blame_decisive`` is 1 for the decisive reply alone; ``caused`` stands at an episode's first turn.
    """
    for row in rows:
        blame = blames[row["tree"]]
        yield row if blame is None or "turn" not in row else {**row, **_columns(blame, row["turn"])}


def _columns(blame: Blame, t: int) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "blame": {agent: gain for (turn, agent), gain in blame.gains.items() if turn == t},
        "blame_low": {agent: bound for (turn, agent), bound in blame.bounds.items() if turn == t},
    }
    if blame.decisive is not None and blame.decisive[0] == t:
        columns["blame_decisive"] = {blame.decisive[1]: 1.0}
    return {**columns, "caused": dict(blame.caused)} if t == 0 else columns


def _drawn(policies: Mapping[str, Policy], trees: Sequence[Tree], samples: int) -> list[list[Texts]]:
    """For every tree, and so often, a fresh reply in the place of each that there was."""
    drawn: list[list[dict[Reply, str]]] = [[{} for _ in range(samples)] for _ in trees]
    for agent, policy in policies.items():
        places = [(number, t) for number, tree in enumerate(trees) for t in _acted(tree, agent)]
        requests = [_request(trees[number], t, agent, samples) for number, t in places]
        try:
            answers = policy.submit(requests, False, False).result() if requests else []
        finally:
            policy.release()
        for (number, t), actions in zip(places, answers, strict=True):
            for texts, action in zip(drawn[number], actions, strict=True):
                texts[t, agent] = action.text
    return [list(of_tree) for of_tree in drawn]


def _acted(tree: Tree, agent: str) -> list[int]:
    return [turn.t for turn in tree.turns if agent in turn.joint_action]


def _request(tree: Tree, t: int, agent: str, samples: int) -> Request:
    history = History()
    for turn in tree.turns[:t]:
        if agent in turn.joint_action:
            history = history.after(turn.observations[agent], turn.joint_action[agent])
    seeds = tuple(derive(tree.seed, "blame", t, agent, k) for k in range(samples))
    return Request(history, tree.turns[t].observations[agent], seeds)


def _blame(env: Held, tree: Tree, fresh: Sequence[Texts]) -> Blame | None:
    if tree.failure is not None:
        return None
    try:
        played = _Played(env, tree)
        gains = {reply: [played.gain({reply: one[reply]}) for one in fresh] for reply in played.said}
        caused = _shapley(played, fresh) if len(env.agents) <= MOST_AGENTS else {}
    except InfrastructureError:
        return None
    means = {reply: fmean(several) for reply, several in gains.items()}
    bounds = {reply: means[reply] - _margin(several) for reply, several in gains.items()}
    decisive = next((reply for reply, bound in bounds.items() if bound > 0), None)
    return Blame(means, bounds, decisive, caused)


def _margin(values: Sequence[float]) -> float:
    return _ONE_SIDED_95 * stdev(values) / math.sqrt(len(values))


class _Played:
    """An episode that can be played again with other replies."""

    def __init__(self, env: Held, tree: Tree) -> None:
        self._env, self._tree = env, tree
        self.said: dict[Reply, str] = {
            (turn.t, agent): turn.joint_action[agent].text
            for turn in tree.turns
            for agent in env.agents
            if agent in turn.joint_action
        }
        self._states = [env.reset(tree.task, tree.seed)]
        for t in range(len(tree.turns) - 1):
            self._states.append(env.step(self._states[t], self._replies(t, self._states[t], {})).state)

    def gain(self, instead: Texts) -> float:
        """How much more it returns with these replies in the place of those that there were."""
        first = min((t for t, _ in instead), default=0)
        state, total = self._states[first], 0.0
        for turn in self._tree.turns[first:]:
            transition = self._env.step(state, self._replies(turn.t, state, instead))
            reward = self._env.processed(transition.reward, self._tree.task)
            state, total = transition.state, total + reward
            good_enough = self._env.ends_early([reward], self._tree.task)
            if transition.terminated or transition.truncated or good_enough:
                break
        return total - sum(turn.reward for turn in self._tree.turns[first:])

    def _replies(self, t: int, state: HeldState, instead: Texts) -> dict[str, str]:
        said = {**self.said, **instead}
        return {agent: said.get((t, agent), "") for agent in self._env.observe(state)}


def _shapley(played: _Played, fresh: Sequence[Texts]) -> dict[str, float]:
    """By agent, the mean of what it adds to every coalition of others whose replies are drawn anew too."""
    agents = list(dict.fromkeys(agent for _, agent in played.said))
    worth = {
        frozenset(coalition): fmean(played.gain(_of(one, coalition)) for one in fresh)
        for size in range(len(agents) + 1)
        for coalition in combinations(agents, size)
    }
    caused = dict.fromkeys(agents, 0.0)
    for coalition, value in worth.items():
        for agent in agents:
            size = len(coalition - {agent})
            weight = 1 / (len(agents) * math.comb(len(agents) - 1, size))
            caused[agent] += weight * value * (1 if agent in coalition else -1)
    return caused


def _of(fresh: Texts, agents: Iterable[str]) -> dict[Reply, str]:
    own = set(agents)
    return {reply: text for reply, text in fresh.items() if reply[1] in own}
