from __future__ import annotations

from collections.abc import Mapping
from time import sleep
from typing import Literal

import pytest

from collm.errors import CollmError, InfrastructureError
from collm.protocols.base import PlayProtocol, Scene, Talk, make_protocol, protocols
from collm.protocols.discussion import Discussion
from collm.protocols.episode import response_seconds
from collm.protocols.parallel import Parallel
from collm.protocols.pipeline import Pipeline
from collm.protocols.playing import play
from collm.protocols.single import Single
from collm.protocols.task_graph import TaskGraph
from collm.rollout import Reset, rollout
from collm.types import Observation, Observations
from tests.protocols.scripted import Heard, Player, Said, Word, Words, played, replies, team


def shout(text: str) -> str:
    return text.upper()


def test_all_protocols_are_found_by_name() -> None:
    assert protocols() == {
        "discussion": Discussion,
        "parallel": Parallel,
        "pipeline": Pipeline,
        "single": Single,
        "task_graph": TaskGraph,
    }
    assert make_protocol({"type": "discussion", "rounds": 3}) == Discussion(rounds=3)


def test_one_of_your_own_is_found_by_its_place() -> None:
    found = make_protocol({"type": "tests.protocols.test_playing:Mute"})
    assert isinstance(found, Mute)


@pytest.mark.parametrize("one_at_a_time", [False, True])
def test_parallel_play_is_a_rollout(one_at_a_time: bool) -> None:
    env = Words(num_turns=3, one_at_a_time=one_at_a_time)
    resets = [Reset(task, 5) for task in env.tasks("test")]
    ours, theirs = (team([], a=shout, b=str) for _ in range(2))
    episodes = play(Parallel(), env, ours, resets)
    for episode, tree in zip(episodes, rollout(env, theirs, resets).trees, strict=True):
        assert replies(episode) == [
            {agent: action.text for agent, action in turn.joint_action.items()} for turn in tree.turns
        ]
        assert [turn.reward for turn in episode.tree.turns] == [turn.reward for turn in tree.turns]
        assert episode.tree.parents == tree.parents
    for name in "ab":
        asked, wanted = ours[name].requests, theirs[name].requests
        assert [request.seeds for request in asked] == [request.seeds for request in wanted]
        assert [request.observation for request in asked] == [request.observation for request in wanted]
        assert [len(request.history.actions) for request in asked] == [
            len(request.history.actions) for request in wanted
        ]
        assert ours[name].released == 1


def test_the_slowest_of_a_step_counts_and_steps_add_up() -> None:
    heard: Heard = []
    players = {"a": Player("a", str, heard, 0.03), "b": Player("b", str, heard, 0.06)}
    for protocol, least in ((Parallel(), 0.06), (Pipeline(), 0.09), (Discussion(rounds=2), 0.12)):
        (episode,) = played(protocol, Words(), players)
        (messages,) = episode.messages
        by_hand: dict[int, float] = {}
        for message in messages:
            by_hand[message.step] = max(by_hand.get(message.step, 0.0), message.seconds)
        assert response_seconds(messages) == pytest.approx(sum(by_hand.values()))
        assert response_seconds(messages) >= least


def test_an_agents_time_is_its_own() -> None:
    players = {"a": Player("a", str, [], 0.2), "b": Player("b", str, [])}
    ((messages,),) = (episode.messages for episode in played(Parallel(), Words(), players))
    seconds = {message.player: message.seconds for message in messages}
    assert seconds["a"] >= 0.2
    assert seconds["b"] < 0.1


def test_broken_infrastructure_ends_its_episode_alone() -> None:
    def say(text: str) -> str:
        return "broken" if "two1" in text else "fine"

    one, two = played(Parallel(), Words(num_turns=3), team([], a=say, b=str), tasks=2)
    assert (one.tree.failure, len(one.tree.turns)) == (None, 3)
    assert (two.tree.failure, two.tree.turns, two.messages) == ("the sandbox died", (), ())


