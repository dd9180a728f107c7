"""Turns pydantic's findings into one clear error with file, field and mend."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from collm.errors import CollmError

ModelT = TypeVar("ModelT", bound=BaseModel)

_KINDS = {
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
}
"""What YAML calls the values that pydantic asks for."""

_FORMS = {
    "a list": "write it as [ONE, TWO]; [] is an empty one.",
    "a mapping": "write KEY: VALUE below it, or {}.",
}


def validated(cls: type[ModelT], values: Mapping[str, Any], where: str = "") -> ModelT:
    """Build ``cls`` from ``values``; errors name ``where`` and the field's path below it.

    Raises:
        CollmError: for the first finding, with the count of the others.
    """
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        findings = error.errors(include_url=False)
        first = next((one for one in findings if _meant(one, cls)), findings[0])
        field = ".".join(str(part) for part in (where, *first["loc"]) if part != "")
        more = f" ({len(findings) - 1} more after this one.)" if len(findings) > 1 else ""
        raise CollmError(field, _problem(first) + more, _mend(first, cls)) from None


def _problem(finding: ErrorDetails) -> str:
    if finding["type"] == "extra_forbidden":
        return "unknown key."
    if finding["type"] == "missing":
        return "this key is required."
    if finding["type"] in _KINDS:
        return f"this must be {_KINDS[finding['type']]}, got {finding['input']!r}."
    message = finding["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{message}, got {finding['input']!r}."


def _mend(finding: ErrorDetails, cls: type[BaseModel]) -> str:
    if finding["type"] == "extra_forbidden":
        known = _fields_at(cls, finding["loc"][:-1])
        close = _meant(finding, cls)
        guess = f"did you mean {close!r}? " if close else ""
        return f"{guess}known keys here are {', '.join(known)}."
    if finding["type"] == "missing":
        return "write it there; for a recipe, key.path=value on the command line does too."
    if finding["type"] == "string_type" and finding["input"] is not None:
        return "put it in quotes, so that YAML reads a text."
    return _FORMS.get(_KINDS.get(finding["type"], ""), "change the value.")


def _meant(finding: ErrorDetails, cls: type[BaseModel]) -> str | None:
    """The key that an unknown one is a slip of the pen for; that says more than that the key is missing."""
    if finding["type"] != "extra_forbidden":
        return None
    known = _fields_at(cls, finding["loc"][:-1])
    return next(iter(difflib.get_close_matches(str(finding["loc"][-1]), known, n=1)), None)


def _fields_at(cls: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The field names of the model that ``path`` leads to."""
    kind: Any = cls
    for part in path:
        kind = _below(kind, str(part))
    return sorted(kind.model_fields)


def _below(kind: Any, part: str) -> Any:
    """The model, or the dict of models, of a model's field or of a dict's value."""
    annotation = get_args(kind)[1] if get_origin(kind) is dict else kind.model_fields[part].annotation
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next(option for option in options if option is not NoneType)
