from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from collm.base.registry import discover, load_object, resolve
from collm.errors import CollmError

FILES = {
    "zoo/__init__.py": "from pydantic import BaseModel\n\nclass Animal(BaseModel):\n    type: str\n",
    "zoo/cats/__init__.py": "from zoo import Animal\n\nclass Cat(Animal):\n    pass\n",
    "zoo/cats/lion.py": "from zoo.cats import Cat\n\nclass Lion(Cat):\n    type: str = 'lion'\n\nROAR = 1\n",
    "zoo/ant.py": "from zoo import Animal\n\nclass Ant(Animal):\n    type: str = 'ant'\n",
    "outside.py": "from zoo import Animal\n\nclass Alien(Animal):\n    type: str = 'alien'\n",
    "broken.py": "raise RuntimeError('it broke')\n",
    "leaving.py": "import sys\n\nsys.exit('bye')\n",
    "half.py": """from abc import abstractmethod
from zoo import Animal
from zoo.ant import Ant

class Bee(Ant):
    @abstractmethod
    def fly(self): ...

class Nameless(Animal):
    pass
""",
}


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[BaseModel]]:
    """A package ``zoo`` of animals, a class outside of it, and a module that cannot be imported."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("zoo").Animal
    for name in [name for name in sys.modules if name.split(".")[0] in {"zoo", "outside", "broken", "half"}]:
        del sys.modules[name]


def test_every_concrete_class_below_the_package_is_found(base: type[BaseModel]) -> None:
    importlib.import_module("outside")
    found = discover("zoo", base)
    assert list(found) == ["ant", "lion"]
    assert found["lion"].__module__ == "zoo.cats.lion"


def test_a_name_or_a_path_resolves(base: type[BaseModel]) -> None:
    assert resolve("lion", "zoo", base, "env.type").__name__ == "Lion"
    assert resolve("outside:Alien", "zoo", base, "env.type").__name__ == "Alien"


@pytest.mark.parametrize(
    ("name", "problem", "mend"),
    [
        ("tiger", "unknown type 'tiger'", "ant, lion"),
        ("zoo.cats.lion:ROAR", "is not a subclass of Animal", "name a class"),
        ("pathlib:Path", "is not a subclass of Animal", "name a class"),
        ("zoo.cats.lion:Roar", "has no attribute 'Roar'", "module:name"),
        ("zoo.cats.lion:", "has no attribute ''", "module:name"),
        ("zoo.dogs:Dog", "ModuleNotFoundError", "PYTHONPATH"),
        ("broken:Thing", "RuntimeError: it broke", "correct the module"),
        ("leaving:Thing", "SystemExit: bye", "correct the module"),
        ("half:Bee", "half:Bee lacks fly", "define"),
        ("half:Nameless", "half:Nameless has no type", "name of its own"),
    ],
)
def test_a_wrong_name_is_explained(base: type[BaseModel], name: str, problem: str, mend: str) -> None:
    with pytest.raises(CollmError) as caught:
        resolve(name, "zoo", base, "env.type")
    assert caught.value.where == "env.type"
    assert problem in caught.value.problem
    assert mend in caught.value.mend


def test_objects_are_looked_for_in_the_current_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_rewards.py").write_text("ANSWER = 42\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_object("my_own_rewards:ANSWER", "here") == 42
    del sys.modules["my_own_rewards"]
