from __future__ import annotations

from collm.protocols.task_graph import TaskGraph
from tests.protocols.scripted import Heard, Words, played, replies, team

LEADS = "You lead a team"


def says(lead: str, work: str) -> object:
    return lambda text: lead if LEADS in text else work


def kinds(heard: Heard) -> list[str]:
    return [f"{name} leads" if LEADS in text else name for name, text in heard]


def test_models_that_know_no_operators_reply_as_in_parallel_after_the_planning() -> None:
    heard: Heard = []
    players = team(heard, a=lambda text: "mine", b=lambda text: "other")
    (episode,) = played(TaskGraph(planning=2), Words(), players)
    assert kinds(heard) == ["a leads", "a leads", "a", "b"]
    assert replies(episode) == [{"a": "mine", "b": "other"}]
    assert [message.step for message in episode.messages[0]] == [0, 1, 2, 2]


def test_blank_replies_are_replies() -> None:
    heard: Heard = []
    (episode,) = played(TaskGraph(planning=0), Words(), team(heard, a=lambda t: "", b=lambda t: ""))
    assert (kinds(heard), replies(episode)) == (["a", "b"], [{"a": "", "b": ""}])


def test_a_planned_order_is_kept_and_results_are_shown() -> None:
    heard: Heard = []
    plan = "discover plan: Choose a word.\ndiscover a after plan: Say it.\ndiscover b after a: Echo it."

    def first(text: str) -> str:
        if LEADS in text:
            return plan if "(none yet)" in text else "nothing to add"
        return "claim plan\ntree" if "- plan (pending" in text else "tree!"

    (episode,) = played(TaskGraph(), Words(), team(heard, a=first, b=lambda text: "TREE"))
    assert kinds(heard) == ["a leads", "a", "a leads", "a", "a leads", "b"]
    assert "Result of plan, by a:\ntree" in heard[3][1]
    assert "- plan (done, a): Choose a word." in heard[3][1]
    assert "Result of a, by a:\ntree!" in heard[5][1]
    assert heard[5][1].startswith("one0 for b\n\nTasks:\n")
    assert replies(episode) == [{"a": "tree!", "b": "TREE"}]


def test_only_as_many_idle_workers_are_asked_as_there_are_tasks() -> None:
    heard: Heard = []
    plan = "discover x: The first step.\ndiscover a after x: Then you.\ndiscover b after x: And you."
    players = team(heard, a=says(plan, "work"), b=lambda text: "work")  # type: ignore[arg-type]
    played(TaskGraph(), Words(), players)
    assert kinds(heard) == ["a leads", "a", "a leads", "a", "b"]


def test_a_worker_that_only_orders_is_asked_again_until_its_time_is_up() -> None:
    heard: Heard = []
    players = team(heard, a=lambda text: "done", b=lambda text: "claim b")
    (episode,) = played(TaskGraph(planning=0, rounds=4, lead_rests=9), Words(), players)
    assert kinds(heard) == ["a", "b", "a leads", "b", "b", "b"]
    assert replies(episode) == [{"a": "done", "b": ""}]


def test_the_lead_rests_while_nothing_changes_but_not_for_ever() -> None:
    heard: Heard = []
    players = team(heard, a=lambda text: "done", b=lambda text: "claim b")
    played(TaskGraph(planning=0, rounds=6, lead_rests=2, patience=99), Words(), players)
    assert kinds(heard) == ["a", "b", "a leads", "b", "b", "b", "a leads", "b", "b"]


def test_another_model_may_lead() -> None:
    heard: Heard = []
    played(TaskGraph(planning=1, lead="b"), Words(), team(heard, a=str, b=str))
    assert kinds(heard)[0] == "b leads"


def test_a_later_turn_is_planned_anew_with_what_was_replied_in_the_history() -> None:
    heard: Heard = []
    players = team(heard, a=says("", "work"), b=lambda text: "more")  # type: ignore[arg-type]
    played(TaskGraph(planning=1), Words(num_turns=2), players)
    assert kinds(heard) == ["a leads", "a", "b"] * 2
    assert [action.text for action in players["a"].requests[-1].history.actions] == ["work"]
