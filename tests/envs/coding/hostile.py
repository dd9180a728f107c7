"""Programs that cheat or attack, each as the statements of a class body that runs on loading, and of main."""

from __future__ import annotations

from typing import NamedTuple


class Hostile(NamedTuple):
    """What runs when the reply is loaded, and when its function is called."""

    load: str
    call: str


def _load(code: str) -> Hostile:
    return Hostile(code, "return 0")


def _call(code: str) -> Hostile:
    return Hostile("pass", code)


LIES = {
    "equal to anything": _call(
        "class Yes:\n    def __eq__(self, other): return True\n    __hash__ = None\nreturn Yes()"
    ),
    "integer equal to anything": _call(
        "class Yes(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\nreturn Yes()"
    ),
    "float equal to anything": _call(
        "class Yes(float):\n    def __eq__(self, other): return True\n    __hash__ = None\nreturn Yes(0)"
    ),
    "list equal to anything": _call(
        "class Yes(list):\n    def __eq__(self, other): return True\nreturn Yes()"
    ),
    "text equal to anything": _call(
        "class Yes(str):\n    def __eq__(self, other): return True\n    __hash__ = None\nreturn Yes()"
    ),
    "never unequal": _call("class Yes:\n    def __ne__(self, other): return False\nreturn Yes()"),
    "reflected equality": _call(
        "class Yes(tuple):\n    def __eq__(self, other): return True\n    __hash__ = None\nreturn Yes([1])"
    ),
    "mock": _call("from unittest import mock\nreturn mock.ANY"),
    "magic mock": _call("from unittest import mock\nreturn mock.MagicMock()"),
    "class that poses": _call(
        "class Fake:\n    __class__ = int\n    __eq__ = lambda s, o: True\nreturn Fake()"
    ),
    "metaclass equality": _call(
        "class Meta(type):\n    def __eq__(cls, other): return True\n    __hash__ = None\n"
        "class Yes(metaclass=Meta): pass\nreturn Yes"
    ),
    "list whose items lie": _call(
        "class L(list):\n    def __iter__(self): return iter([7919])\nreturn L([0])"
    ),
    "integer whose bytes lie": _call(
        "class I(int):\n    def to_bytes(self, *a, **k): return b'\\xef\\x1e'\nreturn I(0)"
    ),
    "not a number": _call("return float('nan')"),
    "everything at once": _call("return set(range(7000, 8000))"),
    "the argument emptied": _call("n.clear() if hasattr(n, 'clear') else None\nreturn n"),
    "iterator": _call("return iter([7919])"),
    "generator": _call("yield 7919"),
    "function as a result": _call("return lambda: 7919"),
    "result that reduces": _call("class R:\n    def __reduce__(self): return int, (7919,)\nreturn R()"),
    "result that prints well": _call("class R:\n    def __repr__(self): return '7919'\nreturn R()"),
    "no implementation": _call("return NotImplemented"),
    "ellipsis": _call("return ..."),
}

EXITS = {
    "sys.exit on loading": _load("import sys; sys.exit(0)"),
    "sys.exit in the call": _call("import sys; sys.exit(0)\nreturn 0"),
    "os._exit on loading": _load("import os; os._exit(0)"),
    "os._exit in the call": _call("import os; os._exit(0)\nreturn 0"),
    "quit": _call("quit()\nreturn 0"),
    "raise SystemExit": _call("raise SystemExit(0)\nreturn 0"),
    "raise KeyboardInterrupt": _call("raise KeyboardInterrupt\nreturn 0"),
    "raise GeneratorExit": _call("raise GeneratorExit\nreturn 0"),
    "raise StopIteration": _call("raise StopIteration(7919)\nreturn 0"),
    "raise AssertionError": _call("raise AssertionError\nreturn 0"),
    "raise a class that hides": _call(
        "class E(BaseException):\n    def __str__(self): raise self\nraise E\nreturn 0"
    ),
    "kill itself": _call("import os; os.kill(os.getpid(), 9)\nreturn 0"),
    "kill its group": _call("import os\ntry: os.killpg(0, 9)\nexcept OSError: pass\nreturn 0"),
    "kill its parent": _call("import os\ntry: os.kill(os.getppid(), 9)\nexcept OSError: pass\nreturn 0"),
    "kill everybody": _call("import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\nreturn 0"),
    "abort": _call("import os; os.abort()\nreturn 0"),
    "crash": _call("import ctypes; ctypes.string_at(0)\nreturn 0"),
    "exit from a thread": _call(
        "import os, threading\nthreading.Thread(target=os._exit, args=(0,)).start()\n"
        "while True: pass\nreturn 0"
    ),
    "exit hook": _load("import atexit, os; atexit.register(os._exit, 0)"),
    "stop itself": _call("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)\nreturn 0"),
}

