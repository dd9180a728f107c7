"""Whole replies, as language models write them, and what they earn in the paper's reading."""

from __future__ import annotations

import time
from functools import cache

import pytest

from collm.env import make_env
from collm.envs.coding.coding import Coding
from collm.envs.coding.problem import Problem
from collm.envs.coding.replies.paper import read

ROW = {
    "task_id": "double",
    "prompt": 'def double(n):\n    """Return twice n, but never less than 0."""\n',
    "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(-2) == 0\n",
    "entry_point": "double",
}
PROBLEM = Problem("double", ROW["prompt"], ROW["test"], "double")
AUX = "def aux(n):\n    return n + n\n"
MAIN = "def double(n):\n    twice = aux(n)\n    return max(twice, 0)\n"
ALONE = "def double(n):\n    twice = TABLE[n] if n > 0 else aux(n)\n    return max(twice, 0)\n"


@cache
def env() -> Coding:
    made = make_env({"type": "coding", "sandbox": {"limits": {"max_breaks": 1}, "slots": 2}})
    assert isinstance(made, Coding)
    return made


def reward(main: str = MAIN, aux: str = AUX) -> float:
    coding = env()
    return coding.step(coding.reset(coding.parse_task(ROW, "row"), 0), {"aux": aux, "main": main}).reward


FENCED = f"```python\n{MAIN}```"
DOCUMENTED = MAIN.replace("\n", '\n    """Doubles.\n\n    ```\n    double(2)\n    ```\n    """\n', 1)

GOOD_MAIN = {
    "repeated": f"{MAIN}\n{MAIN}\n{MAIN}",
    "repeat cut in a line": f"{MAIN}\n{MAIN}\ndef double(n):\n    twice = aux(",
    "repeat cut in its head": f"{MAIN}\n{MAIN}\ndef double(",
    "repeat cut in a docstring": f'{MAIN}\ndef double(n):\n    """Return twice',
    "repeat cut before its return": f"{MAIN}\ndef double(n):\n    twice = aux(n)",
    "repeat cut at an inner return": "def double(n):\n    if n < 0:\n        return 0\n    return aux(n)\n\n"
    "def double(n):\n    if n < 0:\n        return 0",
    "leading space, repeat cut at an inner return": " def double(n):\n    if n < 0:\n        return 0\n"
    "    return aux(n)\n\ndef double(n):\n    if n < 0:\n        return 0",
    "helper's repeat cut": "def clip(n):\n    low = 0\n    return max(n, low)\n\n"
    "def double(n):\n    return clip(aux(n))\n\ndef clip(n):\n    low = 0",
    "prose like code": f"def double(n) is what we need.\n\n{MAIN}",
    "first fence broken": f"```python\ndef double(n:\n    return aux(n)\n```\nSorry:\n{FENCED}",
    "first fence wrong": f"```python\ndef double(n):\n    return 0\n```\nSorry:\n{FENCED}",
    "first fence never ends a string": f'```\ndef double(n):\n    """Twice\n    return 1\n```\n{FENCED}',
    "reads input": f"{MAIN}\nn = int(input('n: '))\nprint(double(n))",
    "example that fails": f"{MAIN}\nresult = double('a')",
    "example that loops": f"{MAIN}\nfor n in range(3):\n    results = double(str(n))",
    "example's import": f"{FENCED}\nUse:\n```python\nfrom solution import double\nprint(double(2))\n```",
    "import that nobody needs": f"import no_such_package\n{MAIN}",
    "example that tries": f"{MAIN}\ntry:\n    n = 1 / 0\nfinally:\n    print('done')",
    "script": f"{MAIN}\nif __name__ == '__main__':\n    n = int(input())\n    print(double(n))",
    "table by a loop": f"TABLE = {{}}\nfor i in range(3):\n    TABLE[i] = i + i\n{ALONE}",
    "table by additions": "TABLE = []\nTABLE += [0, 2]\nTABLE.append(4)\n"
    "def double(n):\n    return TABLE[n] if n > 0 else max(aux(n), 0)\n",
    "table by a helper": "def build():\n    return {2: 4}\n"
    f"SOURCE = build()\nTABLE = {{key: SOURCE[key] for key in SOURCE}}\n{ALONE}",
    "table by cases": "try:\n    from no_such_package import TABLE\nexcept ImportError:\n    TABLE = {}\n"
    f"if not TABLE:\n    TABLE = {{2: 4}}\n{ALONE}",
    "table beside prose": f"Here's how!\n\nTABLE = {{}}\nfor i in range(3):\n    TABLE[i] = i + i\n{ALONE}",
    "attribute": MAIN.replace("0)", "double.least)") + "double.least = 0\n",
    "wrapped": f"import functools\n{MAIN}\ndouble = functools.lru_cache(double)\n",
    "docstring with a fence": f"```python\n{DOCUMENTED}```\nThat's it.",
    "docstring with a fence, in prose": f"Here's it.\n{DOCUMENTED}\nThat's it.",
    "list item": "1. So:\n   ```python\n"
    + MAIN.replace("def", "   def").replace("    ", "       ")
    + "   ```\nYes!",
    "fence behind code": FENCED.replace("\n```", "```") + "\nThat's it.",
    "fence behind prose": f"Here it is: {FENCED}\nThat's it.",
    "fence opened twice": f"```\n{FENCED}\nThat's it.",
    "leading space": f" {MAIN}\nThat's it.",
    "leading space in a fence": f"```python\n {MAIN}```\nThat's it.",
    "leading space, second function": " def clip(n):\n    return max(n, 0)\n\n"
    + MAIN.replace("max(twice, 0)", "clip(twice)"),
    "indented amid prose": "Here it is:\n\n    def double(n):\n        return max(aux(n), 0)\n\nThat's it.",
    "indented behind a formula": "With n = 2 it is 4:\n\n    def double(n):\n"
    "        return max(aux(n), 0)\n\nThat's it.",
    "counter": "CALLS = 0\ndef note(n):\n    global CALLS\n    CALLS += 1\n    return n\n\n"
    + MAIN.replace("aux(n)", "aux(note(n))"),
    "comment at the margin": MAIN.replace("    return", "# never less than 0\n    return") + "\nThat's it.",
    "import of the future in a string": 'from __future__ import annotations\nTEXT = """\n'
    'from __future__ import annotations\n"""\n' + MAIN.replace("0)", "len(TEXT) - 36)"),
    "import of the future over lines": f"from __future__ import (\n    annotations,\n)\n{MAIN}",
}


