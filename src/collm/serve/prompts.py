"""The environment ``custom`` as a server meets it: its prompts, and never the code of its reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from pydantic import model_validator

from collm.envs.custom import Custom, CustomState, Row
from collm.errors import InfrastructureError


class Prompts(Custom):
    """A task of a user's own that is played and not scored: ``reward`` is a name that nobody looks up."""

    @model_validator(mode="after")
    def _scored(self) -> Prompts:
        return self

    def has_reference(self, task: Row) -> bool:
        return False

    def step(self, state: CustomState, replies: Mapping[str, str]) -> NoReturn:
        raise InfrastructureError("rewards are not computed where a team is served.")