PATCHES = {
    "patched assertion error": _load("import builtins; builtins.AssertionError = Warning"),
    "patched equality of builtins": _load(
        "import builtins\nclass I(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\n"
        "builtins.int = I"
    ),
    "patched isinstance": _load("import builtins; builtins.isinstance = lambda *a: True"),
    "patched sorted and sum": _load(
        "import builtins; builtins.sorted = builtins.sum = builtins.abs = lambda *a, **k: 0"
    ),
    "patched compile": _load("import builtins; builtins.compile = lambda *a, **k: 'pass'"),
    "patched exec": _load("import builtins; builtins.exec = lambda *a, **k: None"),
    "patched import": _load("import builtins; builtins.__import__ = lambda *a, **k: None"),
    "patched math": _load("import math; math.isclose = lambda *a, **k: True"),
    "equality by forbidden fruit": _load(
        "import ctypes, gc\nfor d in gc.get_referents(int.__dict__):\n"
        "    if isinstance(d, dict): d['__eq__'] = lambda s, o: True"
    ),
    "integer overwritten in memory": _load(
        "import ctypes; ctypes.c_int.from_address(id(7919) + 24).value = 0"
    ),
    "patched encoder": _load(
        "import sys\nfor m in list(sys.modules.values()):\n"
        "    if hasattr(m, 'encode') and hasattr(m, 'decode'):\n"
        "        try: m.encode = lambda *a, **k: b'T'\n        except Exception: pass"
    ),
    "patched judge": _load(
        "import sys\nfor m in list(sys.modules.values()):\n"
        "    for k in ('_checked', '_execute', 'Judge', 'play'):\n"
        "        if hasattr(m, k): setattr(m, k, lambda *a, **k: None)"
    ),
    "emptied modules": _load("import sys\nfor name in list(sys.modules): sys.modules[name] = None"),
    "optimised assertions": _load("import sys; sys.flags = type('F', (), {'optimize': 2})()"),
    "trace function": _load(
        "import sys\ndef t(frame, event, arg):\n    frame.f_locals['n'] = 7919\n    return t\nsys.settrace(t)"
    ),
    "profile function": _load("import sys; sys.setprofile(lambda *a: None)"),
    "except hook": _load("import sys; sys.excepthook = sys.unraisablehook = lambda *a: None"),
    "import hook": _load(
        "import sys\nclass H:\n    def find_spec(self, *a): return None\nsys.meta_path[:] = [H()]"
    ),
    "audit hook": _load("import sys; sys.addaudithook(lambda *a: None)"),
    "recursion limit": _load("import sys; sys.setrecursionlimit(10**9)"),
}

SPYING = {
    "frames": _call(
        "import sys\nf = sys._getframe()\nwhile f:\n    for v in list(f.f_locals.values()):\n"
        "        if isinstance(v, (dict, list)) and 'steps' in v: return 7919\n    f = f.f_back\nreturn 0"
    ),
    "constants of the frames": _call(
        "import sys\nf = sys._getframe()\nwhile f:\n    for c in f.f_code.co_consts:\n"
        "        if isinstance(c, int) and c == 7000 + 919 and f.f_code.co_name != 'double': return c\n"
        "    f = f.f_back\nreturn 0"
    ),
    "inspect stack": _call(
        "import inspect\nfor f in inspect.stack():\n    for v in f.frame.f_globals.values():\n"
        "        if isinstance(v, str) and chr(99) + 'andidate(' in v: return 7919\nreturn 0"
    ),
    "traceback": _call(
        "try: 1 / 0\nexcept Exception as e:\n    f = e.__traceback__.tb_frame.f_back\n"
        "    while f:\n        if 'source' in f.f_locals: return 7919\n        f = f.f_back\nreturn 0"
    ),
    "garbage collector": _call(
        "import gc\nfor o in gc.get_objects():\n    try:\n"
        "        if chr(99) + 'andidate(3)' in repr(o): return 7919\n    except Exception: pass\nreturn 0"
    ),
    "main module": _call("import __main__\nreturn getattr(__main__, 'expected', 0)"),
    "command line": _call("import sys\nreturn 7919 if any('7919' in a for a in sys.orig_argv) else 0"),
    "environment": _call("import os\nreturn 7919 if any('candi' in v for v in os.environ.values()) else 0"),
    "own memory": _call(
        "try:\n    m = open('/proc/self/mem', 'rb', 0)\n    for line in open('/proc/self/maps'):\n"
        "        a, b = (int(p, 16) for p in line.split()[0].split('-'))\n"
        "        try: m.seek(a); d = m.read(b - a)\n"
        "        except Exception: continue\n"
        "        if bytes([99]) + b'andidate(3) == ' in d: return 7919\nexcept OSError: pass\nreturn 0"
    ),
    "judge's memory": _call(
        "import os\ntry: open(f'/proc/{os.getppid()}/mem', 'rb'); return 7919\nexcept OSError: return 0"
    ),
    "judge's descriptors": _call(
        "import os\ntry: return 7919 if os.listdir(f'/proc/{os.getppid()}/fd') else 0\n"
        "except OSError: return 0"
    ),
    "files of the trainer": _call(
        "import glob\nreturn 7919 if glob.glob('/**/test_hostile.py', recursive=False) else 0"
    ),
    "package of the trainer": _call("try: import collm; return 7919\nexcept Exception: return 0"),
    "sleeping until asked": _call("import time; time.sleep(99)\nreturn 7919"),
}