@pytest.mark.parametrize("name", GOOD_MAIN)
def test_a_good_main_earns_all(name: str) -> None:
    assert reward(GOOD_MAIN[name]) == pytest.approx(4.0)


GOOD_AUX = {
    "repeat cut": f"{AUX}\n{AUX}\ndef aux(n):\n    return (",
    "example that fails": f"{AUX}\nresult = double(3)",
    "example of main": f"{AUX}\nfrom solution import double\ndouble(3)",
    "leading space": f" {AUX}\nThat's it.",
    "table": "TABLE = {}\nfor i in range(-5, 5):\n    TABLE[i] = i + i\ndef aux(n):\n    return TABLE[n]",
    "main in another form": f"{AUX}\ndouble = lambda n: 7",
}


@pytest.mark.parametrize("name", GOOD_AUX)
def test_a_good_aux_earns_all(name: str) -> None:
    assert reward(aux=GOOD_AUX[name]) == pytest.approx(4.0)


def test_main_may_use_what_aux_imports() -> None:
    assert reward(MAIN.replace("max", "math.floor(1) * max"), f"import math\n{AUX}") == pytest.approx(4.0)


@pytest.mark.parametrize(
    "stolen",
    [
        "def aux(n):\n    return 2 * n",
        "class aux(int):\n    def __new__(cls, n):\n        return 2 * n",
        "aux = lambda n: 2 * n",
        "aux: object = lambda n: 2 * n",
        "other = aux = lambda n: 2 * n",
        "aux, other = (lambda n: 2 * n), 1",
        "from math import fabs as aux",
        "import math as aux",
        "try:\n    def aux(n):\n        return 2 * n\nexcept Exception:\n    pass",
        "if True:\n    aux = lambda n: 2 * n",
        "for aux in [lambda n: 2 * n]:\n    pass",
        "with open('/dev/null') as aux:\n    aux = lambda n: 2 * n",
        "try:\n    1 / 0\nexcept Exception as aux:\n    pass",
        "match (lambda n: 2 * n):\n    case aux:\n        pass",
        "aux.__code__ = (lambda n: 2 * n).__code__",
    ],
)
def test_main_cannot_replace_aux(stolen: str) -> None:
    for main in (f"{stolen}\n{MAIN}", f"{MAIN}\n{stolen}"):
        assert reward(main, "def aux(n):\n    return 0 - n * n") == pytest.approx(3.5)


def test_a_repeat_may_be_cut_anywhere() -> None:
    whole = read(PROBLEM, MAIN, AUX)
    for text in (MAIN, AUX):
        for cut in range(len(text)):
            repeats = f"```python\n{text}\n```\nAgain:\n```python\n{text[:cut]}"
            reading = read(PROBLEM, repeats, AUX) if text is MAIN else read(PROBLEM, MAIN, repeats)
            assert reading.code == whole.code


@pytest.mark.parametrize("stolen", ["double = abs", "from math import fabs as double", "class double: 'abs'"])
def test_aux_cannot_replace_main(stolen: str) -> None:
    code = read(PROBLEM, MAIN, f"{AUX}\n{stolen}").code
    assert "abs" not in code
    assert code.count("double") == 1


def test_a_function_that_is_broken_everywhere_counts_once() -> None:
    cut = "def double(n):\n    return aux(n"
    prose_and_cut = f"def double(n) is needed.\n\n{cut}\n\ndef double(n):\n    twice = ("
    assert reward(prose_and_cut) == pytest.approx(1.0)
    reading = read(PROBLEM, prose_and_cut, AUX)
    assert reading.main.source == cut
    assert reading.code.count("def double") == 1


@pytest.mark.parametrize(
    "bomb",
    [
        "def double(n):\n" + "\n" * 19_000 + "  (",
        "```\n" * 4_900,
        " \n" * 9_900,
        "\n".join(f"x{n} = x{n - 1}" for n in range(1_400, 0, -1)) + "\ndef double(n):\n    return x1400",
        "\n".join(f"def g{n}(y): return g{n - 1}(y)" for n in range(500, 0, -1)),
        "def double(n):\n" + "".join(f"    y{n} = aux(n)\n" for n in range(1_000)) + "    return n",
        "a." * 9_900,
        "x " * 9_900,
    ],
    ids=["blank lines", "fences", "spaces", "names", "functions", "results", "attributes", "words"],
)
def test_odd_replies_are_read_in_no_time(bomb: str) -> None:
    start = time.process_time()
    read(PROBLEM, bomb, bomb)
    assert time.process_time() - start < 2
