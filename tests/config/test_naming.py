"""Errors of a run's fields name the recipe that holds them; other errors stay as they are."""

from __future__ import annotations

import pickle

import pytest

from collm.config.naming import named_after
from collm.config.tree import RunConfig
from collm.errors import AbsentError, CollmError


@pytest.mark.parametrize(
    "where", [*RunConfig.model_fields, "env.dataset", "agents.left.model", "critic team.model"]
)
def test_the_recipe_is_added_once_to_a_field(where: str) -> None:
    with pytest.raises(AbsentError) as caught, named_after("outer.yaml"), named_after("mine.yaml"):
        raise AbsentError(where, "it is bad.", "mend it.")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.file, error.where) == ("mine.yaml", where)
    assert str(error) == f"mine.yaml: {where}: it is bad. To mend it: mend it."


@pytest.mark.parametrize("where", ["rows.json[0].id", "environment 'custom'", "--out runs/a", "my_env:f"])
def test_other_places_stay(where: str) -> None:
    with pytest.raises(CollmError) as caught, named_after("mine.yaml"):
        raise CollmError(where, "it is bad.", "mend it.")
    assert str(caught.value) == f"{where}: it is bad. To mend it: mend it."