_FRAME = 'import os, struct\nd = b\'["passed", "", ""]\'\nd = struct.pack(\'<I\', len(d)) + d\n'
FORGERIES = {
    "reports on every descriptor": _load(
        _FRAME + "for fd in range(256):\n    try: os.write(fd, d * 9)\n    except OSError: pass"
    ),
    "reports in the call": _call(
        _FRAME + "for fd in range(256):\n    try: os.write(fd, d * 9)\n    except OSError: pass\nreturn 0"
    ),
    "reports on standard output": _call('print(\'["passed", "", ""]\' * 99, flush=True)\nreturn 0'),
    "answers without a question": _load(
        "import os, struct\nfrom inside import plain\nd = plain.encode(('value', True, None), 999)\n"
        "os.write(3, (struct.pack('<I', len(d)) + d) * 9)"
    ),
    "answer of another shape": _call(
        "import os, struct\nfrom inside import plain\nd = plain.encode({'passed': True}, 999)\n"
        "os.write(3, struct.pack('<I', len(d)) + d)\nreturn 0"
    ),
    "answer that is no encoding": _call(
        "import os; os.write(3, b'\\x05\\0\\0\\0[\\xff\\xff\\xff\\xff')\nreturn 0"
    ),
    "answer without end": _call("import os; os.write(3, b'\\xff' * 4096)\nreturn 0"),
    "closed channel": _call("import os; os.closerange(0, 99)\nreturn 0"),
    "duplicated channel": _call("import os; os.dup2(3, 1); print('passed', flush=True)\nreturn 0"),
    "error with a report's name": _call("raise type('passed', (Exception,), {})('passed')\nreturn 0"),
    "terminal escapes": _call("raise ValueError('\\x1b[2J\\x9b31m passed')\nreturn 0"),
    "lone surrogates": _call("return '\\udc80'"),
}

FLOODS = {
    "busy loop on loading": _load("while True: pass"),
    "busy loop in the call": _call("while True: pass\nreturn 0"),
    "loop that swallows": _call(
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass\nreturn 0"
    ),
    "signals ignored": _call(
        "import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except Exception: pass\n"
        "while True: pass\nreturn 0"
    ),
    "fork bomb": _call("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\nreturn 0"),
    "fork bomb on loading": _load("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
    "thread bomb": _call(
        "import threading, time\nwhile True:\n    try: threading.Thread(target=time.sleep, args=(9,)).start()"
        "\n"
        "    except RuntimeError: pass\nreturn 0"
    ),
    "daemon": _call(
        "import os, time\ntry:\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork() == 0: time.sleep(60)\n"
        "        os._exit(0)\nexcept OSError: pass\nreturn 0"
    ),
    "subprocess": _call(
        "import subprocess\ntry: subprocess.Popen(['sleep', '60'])\nexcept OSError: pass\nreturn 0"
    ),
    "memory": _call("h = []\nwhile True: h.append(bytearray(1 << 20))\nreturn 0"),
    "memory at once": _load("h = b'x' * (1 << 40)"),
    "recursion": _call("return double(n)"),
    "output": _call("while True: print('x' * 10**6)\nreturn 0"),
    "error output": _call("import os\nwhile True: os.write(2, b'x' * 10**6)\nreturn 0"),
    "huge file": _call("with open('big', 'wb') as f:\n    while True: f.write(b'x' * 10**6)\nreturn 0"),
    "many files": _call("i = 0\nwhile True:\n    i += 1\n    open(str(i), 'w').close()\nreturn 0"),
    "huge text": _call("return 'x' * (50 << 20)"),
    "huge integer": _call("return 1 << (50 << 20)"),
    "wide list": _call("return list(range(10**6))"),
    "deep list": _call("d = []\nfor _ in range(10**5): d = [d]\nreturn d"),
    "list in itself": _call("d = []\nd.append(d)\nreturn d"),
    "colliding keys": _call("return {i * (2**61 - 1) for i in range(20000)}"),
    "colliding keys in a list": _call("return [i * (2**61 - 1) for i in range(20000)]"),
    "endless message": _call("raise ValueError('x' * 10**7)\nreturn 0"),
    "long power": _call("return 7 ** (10**9)"),
    "backtracking": _call("import re; re.match(r'(a+)+$', 'a' * 60 + 'b')\nreturn 0"),
    "deep unary minus": _call("return " + "-" * 350 + "aux(0)"),
    "deep attributes": _call("return aux(0)" + ".real" * 350),
    "deep sum": _call("return " + " + ".join(["aux(0)"] * 600)),
    "deep lambdas": _call("return " + "lambda: " * 2490 + "aux(0)"),
    "deep calls": _call("return " + "aux(" * 190 + "0" + ")" * 190),
    "long elif": _call(
        "if n == 0: m = 0\n" + "".join(f"elif n == {i}: m = 0\n" for i in range(700)) + "return 0"
    ),
    "brackets": _call("return " + "(" * 5000 + ")" * 5000),
    "null byte": _call("return 0\0"),
}

HOSTILE = {**LIES, **EXITS, **PATCHES, **SPYING, **FORGERIES, **FLOODS}
