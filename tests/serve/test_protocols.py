"""The team answers by whichever protocol the server or a request names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

import openai
import pytest

from collm.agents.agent import Agent
from collm.contract.held import Held
from collm.protocols.base import PlayProtocol, Scene, Talk, make_protocol
from collm.protocols.playing import play
from collm.rollout import Reset
from collm.serve.desk import Desk
from collm.serve.limits import Limits
from collm.serve.local import Local
from collm.serve.opening import Served
from collm.serve.voice import Draw, Reply, Tell, Voice
from collm.types import Action, History, Observation
from tests.commands import run_command
from tests.serve.servers import HOUSE, Echo, Running, running, stages
from tests.serve.test_app import said, until

Say = Callable[[int], str]


@dataclass
class Scripted(Echo):
    """An agent that replies by a rule of how often it was asked; it remembers what it read."""

    say: Say = str
    read: list[str] = field(default_factory=list)

    async def act(self, history: History, observation: Observation, draw: Draw, tell: Tell) -> Reply:
        self.histories.append(history)
        self.read.append(observation.text)
        text = self.say(len(self.read))
        tell(text)
        return Reply(Action(text), 1, 1)


def pair(first: Say, second: Say) -> dict[str, Scripted]:
    return {"player_1": Scripted(say=first), "player_2": Scripted(say=second)}


def desk(served: Served, voices: Mapping[str, Voice], **protocol: Any) -> Desk:
    wanted = make_protocol(protocol) if protocol else None
    return Desk(stages(served, wanted), voices, Limits())


def fill(block: str) -> str:
    return f"/fill 0 0 0 0 0 0 {block}"


def answer(server: Running, messages: Any = None, **more: Any) -> Any:
    return server.client().chat.completions.create(
        model="team", messages=messages or said(HOUSE), temperature=0, **more
    )


def turns_of(completion: Any) -> list[dict[str, str]]:
    return list(completion.choices[0].message.model_extra["collm"]["turns"])


def test_a_discussion_counts_the_last_replies(served: Served) -> None:
    voices = pair(lambda n: fill(f"one_{n}"), lambda n: fill(f"two_{n}"))
    with running(desk(served, voices, type="discussion", rounds=3)) as server:
        completion = answer(server)
        heard = [chunk.model_extra["collm"] for chunk in answer(server, stream=True) if chunk.model_extra]
    assert turns_of(completion) == [{"player_1": fill("one_3"), "player_2": fill("two_3")}]
    env = served.env
    assert env is not None
    task = env.parse_task(json.loads(HOUSE), "task")
    assert completion.choices[0].message.content == env.compose(task, turns_of(completion))
    assert completion.usage.completion_tokens == 6
    assert fill("two_2") in voices["player_1"].read[2]
    assert [(one["turn"], one["step"]) for one in heard] == [(0, 0), (0, 0), (0, 1), (0, 1), (0, 2), (0, 2)]
    assert {one["content"] for one in heard if one["step"] == 2} == {fill("one_6"), fill("two_6")}


def test_in_a_pipeline_the_second_reads_the_first(served: Served) -> None:
    voices = pair(lambda n: fill(f"one_{n}"), lambda n: fill(f"two_{n}"))
    with running(desk(served, voices, type="pipeline")) as server:
        assert len(turns_of(answer(server))) == 2
    assert fill("one_1") in voices["player_2"].read[0]
    assert fill("two_1") not in voices["player_1"].read[0]
    assert [len(history.actions) for history in voices["player_2"].histories] == [0, 1]


def test_one_model_alone_goes_on_in_its_own_history(served: Served) -> None:
    voices = pair(lambda n: fill("planks"), lambda n: fill("air"))
    with running(desk(served, voices, type="single", agent="player_2")) as server:
        first = answer(server).choices[0].message.content
        follow = [*said(HOUSE), {"role": "assistant", "content": first}, *said("and a roof")]
        assert len(turns_of(answer(server, follow))) == 1
    assert voices["player_1"].read == []
    assert voices["player_2"].read[1] == "and a roof"
    assert [len(history.actions) for history in voices["player_2"].histories] == [0, 1]


def test_a_persons_message_is_discussed_in_place_of_the_environments(served: Served) -> None:
    voices = pair(lambda n: fill(f"one_{n}"), lambda n: fill(f"two_{n}"))
    with running(desk(served, voices, type="discussion", rounds=2)) as server:
        first = answer(server).choices[0].message.content
        answer(server, [*said(HOUSE), {"role": "assistant", "content": first}, *said("and a roof")])
    assert voices["player_1"].read[2] == "and a roof"
    assert voices["player_1"].read[3].startswith("and a roof\n\nplayer_2 replied:\n" + fill("two_3"))
    assert [len(history.actions) for history in voices["player_1"].histories] == [0, 0, 1, 1]


def test_the_workers_of_a_task_graph_deliver(served: Served) -> None:
    def lead(asked: int) -> str:
        return "discover player_1 after player_2: build" if asked == 1 else fill("planks")

    voices = pair(lead, lambda n: fill("air"))
    with running(desk(served, voices, type="task_graph", rounds=4)) as server:
        turns = turns_of(answer(server))
    assert set(turns[0]) == {"player_1", "player_2"}
    assert turns[0]["player_1"] == fill("planks")
    assert voices["player_1"].read[0].startswith("You lead a team")


@pytest.mark.parametrize("name", ["parallel", "single", "pipeline", "discussion", "task_graph"])
def test_a_served_team_says_what_it_says_when_evaluated(
    served: Served, team: Mapping[str, Agent], name: str
) -> None:
    settings = {"task_graph": {"rounds": 2, "planning": 1}}.get(name, {})
    protocol, env = make_protocol({"type": name, **settings}), served.env
    assert env is not None
    policies = {agent: one.policy for agent, one in team.items()}
    task = protocol.stage(env).parse_task(json.loads(HOUSE), "task")
    (episode,) = play(protocol, env, policies, [Reset(task, 0)], greedy=True)
    voices = {agent: Local(one, Lock()) for agent, one in team.items()}
    with running(desk(served, voices, type=name, **settings)) as server:
        turns = turns_of(answer(server))
    assert turns == [
        {agent: action.text for agent, action in turn.joint_action.items()} for turn in episode.tree.turns
    ]


def test_a_request_may_name_its_protocol(served: Served) -> None:
    voices = pair(lambda n: fill(f"one_{n}"), lambda n: fill(f"two_{n}"))
    with running(desk(served, voices, type="discussion", rounds=3)) as server:
        alone = answer(server, extra_body={"protocol": "single"})
        assert list(turns_of(alone)[0].values()) == [fill("one_1")]
        own = answer(server, extra_body={"protocol": "discussion"})  # as the server has it set
        assert turns_of(own)[0]["player_2"] == fill("two_3")
        first = alone.choices[0].message.content
        follow = [*said(HOUSE), {"role": "assistant", "content": first}, *said("more")]
        assert len(turns_of(answer(server, follow, extra_body={"protocol": "single"}))[0]) == 1
        with pytest.raises(openai.BadRequestError, match="by the protocol 'pipeline'"):
            answer(server, follow, extra_body={"protocol": "pipeline"})


@pytest.mark.parametrize("name", ["chess", "tests.serve.test_protocols:Endless", "", "x" * 10_000])
def test_a_protocol_that_is_not_here_is_refused(served: Served, name: str) -> None:
    with running(desk(served, pair(str, str))) as server:
        with pytest.raises(openai.BadRequestError, match="there are discussion, parallel") as caught:
            answer(server, extra_body={"protocol": name})
        assert (caught.value.code, caught.value.param) == ("invalid_value", "protocol")


def test_an_agent_alone_has_no_protocol(served: Served) -> None:
    with running(desk(served, pair(str, str))) as server:
        ask: dict[str, Any] = {"model": "team/player_1", "messages": said("a")}
        with pytest.raises(openai.BadRequestError, match="only team has protocols"):
            server.client().chat.completions.create(**ask, extra_body={"protocol": "single"})


class Endless(PlayProtocol):
    """Asks nobody, for ever."""

    type: Literal["endless"] = "endless"

    def talk(self, scene: Scene) -> Talk:
        while True:
            yield {}


class Forgetful(PlayProtocol):
    """Ends without an action for the second agent."""

    type: Literal["forgetful"] = "forgetful"

    def talk(self, scene: Scene) -> Talk:
        actions = yield scene.observations
        return {"player_1": actions["player_1"]}


class Lengthy(PlayProtocol):
    """Wants more turns than there are."""

    type: Literal["lengthy"] = "lengthy"

    def turns(self, env: Held) -> int:
        return env.num_turns + 1

    def talk(self, scene: Scene) -> Talk:
        return (yield scene.observations)


class Picky(PlayProtocol):
    """Asks whoever has something to read, which is nobody while it is tried."""

    type: Literal["picky"] = "picky"

    def talk(self, scene: Scene) -> Talk:
        first = next(agent for agent, seen in scene.observations.items() if seen.text)
        actions = yield {first: scene.observations[first]}
        return dict.fromkeys(scene.observations, actions[first])


def test_a_protocol_that_needs_real_observations_is_served(served: Served) -> None:
    with running(Desk(stages(served, Picky()), pair(str, str), Limits())) as server:
        assert turns_of(answer(server))[0] == {"player_1": "1", "player_2": "1"}


def test_a_protocol_that_never_ends_runs_out_of_time(served: Served) -> None:
    with running(Desk(stages(served, Endless()), pair(str, str), Limits(seconds=0.5))) as server:
        with pytest.raises(openai.InternalServerError) as caught:
            answer(server)
        assert caught.value.code == "timeout"


def test_a_protocol_that_breaks_its_word_is_no_fault_of_the_client(served: Served) -> None:
    with running(Desk(stages(served, Forgetful()), pair(str, str), Limits())) as server:
        with pytest.raises(openai.InternalServerError, match="gives no action for player_2") as caught:
            answer(server)
        assert (caught.value.status_code, caught.value.code) == (500, "protocol_failed")


def test_a_client_that_leaves_ends_the_discussion(served: Served) -> None:
    first, second = Echo(pause=0.02), Echo(pause=0.02)
    voices = {"player_1": first, "player_2": second}
    with running(desk(served, voices, type="discussion", rounds=100)) as server:
        with answer(server, stream=True) as chunks:
            for chunk in chunks:
                if (chunk.model_extra or {}).get("collm", {}).get("step") == 1:
                    break
        until(lambda: (first.left, second.left) == (1, 1))
        assert (len(first.histories), len(second.histories)) == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--protocol", "chess"], "unknown type 'chess'"),
        (["--protocol", "single", "protocol.agent=nobody"], "the team has no agent 'nobody'"),
        (["--protocol", "task_graph", "protocol.lead=nobody"], "the team has no agent 'nobody'"),
        (["--protocol", "discussion", "protocol.turns=3"], "unknown key"),
        (["--protocol", "tests.serve.test_protocols:Lengthy"], "plays 1 to"),
        (["--protocol", "single", "--only", "player_1"], "served alone play nothing"),
    ],
)
def test_a_protocol_that_cannot_be_served_ends_with_one_message(
    capfd: pytest.CaptureFixture[str], arguments: Sequence[str], problem: str
) -> None:
    finished = run_command(("serve", "demo", "--port", "0", *arguments), capfd)
    assert finished.code == 2
    assert problem in finished.err
    assert len(finished.err.splitlines()) == 1
