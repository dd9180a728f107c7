"""The floor under a case: what its models must compute, in bare passes of transformers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache

from benchmarks.cases import AGENTS, Case, clock
from collm.agents.critic import Critic
from collm.agents.team import Team
from collm.models.families import trunk
from collm.types import Action, Tree


@dataclass(frozen=True, slots=True)
class Floor:
    """Seconds of bare batched decoding, and of bare forward and backward passes over what is learned from."""

    decoding: float
    passes: float


def floor_of(case: Case, team: Team, trees: Sequence[Tree], together: int) -> Floor:
    """The floor of some sampled trees, ``together`` of which are drawn at once.

    Every agent's decoder draws as many tokens as the longest reply of its batch. A step's passes hold each of
    its episodes once, up to the last turn that it learns from; a critic's up to the turn after that.
    """
    decoding = sum(
        _decoded(team, trees[start : start + together]) for start in range(0, len(trees), together)
    )
    passes = 0.0
    for rows in _steps(case, team, trees):
        for model, lengths in rows:
            passes += _passed(model, lengths)
    return Floor(decoding, passes)


def _decoded(team: Team, trees: Sequence[Tree]) -> float:
    seconds = 0.0
    for name in AGENTS:
        turns: dict[int, list[Action]] = defaultdict(list)
        for tree in trees:
            for turn in tree.turns:
                turns[turn.t].append(turn.joint_action[name])
        with team.agents[name].learner.weights.model() as model:
            seconds += _timed(lambda: _decode(model, [turns[t] for t in sorted(turns)]))  # noqa: B023
    return seconds


@torch.inference_mode()
def _decode(model: Any, turns: Sequence[Sequence[Action]]) -> None:
    """Prompts and replies of as many tokens, of the batch's longest; the cache is kept from turn to turn."""
    cache, rows, known = DynamicCache(config=model.config), 0, 0
    for actions in turns:
        prompts = {action.prompt_ids for action in actions}
        width = max(map(len, prompts))
        if len(prompts) != rows:
            if rows:
                cache.batch_repeat_interleave(len(prompts) // rows)
            rows = len(prompts)
        model(input_ids=torch.ones(rows, max(1, width - known), dtype=torch.long), past_key_values=cache)
        if len(actions) != rows:
            cache.batch_repeat_interleave(len(actions) // rows)
            rows = len(actions)
        steps = max(len(action.token_ids) for action in actions)
        for _ in range(steps - 1):
            model(input_ids=torch.ones(rows, 1, dtype=torch.long), past_key_values=cache)
        known = cache.get_seq_length()


def _steps(case: Case, team: Team, trees: Sequence[Tree]) -> list[list[tuple[Any, list[int]]]]:
    """For each optimizer step the models that take part and the lengths of their rows."""
    steps = []
    places = [(tree, turn) for tree in trees for turn in range(len(tree.turns))]
    size = case.minibatch or len(places)
    for start in range(0, len(places), size):
        chosen = places[start : start + size]
        rows = []
        for name in AGENTS:
            with team.agents[name].learner.weights.model() as model:
                rows.append((model, _lengths(chosen, lambda tree, turn: _reach(tree, turn, name))))  # noqa: B023
        for name, critic in team.critics.items():
            assert isinstance(critic, Critic)
            readers = AGENTS if name not in AGENTS else (name,)
            assert isinstance(critic, Critic)
            with critic.weights.model() as model:
                rows.append((model, _lengths(chosen, lambda tree, turn: _history(tree, turn, readers))))  # noqa: B023
        steps.append(rows)
    return steps


def _lengths(places: Sequence[tuple[Tree, int]], reach: Callable[[Tree, int], int]) -> list[int]:
    """One row for each episode of the chosen turns, as long as its last turn wants it."""
    rows: dict[tuple[int, int], int] = {}
    for tree, turn in places:
        ends = [path for path in tree.episodes() if turn in path]
        for path in ends:
            chosen = max(one for other, one in places if other is tree and one in path)
            rows[id(tree), chosen] = reach(tree, chosen)
    return list(rows.values())


def _reach(tree: Tree, turn: int, agent: str) -> int:
    action = tree.turns[turn].joint_action[agent]
    return len(action.prompt_ids) + len(action.token_ids)


def _history(tree: Tree, turn: int, readers: Sequence[str]) -> int:
    """Tokens before the actions of the turn that follows, or of this one if it is the last."""
    following = tree.families.get(turn, (turn,))[0]
    return sum(len(tree.turns[following].joint_action[name].prompt_ids) for name in readers)


def _passed(model: Any, lengths: Sequence[int]) -> float:
    """Forward and backward over a padded batch of rows; logits are no part of it."""
    tokens = torch.ones(len(lengths), max(lengths), dtype=torch.long)

    def once() -> None:
        trunk(model)(input_ids=tokens, use_cache=False).last_hidden_state.sum().backward()

    seconds = _timed(once)
    model.zero_grad(set_to_none=True)
    return seconds


def _timed(work: Callable[[], None]) -> float:
    began = clock()
    work()
    return clock() - began
