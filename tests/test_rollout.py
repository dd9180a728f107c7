from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.policy import Actions, Policy, Request
from collm.agents.team import policies_of
from collm.algorithms.base import Branching, Probe
from collm.contract.held import Held, HeldState
from collm.engines.base import Deferred
from collm.env import AnyEnvironment, Environment, Split, Transition, environments, make_env
from collm.envs.probes import CreditProbe
from collm.errors import CollmError, InfrastructureError
from collm.models.config import Sampling
from collm.rollout import Reset, Rollout, probed, replay, rollout
from collm.types import Action, Observation, Observations, Tree, Turn
from tests.checkpoints import save_letters


@dataclass(frozen=True)
class Word:
    id: str


@dataclass(frozen=True)
class Play:
    task: Word
    seed: int
    said: tuple[str, ...] = ()


class Game(Environment[Word, Play]):
    """The reward is the sum of the numbers that the agents say; every agent hears all that was said."""

    type: Literal["game"] = "game"
    size: int = 2
    takes_turns: bool = False
    ends_on: str = "never"
    cut_off_at: int | None = None
    goes_on: bool = False

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple("abc"[: self.size])

    @property
    def reward_range(self) -> tuple[float, float]:
        return -10.0, 10.0

    def tasks(self, split: Split) -> Sequence[Word]:
        return [Word("one"), Word("two")]

    def parse_task(self, row: Mapping[str, Any], where: str) -> Word:
        return Word(str(row["id"]))

    def reset(self, task: Word, seed: int) -> Play:
        return Play(task, seed)

    def observe(self, state: Play) -> Observations:
        turn = len(state.said)
        acting = [self.agents[turn % self.size]] if self.takes_turns else self.agents
        text = f"{state.task.id} {state.seed}: {'; '.join(state.said)}"
        return {agent: Observation(text) for agent in acting}

    def step(self, state: Play, replies: Mapping[str, str]) -> Transition[Play]:
        said = ",".join(f"{agent}={reply}" for agent, reply in replies.items())
        following = replace(state, said=(*state.said, said))
        turn = len(following.said)
        return Transition(
            following,
            reward=sum(map(number, replies.values())),
            metrics={"turn": float(turn)},
            terminated=(self.ends_on in said) or (turn == self.num_turns and not self.goes_on),
            truncated=turn == self.cut_off_at,
        )


def number(reply: str) -> float:
    """What a reply is worth; some replies break things."""
    if reply == "sandbox":
        raise InfrastructureError("the sandbox died")
    if reply == "bug":
        raise ZeroDivisionError("a bug")
    return float(reply)


Say = Callable[[str, int], str]


