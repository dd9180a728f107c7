from __future__ import annotations

from dataclasses import replace

from collm.contract.held import hold
from collm.envs.minecraft.housebuild import HouseBuild
from collm.protocols.parallel import Parallel
from collm.protocols.pipeline import Pipeline
from collm.serve.conversations import Conversations
from collm.serve.episode import Episode
from collm.serve.stages import Stage
from collm.serve.voice import Messages
from collm.types import History
from tests.serve.test_app import said

STAGE = Stage(Parallel(), hold(HouseBuild()), ("a",))


def answered(text: str, answer: str) -> Messages:
    return [*said(text), {"role": "assistant", "content": answer}]


class Task:
    id = "task"


def test_the_one_that_was_not_used_for_longest_is_forgotten() -> None:
    kept, episodes = Conversations(2), [Episode(STAGE, Task(), {"a": History()}) for _ in range(3)]
    kept.keep(said("0"), "zero", episodes[0])
    kept.keep(said("1"), "one", episodes[1])
    assert kept.find(answered("0", "zero"), STAGE) is episodes[0]
    kept.keep(said("2"), "two", episodes[2])
    assert kept.find(answered("1", "one"), STAGE) is None
    assert kept.find(answered("0", "zero"), STAGE) is episodes[0]
    assert len(kept) == 2


def test_another_answer_is_another_conversation() -> None:
    kept = Conversations(2)
    kept.keep(said("0"), "zero", Episode(STAGE, Task(), {}))
    assert kept.find(answered("0", "zer0"), STAGE) is None
    assert kept.find(said("0"), STAGE) is None
    assert kept.find(answered("0", "zero"), replace(STAGE, protocol=Pipeline())) is None
