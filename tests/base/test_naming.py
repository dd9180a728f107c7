from __future__ import annotations

import pytest

from collm.base.naming import SECTIONS, named_after
from collm.config.tree import RunConfig
from collm.errors import AbsentError, CollmError


def test_every_section_is_known() -> None:
    assert set(SECTIONS) == set(RunConfig.model_fields)


@pytest.mark.parametrize("where", ["env.dataset", "agents.left.model", "critic", "critic team.model"])
def test_the_recipe_is_added_once_to_a_field(where: str) -> None:
    with pytest.raises(AbsentError) as caught, named_after("outer.yaml"), named_after("mine.yaml"):
        raise AbsentError(where, "it is bad.", "mend it.")
    error = caught.value
    assert (error.where, error.problem, error.mend) == (f"mine.yaml: {where}", "it is bad.", "mend it.")


@pytest.mark.parametrize(
    "where", ["mine.yaml: env.type", "rows.json[0].id", "environment 'custom'", "--out runs/a", "my_env:f"]
)
def test_other_places_stay(where: str) -> None:
    with pytest.raises(CollmError) as caught, named_after("mine.yaml"):
        raise CollmError(where, "it is bad.", "mend it.")
    assert caught.value.where == where
