from __future__ import annotations

import re
from typing import Literal

import pytest

from collm.config.tree import make_config, plain
from collm.engines.base import Engine
from collm.engines.kind import EngineKind, EngineNeeds, make_engine_kind
from collm.engines.kinds.in_process import InProcessKind
from collm.errors import CollmError
from tests.engines.table import Table
from tests.tiny_runs import Recipe


class TableKind(EngineKind):
    """Answers everything with the same tokens."""

    type: Literal["table"] = "table"
    answer: tuple[int, ...] = (1,)

    def open(self, needs: EngineNeeds) -> Engine:
        return Table({}, self.answer[0])


def test_an_agent_draws_in_this_process_unless_told_otherwise(recipe: Recipe) -> None:
    config = recipe()
    assert config.agents["a"].engine == InProcessKind()
    assert plain(config)["agents"]["a"]["engine"] == {"type": "in_process", "prefill_tokens": None}


def test_an_engine_of_ones_own_goes_by_its_class_and_reads_back(recipe: Recipe) -> None:
    mine = {"type": f"{__name__}:TableKind", "answer": [3]}
    config = recipe(agents={"b": {"engine": mine}})
    assert config.agents["b"].engine.model_dump() == {"type": "table", "answer": (3,)}
    stored = plain(config)
    assert stored["agents"]["b"]["engine"] == mine
    assert plain(make_config(stored, "stored")) == stored


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ({"type": "abacus"}, "agents.b.engine.type: unknown type 'abacus'. To mend it: use one of"),
        ({"type": "in_process", "slots": 3}, "agents.b.engine.slots: unknown key"),
        (3, "agents.b.engine.type: no engine is named"),
        ({"type": f"{__name__}:EngineKind"}, "EngineKind lacks open"),
    ],
)
def test_a_wrong_engine_is_named_with_its_agent(recipe: Recipe, engine: object, said: str) -> None:
    with pytest.raises(CollmError, match=re.escape(said)):
        recipe(agents={"b": {"engine": engine}})


def test_a_kind_is_taken_as_it_is() -> None:
    assert make_engine_kind(TableKind(answer=(2,))) == TableKind(answer=(2,))
