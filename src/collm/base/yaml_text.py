"""Reads YAML as people mean it: ``8:10`` is a text, ``1e-5`` a number, no key comes twice.

PyYAML speaks YAML 1.1, where ``8:10`` is 490, ``no`` is false and ``1e-5`` a text. This reader follows
the core schema of YAML 1.2 and reports every fault as one line with its place.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from collm.errors import CollmError

_DECIMAL = r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\d+[eE][-+]?\d+"
_CORE_SCHEMA = (
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("bool", r"true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", tuple("-+0123456789")),
    ("float", _DECIMAL + r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", tuple("-+.0123456789")),
    ("merge", r"<<", ("<",)),
)


_SHOWN = 40
"""Characters of an unreadable scalar that an error quotes."""


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
            problem = f"{_shortened(str(node.value))} cannot be read as {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"the key {key.value!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Unicode's own line ends are written as escapes, or reading would fold them into spaces."""
    style = '"' if re.search("[\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)

for _class in (_Loader, _Dumper):
    _class.yaml_implicit_resolvers = {}
    for _name, _pattern, _starts in _CORE_SCHEMA:
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), _starts)


def parse_yaml(text: str, where: str) -> Any:
    """The value that a YAML text stands for.

    Args:
        text: a whole document.
        where: names it in errors.

    Raises:
        CollmError: if it is not YAML or gives a key twice.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise CollmError(where, f"not valid YAML: {_reason(error)}.", "correct it there.") from None
    except RecursionError:
        raise CollmError(where, "not valid YAML: nested too deeply.", "correct it.") from None


def read_yaml(file: Path) -> Any:
    """As :func:`parse_yaml`, from a file.

    Raises:
        CollmError: if it is not UTF-8, not YAML or gives a key twice.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CollmError(str(file), "not a text in UTF-8.", "restore or convert the file.") from None
    return parse_yaml(text, str(file))


def to_yaml(value: Any) -> str:
    """The text of plain data, which :func:`parse_yaml` reads back as it was."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _shortened(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}... ({len(text)} characters)"


def _reason(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem or error.context}, line {mark.line + 1}, column {mark.column + 1}"
    return str(error).splitlines()[0]