class Scripted:
    """A policy that answers the k-th sample at an observation by rule, and keeps what it was asked."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.requests: list[Request] = []
        self.greedy: list[bool] = []
        self.keep: list[bool] = []
        self.released = 0

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        self.requests += requests
        self.greedy.append(greedy)
        self.keep.append(keep)
        return Deferred(lambda: [self._actions(request) for request in requests])

    def release(self) -> None:
        self.released += 1

    def _actions(self, request: Request) -> tuple[Action, ...]:
        samples = range(len(request.seeds))
        return tuple(Action(self.say(request.observation.text, k), token_ids=(k,) * (k + 1)) for k in samples)


def team(env: Game, say: Say = lambda seen, k: str(k)) -> dict[str, Scripted]:
    return {agent: Scripted(say) for agent in env.agents}


def grow(env: Game, policies: Mapping[str, Policy], *ids: str, branching: Branching | None = None) -> Rollout:
    resets = [Reset(Word(name), seed) for seed, name in enumerate(ids or ("one",))]
    return rollout(env, policies, resets, branching)


def texts(turn: Turn) -> dict[str, str]:
    return {agent: action.text for agent, action in turn.joint_action.items()}


def tree_of(found: Rollout) -> Tree:
    (tree,) = found.trees
    return tree


# Size and cost


@pytest.mark.parametrize(("n", "samples", "horizon"), product((1, 2, 3), (1, 2, 3), (1, 2, 3)))
def test_a_full_tree_costs_what_proposition_3_2_says(n: int, samples: int, horizon: int) -> None:
    env = Game(size=n, num_turns=horizon)
    policies = team(env)
    found = grow(env, policies, branching=Branching(samples))
    formula = n * horizon if samples == 1 else n * samples * (samples**horizon - 1) // (samples - 1)
    assert found.inference_calls == formula
    assert sum(len(r.seeds) for policy in policies.values() for r in policy.requests) == formula
    turns = tree_of(found).turns
    assert [sum(turn.t == t for turn in turns) for t in range(horizon)] == [
        samples ** (t + 1) for t in range(horizon)
    ]
    assert all(turn.terminated == (turn.t == horizon - 1) for turn in turns)


@pytest.mark.parametrize(("n", "samples", "horizon"), [(2, 2, 1), (2, 3, 2), (3, 2, 2), (1, 3, 2)])
def test_a_crossed_tree_draws_k_samples_at_each_of_its_histories(n: int, samples: int, horizon: int) -> None:
    env = Game(size=n, num_turns=horizon)
    found = grow(env, team(env), branching=Branching(samples, "cross"))
    branches = samples**n
    assert found.inference_calls == sum(n * samples * branches**t for t in range(horizon))
    assert len(list(tree_of(found).episodes())) == branches**horizon


def test_aligned_samples_are_joined_index_by_index() -> None:
    env = Game(size=2)
    roots = tree_of(grow(env, team(env), branching=Branching(3))).roots
    assert [texts(turn) for turn in roots] == [{"a": str(k), "b": str(k)} for k in range(3)]


def test_crossed_samples_are_joined_in_every_combination_and_shared() -> None:
    env = Game(size=2)
    roots = tree_of(grow(env, team(env), branching=Branching(2, "cross"))).roots
    assert [texts(turn) for turn in roots] == [{"a": a, "b": b} for a, b in product("01", repeat=2)]
    assert roots[0].joint_action["a"] is roots[1].joint_action["a"] is not roots[2].joint_action["a"]


def test_tokens_are_counted_by_agent() -> None:
    env = Game(size=2)
    found = grow(env, team(env), "one", "two", branching=Branching(3))
    assert found.tokens == {"a": 2 * (1 + 2 + 3), "b": 2 * (1 + 2 + 3)}


def test_a_child_sees_what_its_own_branch_said() -> None:
    env = Game(num_turns=2)
    tree = tree_of(grow(env, team(env), branching=Branching(2)))
    seen = [turn.observations["a"].text for turn in tree.turns if turn.t == 1]
    assert seen == ["one 0: a=0,b=0"] * 2 + ["one 0: a=1,b=1"] * 2


def test_each_agent_goes_on_with_its_own_history() -> None:
    env = Game(num_turns=3)
    policies = team(env)
    grow(env, policies)
    histories = [request.history for request in policies["a"].requests]
    assert [[action.text for action in one.actions] for one in histories] == [[], ["0"], ["0", "0"]]
    seen = [[observation.text for observation in one.observations] for one in histories]
    assert seen == [[], ["one 0: "], ["one 0: ", "one 0: a=0,b=0"]]


def test_greedy_play_asks_for_greedy_samples() -> None:
    env = Game(size=1, num_turns=2)
    policies = team(env)
    rollout(env, policies, [Reset(Word("one"), 0)], greedy=True)
    assert policies["a"].greedy == [True, True]


# Randomness


def test_seeds_differ_between_samples_agents_turns_branches_and_trees() -> None:
    env = Game(num_turns=2)
    policies = team(env)
    grow(env, policies, "one", "one", branching=Branching(2))
    seeds = [seed for policy in policies.values() for r in policy.requests for seed in r.seeds]
    assert len(seeds) == len(set(seeds)) == 2 * 2 * (2 + 4)


def test_the_seeds_of_a_tree_depend_on_its_start_alone() -> None:
    env = Game(num_turns=2)
    alone, beside = team(env), team(env)
    rollout(env, alone, [Reset(Word("two"), 5)], Branching(2))
    rollout(env, beside, [Reset(Word("one"), 4), Reset(Word("two"), 5)], Branching(2))

    def asked(policies: dict[str, Scripted]) -> list[tuple[str, tuple[int, ...]]]:
        return [
            (request.observation.text, request.seeds)
            for policy in policies.values()
            for request in policy.requests
            if request.observation.text.startswith("two 5")
        ]

    assert asked(alone) == asked(beside)


def without_rounding(tree: Tree) -> list[Any]:
    return [
        (
            turn.t,
            turn.reward,
            {name: (a.prompt_ids, a.token_ids) for name, a in turn.joint_action.items()},
        )
        for turn in tree.turns
    ]


def test_real_agents_play_a_task_alike_alone_and_among_others(tmp_path: Path) -> None:
    env = CreditProbe()
    folder = save_letters(tmp_path, "01?!AB\n")
    config = AgentConfig(model=str(folder), device="cpu", sampling=Sampling(max_tokens=5), batch_rows=7)
    policies = policies_of({name: Agent(config, name) for name in env.agents})
    resets = [Reset(task, 10 + number) for number, task in enumerate(env.tasks("train"))]
    together = rollout(env, policies, resets, Branching(3)).trees
    for reset, tree in zip(resets, together, strict=True):
        (alone,) = rollout(env, policies, [reset], Branching(3)).trees
        assert without_rounding(alone) == without_rounding(tree)
    (again,) = rollout(env, policies, resets[:1], Branching(3)).trees
    assert again == rollout(env, policies, resets[:1], Branching(3)).trees[0]
    assert len({str(without_rounding(tree)) for tree in together}) == len(resets)


# Rewards and ends


def test_rewards_are_processed_and_kept_raw() -> None:
    env = Game(size=2, reward_scale=2.0, reward_shift=-1.0)
    (root,) = tree_of(grow(env, team(env, lambda seen, k: "1.5"))).roots
    assert (root.raw_reward, root.reward) == (3.0, 5.0)
    assert root.metrics == {"turn": 1.0}


def test_global_information_tells_the_turn_and_the_last_raw_reward() -> None:
    env = Game(size=1, num_turns=2, reward_shift=-5.0)
    first, second = tree_of(grow(env, team(env, lambda seen, k: "2"))).turns
    assert first.global_information == "You are at turn = 0 over a 2-turn episode."
    assert second.global_information.endswith("\nYour last-turn reward is 2.00 / 10.")


def test_the_environment_ends_single_branches() -> None:
    env = Game(size=1, num_turns=2, ends_on="a=1")
    tree = tree_of(grow(env, team(env), branching=Branching(2)))
    stays, ends = tree.roots
    assert (stays.terminated, ends.terminated) == (False, True)
    assert tree.families == {None: (0, 3), 0: (1, 2)}


@pytest.mark.parametrize(("threshold", "ended"), [(0.4, True), (0.5, False), (None, False)])
def test_siblings_end_together_where_their_mean_is_above_the_threshold(
    threshold: float | None, ended: bool
) -> None:
    env = Game(size=1, num_turns=2, termination_threshold=threshold)
    found = grow(env, team(env), branching=Branching(2))
    roots = tree_of(found).roots
    assert [turn.terminated for turn in roots] == [ended, ended]
    assert found.inference_calls == (2 if ended else 6)


def test_the_early_end_looks_at_processed_rewards_of_one_set_of_siblings() -> None:
    """At the second turn the children of 0 say 0 and the children of 1 say 1; shifted by -1 only 0 ends."""

    def say(seen: str, k: int) -> str:
        return str(k) if seen.endswith(": ") else seen.split("a=")[1][0]

    env = Game(size=1, num_turns=3, reward_scale=-1.0, reward_shift=0.5, termination_threshold=0.25)
    tree = tree_of(grow(env, team(env, say), branching=Branching(2)))
    low, high = (tree.families[root] for root in tree.families[None])
    assert [tree.turns[child].terminated for child in low] == [True, True]
    assert [tree.turns[child].terminated for child in high] == [False, False]
    assert [len(tree.families.get(child, ())) for child in low + high] == [0, 0, 2, 2]


def test_a_truncated_turn_shows_what_would_have_come() -> None:
    env = Game(size=1, num_turns=5, cut_off_at=2)
    _, last = tree_of(grow(env, team(env))).turns
    assert (last.truncated, last.terminated) == (True, False)
    assert last.next_observations == {"a": Observation("one 0: a=0; a=0")}
    assert last.next_global_information.startswith("You are at turn = 2 over a 5-turn episode.")


def test_an_early_end_outweighs_a_truncation() -> None:
    env = Game(size=1, num_turns=5, cut_off_at=1, termination_threshold=-1.0)
    (root,) = tree_of(grow(env, team(env))).roots
    assert (root.terminated, root.truncated, root.next_observations) == (True, False, None)


def test_an_environment_that_does_not_end_is_named() -> None:
    env = Game(num_turns=2, goes_on=True)
    with pytest.raises(CollmError, match="goes on after 2 turns"):
        grow(env, team(env))


# Agents


def test_agents_that_skip_a_turn_are_not_asked() -> None:
    env = Game(size=2, num_turns=3, takes_turns=True)
    policies = team(env)
    found = grow(env, policies, branching=Branching(2))
    tree = tree_of(found)
    first, second, third = (tree.turns[number] for number in next(tree.episodes()))
    assert [list(turn.joint_action) for turn in (first, second, third)] == [["a"], ["b"], ["a"]]
    assert first.observations.keys() == {"a"}
    assert found.inference_calls == 2 + 4 + 8
    assert {len(request.history.actions) for request in policies["a"].requests} == {0, 1}


class Split2(Game):
    """Each agent is paid for its own number."""

    type: Literal["split2"] = "split2"  # type: ignore[assignment]

    def step(self, state: Play, replies: Mapping[str, str]) -> Transition[Play]:
        shares = {agent: number(reply) for agent, reply in replies.items()}
        return replace(super().step(state, dict.fromkeys(replies, "1")), agent_rewards=shares)


def test_rewards_of_single_agents_are_processed_too() -> None:
    env = Split2(size=2, reward_scale=2.0, reward_shift=1.0)
    policies = {"a": Scripted(lambda seen, k: "1"), "b": Scripted(lambda seen, k: "-3")}
    (root,) = tree_of(grow(env, policies)).roots
    assert root.agent_rewards == {"a": 3.0, "b": -5.0}
    assert (root.reward_of("a"), root.reward_of("b"), root.reward) == (3.0, -5.0, 5.0)


def test_a_reward_of_a_single_agent_that_is_no_number_is_named() -> None:
    env = Split2(size=1)
    with pytest.raises(CollmError, match="nan"):
        grow(env, {"a": Scripted(lambda seen, k: "nan")})


# Failures


def test_broken_infrastructure_fails_its_tree_and_no_other() -> None:
    env = Game(size=1, num_turns=2)
    policies = team(env, lambda seen, k: "sandbox" if seen.startswith("two") and k else "1")
    found = grow(env, policies, "one", "two", "one", branching=Branching(2))
    assert [tree.failure for tree in found.trees] == [None, "the sandbox died", None]
    assert found.trees[1].roots == ()
    assert found.sound == (found.trees[0], found.trees[2])
    assert all(turn.raw_reward == 1.0 for tree in found.sound for turn in tree.turns)
    assert not any("; " in r.observation.text and "two" in r.observation.text for r in policies["a"].requests)


def test_infrastructure_that_breaks_late_fails_the_whole_tree() -> None:
    env = Game(size=1, num_turns=2)
    found = grow(env, team(env, lambda seen, k: "sandbox" if "a=" in seen else "1"))
    assert (tree_of(found).failure, tree_of(found).roots) == ("the sandbox died", ())
    assert found.inference_calls == 2


@pytest.mark.parametrize(
    ("reply", "problem"), [("bug", "step raised ZeroDivisionError: a bug"), ("nan", "nan"), ("inf", "inf")]
)
def test_a_broken_reward_is_named_and_is_never_zero(reply: str, problem: str) -> None:
    env = Game(size=1)
    with pytest.raises(CollmError, match=problem) as caught:
        grow(env, team(env, lambda seen, k: reply))
    assert caught.value.where == "environment 'game', task 'one'"


def test_no_resets_grow_nothing() -> None:
    env = Game()
    found = rollout(env, team(env), [])
    assert (found.trees, found.inference_calls) == ((), 0)
    assert math.fsum(found.tokens.values()) == 0


# The door to policies


class Recorder(Scripted):
    """Notes when it is asked and when its answer is awaited."""

    def __init__(self, name: str, notes: list[str]) -> None:
        super().__init__(lambda seen, k: str(k))
        self.name, self.notes = name, notes

    def submit(self, requests: Sequence[Request], greedy: bool, keep: bool) -> Deferred[Actions]:
        self.notes.append(f"ask {self.name}")
        pending = super().submit(requests, greedy, keep)

        def waited() -> Actions:
            self.notes.append(f"await {self.name}")
            return pending.result()

        return Deferred(waited)


def test_every_agent_is_asked_before_any_answer_is_awaited() -> None:
    env, notes = Game(size=3, num_turns=2), list[str]()
    found = grow(
        env, {name: Recorder(name, notes) for name in env.agents}, "one", "two", branching=Branching(2)
    )
    turn = [f"{verb} {name}" for verb in ("ask", "await") for name in "abc"]
    assert notes == turn * 2
    assert found.inference_calls == 2 * 3 * (2 + 4)


def test_policies_hear_when_no_later_turn_can_go_on() -> None:
    env = Game(size=1, num_turns=3)
    policies = team(env)
    grow(env, policies)
    assert policies["a"].keep == [True, True, False]


@pytest.mark.parametrize("reply", ["1", "bug", "nan"])
def test_policies_are_released_whatever_the_environment_does(reply: str) -> None:
    env = Game(size=2, num_turns=2)
    policies = team(env, lambda seen, k: reply)
    if reply == "1":
        grow(env, policies)
    else:
        with pytest.raises(CollmError):
            grow(env, policies)
    assert [policy.released for policy in policies.values()] == [1, 1]


def ids(tree: Tree) -> list[str]:
    return [action.id for turn in tree.turns for action in turn.joint_action.values()]


def test_the_ids_of_actions_are_their_own_in_a_tree() -> None:
    env = Game(size=2, num_turns=3)
    found = ids(tree_of(grow(env, team(env), branching=Branching(3))))
    assert len(found) == len(set(found)) == 2 * (3 + 9 + 27)


def test_an_action_of_several_joint_ones_keeps_its_id() -> None:
    env = Game(size=2, num_turns=2)
    tree = tree_of(grow(env, team(env), branching=Branching(2, "cross")))
    roots = [turn.joint_action for turn in tree.roots]
    assert [one["a"].id == roots[0]["a"].id for one in roots] == [True, True, False, False]
    assert [one["b"].id == roots[0]["b"].id for one in roots] == [True, False, True, False]
    drawn = {id(action): action.id for turn in tree.turns for action in turn.joint_action.values()}
    assert len(drawn) == len(set(drawn.values())) == 4 + 4 * 4


# Replay

SAYINGS = (
    "/fill 0 0 0 2 2 2 stone\n/fill 0 64 0 3 65 3 oak_planks",
    "/setblock 0 0 0 white_concrete\n/kill",
    "def aux(x):\n    return x\n",
    "```python\ndef main(x):\n    return aux(x)\n```",
    "First, a text. However, it goes on; therefore it ends.",
    "1",
    "",
)


def say_much(seen: str, k: int) -> str:
    """Something different for every observation and sample, the same every time."""
    return SAYINGS[(len(seen) + k) % len(SAYINGS)]


def shipped(tmp_path: Path) -> dict[str, AnyEnvironment]:
    (tmp_path / "rows.jsonl").write_text('{"id": "r", "prompt": "a thing"}\n')
    custom = {
        "prompts": {"a": "{prompt}", "b": "x"},
        "dataset": str(tmp_path / "rows.jsonl"),
        "reward": "tests.test_rollout:paid",
    }
    several: dict[str, dict[str, Any]] = {
        "housebuild": {"num_turns": 3},
        "strbuild": {"num_turns": 3},
        "coding": {"num_turns": 2},
        "stopping": {"env": {"type": "housebuild", "num_turns": 3}},
    }
    names = [name for name in environments() if name not in ("custom", "arxiv")]
    made = {name: make_env({"type": name, **several.get(name, {})}) for name in names}
    return {**made, "custom": make_env({"type": "custom", "train": ":1", "test": ":1", **custom})}


def paid(replies: Mapping[str, str], row: Mapping[str, Any]) -> float:
    return float(sum(map(len, replies.values())))


ENVIRONMENTS = sorted({*environments()} - {"arxiv"})


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_replay_leads_to_the_state_that_was_played(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = shipped(tmp_path)[name]
    task = env.tasks("train")[0]
    played: list[tuple[HeldState, Mapping[str, str], HeldState]] = []
    step = Held.step

    def watched(env: Held, state: HeldState, replies: Mapping[str, str]) -> Transition[HeldState]:
        transition = step(env, state, replies)
        played.append((state, dict(replies), transition.state))
        return transition

    with monkeypatch.context() as patch:
        patch.setattr(Held, "step", watched)
        policies = {agent: Scripted(say_much) for agent in env.agents}
        (tree,) = rollout(env, policies, [Reset(task, 5)], Branching(2)).trees
    assert tree.failure is None
    assert len(played) == len(tree.turns)
    for number in range(len(tree.turns)):
        actions = [texts(tree.turns[one]) for one in tree.path(number)]
        before, after = replay(env, task, 5, actions[:-1]), replay(env, task, 5, actions)
        assert (before, actions[-1], after) in played


def test_actions_beyond_the_end_cannot_be_replayed() -> None:
    env = Game(size=1, num_turns=2)
    with pytest.raises(CollmError, match="the episode ends after turn 1, and there are actions for 3"):
        replay(env, Word("one"), 0, [{"a": "1"}] * 3)


@pytest.mark.parametrize("method", ["reset", "observe"])
def test_an_environment_that_breaks_before_a_step_fails_its_tree_alone(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = getattr(Game, method)

    def breaking(self: Game, first: Any, *rest: Any) -> Any:
        task = first if method == "reset" else first.task
        if task.id == "two":
            raise InfrastructureError("the server hung up")
        return plain(self, first, *rest)

    monkeypatch.setattr(Game, method, breaking)
    env = Game(num_turns=2)
    found = grow(env, team(env), "one", "two")
    assert [tree.failure for tree in found.trees] == [None, "the server hung up"]
    assert len(found.sound[0].turns) == 2


# Probes


def alternatives(env: Game, onward: bool) -> Tree:
    """An episode, and at its first turn two fresh actions of the first agent."""
    policies = team(env)
    found = grow(env, policies)
    probe = Probe(0, "instead of a", agent="a", samples=2, learned=True, onward=onward)
    return tree_of(probed(env, policies, found, {0: [probe]}))


def test_one_agent_draws_anew_while_the_others_act_as_they_did() -> None:
    tree = alternatives(Game(size=2, num_turns=1), onward=True)
    first, *fresh = tree.turns
    assert [texts(turn) for turn in fresh] == [{"a": "0", "b": "0"}, {"a": "1", "b": "0"}]
    assert {turn.joint_action["b"].id for turn in tree.turns} == {first.joint_action["b"].id}
    assert len({turn.joint_action["a"].id for turn in tree.turns}) == 3
    assert [(turn.probe, turn.learned) for turn in fresh] == [("instead of a", True)] * 2


def test_alternatives_are_played_to_the_end_or_for_one_turn() -> None:
    env = Game(size=2, num_turns=3)
    onward, short = alternatives(env, onward=True), alternatives(env, onward=False)
    assert onward.parents == (None, 0, 1, None, 3, 4, None, 6, 7)
    assert [turn.learned for turn in onward.turns[3:6]] == [True, False, False]
    assert short.parents == (None, 0, 1, None, None)
    assert not short.turns[3].terminated
