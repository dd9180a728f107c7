"""Classes of other installed packages are found by name; what is wrong with one names its package."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from collm.base.installed import installed_names
from collm.base.registry import resolve
from collm.errors import CollmError
from tests.installed_packages import install

ZOO = "from pydantic import BaseModel\n\nclass Animal(BaseModel):\n    type: str\n"
BEES = """from zoo import Animal

class Bee(Animal):
    type: str = 'bee'

class Stone:
    pass
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[BaseModel]]:
    """A package ``zoo`` with an ant, and an installed package with bees."""
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "__init__.py").write_text(ZOO)
    (tmp_path / "zoo" / "ant.py").write_text(
        "from zoo import Animal\n\nclass Ant(Animal):\n    type: str = 'ant'\n"
    )
    points = {
        "zoo:bee": "bees:Bee",
        "zoo:stone": "bees:Stone",
        "zoo:gone": "bees:Gone",
        "zoo:absent": "no_bees:Bee",
        "zoo:ant": "bees:Bee",
    }
    install(tmp_path, "bee-keeping", "bees", BEES, points)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("zoo").Animal
    for name in [name for name in sys.modules if name.split(".")[0] in {"zoo", "bees"}]:
        del sys.modules[name]


def test_a_class_of_another_package_is_found_by_name(base: type[BaseModel]) -> None:
    assert resolve("bee", "zoo", base, "env.type") is importlib.import_module("bees").Bee
    assert installed_names("zoo") == ["absent", "ant", "bee", "gone", "stone"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ant", "'ant' is given by bee-keeping and by collm itself"),
        ("stone", "stone is not a subclass of Animal"),
        ("gone", r"'gone' of the package bee-keeping \(bees:Gone\) does not load: AttributeError"),
        ("absent", r"'absent' of the package bee-keeping \(no_bees:Bee\) does not load: ModuleNotFoundError"),
        ("wasp", "unknown type 'wasp'.*use one of ant, absent, bee, gone, stone, or module:Class"),
    ],
)
def test_what_is_wrong_with_an_installed_name_is_told(base: type[BaseModel], name: str, said: str) -> None:
    with pytest.raises(CollmError, match=said) as caught:
        resolve(name, "zoo", base, "env.type")
    assert caught.value.where == "env.type"


def test_two_packages_with_one_name_are_refused(base: type[BaseModel], tmp_path: Path) -> None:
    install(tmp_path, "wild-bees", "wild_bees", BEES, {"zoo:bee": "wild_bees:Bee"})
    with pytest.raises(CollmError, match="'bee' is given by bee-keeping and by wild-bees"):
        resolve("bee", "zoo", base, "env.type")