class Breaking(Words):
    """The second task's server dies in the hook that is named, or hangs."""

    hook: str = ""
    hangs: float = 0.0

    def reset(self, task: Word, seed: int) -> Said:
        self._breaks("reset", task)
        return super().reset(task, seed)

    def observe(self, state: Said) -> Observations:
        self._breaks(f"observe {len(state.turns)}", state.task)
        return super().observe(state)

    def observe_replies(self, state: Said, agent: str, replies: Mapping[str, str]) -> None:
        self._breaks(f"observe_replies {len(state.turns)}", state.task)

    def _breaks(self, hook: str, task: Word) -> None:
        if (hook, task.id) == (self.hook, "two"):
            sleep(self.hangs)
            raise InfrastructureError("the server died")


@pytest.mark.parametrize(
    ("protocol", "hook"),
    [
        *((Pipeline(), hook) for hook in ("reset", "observe 0", "observe 2", "observe_replies 1")),
        (Discussion(rounds=2), "observe_replies 0"),
    ],
)
def test_a_failure_before_a_step_ends_its_episode_alone(protocol: PlayProtocol, hook: str) -> None:
    one, two = played(protocol, Breaking(num_turns=3, hook=hook), team([], a=str, b=str), tasks=2)
    assert (two.tree.failure, two.tree.turns, two.messages) == ("the server died", (), ())
    (alone,) = played(protocol, Words(num_turns=3), team([], a=str, b=str))
    assert (one.tree.failure, replies(one)) == (None, replies(alone))


@pytest.mark.parametrize("hook", ["reset", "observe 1"])
def test_a_hook_that_hangs_ends_its_episode_alone(hook: str) -> None:
    env = Breaking(num_turns=2, hook=hook, hangs=1.0, step_seconds=0.3)
    one, two = played(Parallel(), env, team([], a=str, b=str), tasks=2)
    assert one.tree.failure is None
    assert f"{hook.split()[0]} took longer than 0.3 s (env.step_seconds)" in str(two.tree.failure)


def test_an_episode_ends_early_as_in_training() -> None:
    env = Words(num_turns=3, termination_threshold=5.0)
    short, long = (
        played(Parallel(), env, team([], a=lambda text, word=word: word, b=lambda text: ""))[0]  # type: ignore[misc]
        for word in ("abcdef", "abcde")
    )
    assert (len(short.tree.turns), short.tree.turns[-1].terminated) == (1, True)
    assert len(long.tree.turns) == 3


class Mute(PlayProtocol):
    type: Literal["mute"] = "mute"

    def talk(self, scene: Scene) -> Talk:
        yield {}
        return {}


class Stranger(PlayProtocol):
    type: Literal["stranger"] = "stranger"

    def talk(self, scene: Scene) -> Talk:
        return (yield {"z": Observation("?")})


@pytest.mark.parametrize(("protocol", "said"), [(Mute(), "gives no action for a, b"), (Stranger(), "asks z")])
def test_a_protocol_that_is_wrong_is_told(protocol: PlayProtocol, said: str) -> None:
    with pytest.raises(CollmError, match=said):
        played(protocol, Words(), team([], a=str, b=str))


class Odd(Words):
    """Its hooks give what they may not."""

    wrong: str = ""

    def observe_replies(self, state: object, agent: str, replies: Mapping[str, str]) -> Observation | None:
        return "text" if self.wrong == "observe_replies" else None  # type: ignore[return-value]

    def for_one_agent(self) -> Words | None:
        return Words() if self.wrong == "for_one_agent" else None


@pytest.mark.parametrize(
    ("wrong", "protocol", "said"),
    [
        ("observe_replies", Pipeline(), "observe_replies gives b 'text'"),
        ("for_one_agent", Single(), "for_one_agent gives an environment for a, b"),
    ],
)
def test_an_environment_is_held_to_its_hooks(wrong: str, protocol: PlayProtocol, said: str) -> None:
    with pytest.raises(CollmError, match=said):
        played(protocol, Odd(wrong=wrong), team([], a=str, b=str))
