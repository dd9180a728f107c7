from __future__ import annotations

import re

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from collm.base.validation import validated
from collm.errors import CollmError


class Legs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = Field(default=8, ge=0)


class Spider(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    legs: Legs = Legs()

    @model_validator(mode="after")
    def _named(self) -> Spider:
        if not self.name:
            raise ValueError("a spider needs a name")
        return self


def test_good_values_become_a_model() -> None:
    assert validated(Spider, {"name": "Tegenaria", "legs": {"count": 7}}, "zoo").legs.count == 7


@pytest.mark.parametrize(
    ("values", "where", "problem", "mend"),
    [
        ({}, "zoo.name", "this key is required.", "key.path=value"),
        (
            {"name": "T", "leg": 1},
            "zoo.leg",
            "unknown key.",
            "did you mean 'legs'? known keys here are",
        ),
        ({"name": "T", "xyz": 1}, "zoo.xyz", "unknown key.", "known keys here are legs, name."),
        ({"name": "T", "legs": {"counts": 1}}, "zoo.legs.counts", "unknown key.", "did you mean 'count'?"),
        ({"name": "T", "legs": {"count": -1}}, "zoo.legs.count", "got -1.", "change the value."),
        ({"name": "T", "legs": {"count": "many"}}, "zoo.legs.count", "got 'many'.", "change the value."),
        ({"name": ""}, "zoo", "a spider needs a name, got", "change the value."),
    ],
)
def test_bad_values_are_named_with_a_mend(
    values: dict[str, object], where: str, problem: str, mend: str
) -> None:
    with pytest.raises(CollmError) as caught:
        validated(Spider, values, "zoo")
    assert caught.value.where == where
    assert problem in caught.value.problem
    assert mend in caught.value.mend


def test_further_findings_are_counted() -> None:
    with pytest.raises(CollmError, match=re.escape("(1 more after this one.)")):
        validated(Spider, {"xyz": 1}, "zoo")
