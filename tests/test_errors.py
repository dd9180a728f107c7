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


def test_messages_are_one_line() -> None:
    assert str(CollmError("here", "one\n\n  two\r", "three\n")) == "here: one two To mend it: three"
    assert str(InfrastructureError("one\ntwo")) == "one two"
