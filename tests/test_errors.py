from __future__ import annotations

import copy
import pickle

from collm.errors import CollmError, InfrastructureError

ERROR = CollmError("env.dataset", "no such file: x.", "give the path of a .json file.")


def test_the_message_names_place_problem_and_mend() -> None:
    assert str(ERROR) == "env.dataset: no such file: x. To mend it: give the path of a .json file."


def test_an_error_travels_between_processes() -> None:
    for twin in (pickle.loads(pickle.dumps(ERROR)), copy.copy(ERROR)):
        assert (twin.where, twin.problem, twin.mend) == (ERROR.where, ERROR.problem, ERROR.mend)


def test_broken_infrastructure_is_no_bad_input() -> None:
    assert not issubclass(InfrastructureError, CollmError)


def test_messages_command_no_terminal() -> None:
    hostile = "\x1b]0;owned\x07 \x9b2J \u202e \udc80"
    shown = r"\u001b]0;owned\u0007 \u009b2J \u202e \udc80"
    assert str(CollmError("here", hostile, "x")) == f"here: {shown} To mend it: x"
    assert str(InfrastructureError(hostile)) == shown


def test_messages_are_one_line() -> None:
    assert str(CollmError("here", "one\n\n  two\r", "three\n")) == "here: one two To mend it: three"
    assert str(InfrastructureError("one\ntwo")) == "one two"
