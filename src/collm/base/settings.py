"""The base of every configuration: frozen, every key known, every number a finite number."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Settings(BaseModel):
    """Keys and values that a person writes; what does not fit is refused, not guessed at.

    Pydantic would take ``true`` for the number 1. Here it is refused where a number belongs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_boolean_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        if _holds_boolean(value) and kinds & {int, float} and bool not in kinds:
            raise ValueError("must be a number, not true or false")
        return value


def _kinds(annotation: Any) -> frozenset[type]:
    """The types that an annotation is made of, such as ``int`` and ``None`` of ``int | None``."""
    parts = get_args(annotation)
    if parts:
        return frozenset().union(*map(_kinds, parts))
    return frozenset([annotation if isinstance(annotation, type) else type(annotation)])


def _holds_boolean(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, list | tuple) and any(map(_holds_boolean, value)))
