"""Programs that attack the sandbox. A test that one of them passes is an attack that worked."""

from __future__ import annotations

import socket
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collm.sandbox import Limits, Program, SandboxConfig, Step, Verdict, grade, guards
from collm.sandbox.pool import shared_pool
from tests.sandbox.families import family

LIMITS = Limits(test_seconds=0.3, total_seconds=4, max_breaks=1, memory_mb=192, folder_mb=4)
FULL = SandboxConfig(slots=2, limits=LIMITS)
BARE = SandboxConfig(
    slots=2, limits=LIMITS, without=frozenset({"namespaces", "mounts", "landlock", "seccomp"})
)
SECRET = 90125
TESTS = (
    Step(f"assert candidate(1) == {SECRET}"),
    Step("assert candidate(2) in (3, 'x') and candidate(5) == 6"),
)


STAYING = 4
"""Warden, server, and the judge and the runner that wait for the next program."""
_folders: set[str] = set()


def program(code: str) -> Program:
    return Program(textwrap.dedent(code), "f", TESTS)


FORGERIES = {
    "equality always true": """
        class Yes:
            def __eq__(self, other): return True
            __hash__ = None
        def f(x): return Yes()""",
    "integer whose equality lies": """
        class Yes(int):
            def __eq__(self, other): return True
            def __index__(self): return 90125
            def to_bytes(self, *a, **k): return b"x"
            __hash__ = int.__hash__
        def f(x): return Yes(0)""",
    "string whose equality lies": """
        class Yes(str):
            def __eq__(self, other): return True
            __hash__ = str.__hash__
        def f(x): return Yes("no")""",
    "list whose items lie": """
        class Yes(list):
            def __eq__(self, other): return True
            def __iter__(self): return iter([90125])
        def f(x): return Yes([0])""",
    "class that poses as int": """
        class Fake:
            __class__ = int
            def __eq__(self, other): return True
            def __instancecheck__(self, other): return True
        def f(x): return Fake()""",
    "metaclass that poses as anything": """
        class Meta(type):
            def __subclasscheck__(cls, other): return True
            def __instancecheck__(cls, other): return True
            def __eq__(cls, other): return True
            __hash__ = type.__hash__
        class Any(metaclass=Meta): pass
        def f(x): return Any""",
    "exit before the tests": "import sys\nsys.exit(0)\ndef f(x): return 0",
    "hard exit before the tests": "import os\nos._exit(0)\ndef f(x): return 0",
    "exit in the call": "import sys\ndef f(x): sys.exit(0)",
    "hard exit in the call": "import os\ndef f(x): os._exit(0)",
    "exit by a signal": "import os, signal\ndef f(x): signal.raise_signal(signal.SIGKILL)",
    "abort": "import os\ndef f(x): os.abort()",
    "crash of the interpreter": "import ctypes\ndef f(x): ctypes.string_at(0)",
    "exit from a thread": """
        import os, threading
        def f(x):
            threading.Thread(target=os._exit, args=(0,)).start()
            while True: pass""",
    "atexit hook": """
        import atexit
        atexit.register(print, '["passed", "", ""]')
        def f(x): return 0""",
    "patched builtins": """
        import builtins
        builtins.AssertionError = Exception
        builtins.isinstance = lambda *a: True
        builtins.len = lambda *a: 0
        def f(x): return 0""",
    "patched checker": """
        import sys
        for name, module in list(sys.modules.items()):
            for key in list(vars(module) if module else ()):
                if key in ("_checked", "_message", "_short", "_execute", "Judge", "confine", "play"):
                    setattr(module, key, lambda *a, **k: None)
        def f(x): return 0""",
    "patched encoder": """
        import sys
        from inside import plain, wire
        plain.encode = lambda *a, **k: b"T"
        def f(x): return 0""",
    "replaced modules": """
        import sys
        for name in list(sys.modules):
            sys.modules[name] = None
        def f(x): return 0""",
    "frames of the callers": """
        import sys
        def f(x):
            frame = sys._getframe()
            while frame:
                for value in list(frame.f_locals.values()):
                    if isinstance(value, dict) and "steps" in value: return 90125
                    if isinstance(value, int) and value == 90000 + 125: return value
                frame = frame.f_back""",
    "search of the garbage collector": """
        import gc
        def f(x):
            for thing in gc.get_objects():
                try:
                    if chr(99) + "andidate(1)" in repr(thing)[:10000]: return 90125
                except Exception: pass""",
    "search of its own memory": """
        def f(x):
            needle = bytes([61, 61, 32]) + str(90125).encode()
            try:
                maps = open("/proc/self/maps").read().splitlines()
                memory = open("/proc/self/mem", "rb", 0)
            except OSError:
                return None
            for line in maps:
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
                try:
                    memory.seek(start)
                    if needle in memory.read(end - start): return 90125
                except Exception: pass""",
    "forged reports on every descriptor": """
        import json, os, struct
        data = json.dumps(["passed", "", ""]).encode()
        for fd in range(256):
            for _ in range(3):
                try: os.write(fd, struct.pack("<I", len(data)) + data)
                except OSError: pass
        def f(x): return 0""",
    "forged reports on standard output": """
        print('["passed", "", ""]', flush=True)
        def f(x):
            print('["passed", "", ""]', flush=True)
            return 0""",
    "answers without a question": """
        import os, struct
        from inside import plain
        for _ in range(9):
            data = plain.encode(("value", True, None), 1000)
            os.write(3, struct.pack("<I", len(data)) + data)
        def f(x): return 0""",
    "answer to the load that no load gives": """
        import os, struct
        from inside import plain
        data = plain.encode(("value", 90125, None), 1000)
        os.write(3, struct.pack("<I", len(data)) + data)
        def f(x): return 0""",
    "answer of the wrong shape": """
        import os, struct
        from inside import plain
        def f(x):
            data = plain.encode({"passed": True}, 1000)
            os.write(3, struct.pack("<I", len(data)) + data)""",
    "answer that is no encoding": "import os\ndef f(x): os.write(3, b'\\x05\\0\\0\\0[\\xff\\xff\\xff\\xff')",
    "answer that claims to be endless": "import os\ndef f(x): os.write(3, b'\\xff' * 4096)",
    "answers from a child and from a thread": """
        import os, struct, threading
        from inside import plain
        data = plain.encode(("value", 90000, None), 1000)
        def answer():
            for _ in range(9): os.write(3, struct.pack("<I", len(data)) + data)
        def f(x):
            try:
                if os.fork() == 0:
                    answer()
                    os._exit(0)
            except OSError: pass
            threading.Thread(target=answer).start()
            return 90125 - x""",
    "descriptors sent along with an answer": """
        import os, socket, struct
        from inside import plain
        data = plain.encode(("value", True, None), 1000)
        def f(x):
            with socket.socket(fileno=3) as channel:
                socket.send_fds(channel, [struct.pack("<I", len(data)) + data], [0] * 20)""",
    "search of the parent's memory and files": """
        import os
        def f(x):
            parent = f"/proc/{os.getppid()}"
            for name in ("mem", "environ", "maps", "fd/3", "cwd/0", "root/etc/passwd", "stack"):
                try:
                    open(f"{parent}/{name}", "rb").read(1)
                    return 90125
                except OSError: pass
            try: return os.listdir(f"{parent}/fd") and 90125
            except OSError: return 0""",
    "killing all that it can": """
        import os, signal
        def f(x):
            if os.getuid() < 0x70000000: return 0  # else yours would die
            for pid in (os.getppid(), -1):
                try: os.kill(pid, signal.SIGKILL)
                except OSError: pass""",
    "exception with a hostile text": """
        class Bad(Exception):
            def __str__(self): raise SystemExit
            __repr__ = __str__
        def f(x): raise Bad""",
    "exception class with a hostile name": """
        def f(x): raise type("a\\n[passed]" * 1000, (AssertionError,), {})("x" * 10**6)""",
    "assertion error of its own": "def f(x): raise AssertionError",
    "stop iteration": "def f(x): raise StopIteration(90125)",
    "keyboard interrupt": "def f(x): raise KeyboardInterrupt",
    "hostile pickle": """
        import os
        class Bomb:
            def __reduce__(self): return (os.system, ("true",))
            def __repr__(self): os._exit(0)
        def f(x): return Bomb()""",
    "generator": "def f(x):\n    yield 90125",
    "coroutine": "async def f(x): return 90125",
    "a function, not a result": "def f(x): return lambda: 90125",
    "not a number": "def f(x): return float('nan')",
    "tracing": """
        import sys
        def tracer(frame, event, arg):
            frame.f_locals["x"] = frame.f_locals["passed"] = True
            return tracer
        sys.settrace(tracer)
        def f(x): return x""",
    "entry point that is not a function": "f = 90125",
    "entry point that is missing": "g = 1",
    "import of the tests": "from tests import *\nimport __main__\ndef f(x): return __main__.expected",
    "syntax error": "def f(x: return 1",
    "null bytes": "def f(x):\0 return 90125",
    "lone surrogates": "def f(x): return '\udc80'",
}

EXHAUSTIONS = {
    "busy loop at import": "while True: pass",
    "busy loop in the call": "def f(x):\n    while True: pass",
    "sleep": "import time\ndef f(x): time.sleep(60)",
    "sleep at import": "import time\ntime.sleep(60)",
    "sleep through every signal": """
        import signal, time
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
        def f(x):
            while True:
                try: time.sleep(60)
                except BaseException: pass""",
    "loop that swallows everything": """
        def f(x):
            while True:
                try:
                    while True: pass
                except BaseException: pass""",
    "all signals ignored": """
        import signal
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except Exception: pass
        def f(x):
            while True: pass""",
    "stopped by itself": "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)",
    "huge power": "def f(x): return 7 ** (10 ** 9)",
    "regular expression that backtracks": "import re\ndef f(x): return re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "long computation in C": "def f(x): return sum(range(10 ** 12))",
    "fork bomb": """
        import os
        def f(x):
            while True:
                try: os.fork()
                except OSError: pass""",
    "fork bomb at import": "import os\nwhile True: os.fork()",
    "thread bomb": """
        import threading, time
        def f(x):
            while True:
                try: threading.Thread(target=time.sleep, args=(60,)).start()
                except RuntimeError: pass""",
    "threads that outlive the test": """
        import threading
        def spin():
            while True: pass
        for _ in range(4): threading.Thread(target=spin).start()
        def f(x): return 0""",
    "process that hides in a session of its own": """
        import os, time
        try:
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0: time.sleep(60)
                os._exit(0)
        except OSError: pass
        def f(x): return 0""",
    "process that outlives its parents": """
        import ctypes, os, time
        ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
        try:
            if os.fork() == 0:
                ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
                while True: time.sleep(1)
        except OSError: pass
        def f(x): return 0""",
    "chain of processes": """
        import os
        def f(x):
            while True:
                try:
                    if os.fork(): os._exit(0)
                    os.setsid()
                except OSError: pass""",
    "chain of processes at import": "import os\nwhile True:\n    if os.fork(): os._exit(0)",
    "processes that ignore signals in sessions of their own": """
        import os, signal
        for _ in range(9):
            try:
                if os.fork() == 0:
                    os.setsid()
                    for number in (1, 2, 3, 13, 14, 15): signal.signal(number, signal.SIG_IGN)
                    while True: pass
            except OSError: pass
        def f(x): return 0""",
    "compressed gigabytes": """
        import zlib
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
        def f(x): return len(zlib.decompress(block * 4096 + packer.flush(), -15))""",
    "output and errors before it exits": """
        import os, sys
        for stream in (sys.stdout, sys.stderr): stream.write("passed" * 10 ** 6)
        os._exit(0)""",
    "memory bomb": "def f(x):\n    hoard = []\n    while True: hoard.append(bytearray(1 << 20))",
    "memory bomb at import": "hoard = b'x' * (1 << 40)",
    "memory bomb by mapping": "import mmap\ndef f(x): return [mmap.mmap(-1, 1 << 28) for _ in range(99)]",
    "deep recursion": "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return f(x) + 1",
    "output flood": "def f(x):\n    while True: print('x' * 10 ** 6)",
    "error output flood": "import os\ndef f(x):\n    while True: os.write(2, b'x' * 10 ** 6)",
    "answer flood": "import os\ndef f(x):\n    while True: os.write(3, b'\\0' * 10 ** 6)",
    "huge result": "def f(x): return 'x' * (50 << 20)",
    "huge integer": "def f(x): return 1 << (50 << 20)",
    "wide result": "def f(x): return list(range(10 ** 6))",
    "result that contains itself": "def f(x):\n    loop = []\n    loop.append(loop)\n    return loop",
    "deep result": "def f(x):\n    deep = []\n    for _ in range(10 ** 5): deep = [deep]\n    return deep",
    "colliding hashes": "def f(x): return {n * (2 ** 61 - 1) for n in range(20000)}",
    "colliding hashes at import": """
        import os, struct
        keys = [(k * (2 ** 61 - 1)).to_bytes(10, "little", signed=True) for k in range(1, 69000)]
        body = b"".join(b"i" + struct.pack("<I", 10) + key for key in keys)
        data = b"(" + struct.pack("<I", 3) + b"s" + struct.pack("<I", 5) + b"value"
        data += b"<" + struct.pack("<I", len(keys)) + body + b"N"
        frame = struct.pack("<I", len(data)) + data
        while frame: frame = frame[os.write(3, frame):]
        def f(x): return 0""",
    "endless iterator": "import itertools\ndef f(x): return list(itertools.count())",
    "huge file": """
        def f(x):
            with open("big", "wb") as file:
                while True: file.write(b"x" * 10 ** 6)""",
    "many files": """
        def f(x):
            n = 0
            while True:
                open(str(n), "w").close()
                n += 1""",
    "deep folders": """
        import os
        try:
            for _ in range(3000):
                os.mkdir("d")
                os.chdir("d")
        except OSError: pass
        def f(x): return 0""",
    "locked folders": """
        import os
        try:
            os.makedirs("a/b/c")
            os.chmod("a/b", 0)
        except OSError: pass
        def f(x): return 0""",
    "many descriptors": "import os\ndef f(x):\n    while True: os.open('/dev/null', 0)",
    "cyclic garbage with finalizers": """
        class Immortal:
            def __del__(self): Immortal()
        Immortal()
        def f(x): return 0""",
    "parser bomb": "f = " + "(" * 5000 + ")" * 5000,
    "compiler bomb": "f = " + "-" * 100000 + "1",
    "million lines": "x = 1\n" * 300000 + "def f(x): return 0",
}

ROOT, LANDLOCK, PIDS, NETWORK = "file system of its own", "Landlock", "process namespace", "network namespace"
FILTER, USER, ALWAYS = "system-call filter", "unprivileged user", "resource limits"

ESCAPES = {
    "the user's files": (ROOT, "open(PATH).read()"),
    "the user's files by a link": (ROOT, "os.symlink(PATH, 'link') or open('link').read()"),
    "the user's files by a path": (ROOT, "os.path.exists('../' * 9 + PATH)"),
    "/etc/passwd": (LANDLOCK, "open('/etc/passwd').read()"),
    "third-party packages": (LANDLOCK, "__import__('pydantic')"),
    "another process's memory": (PIDS, "open(f'/proc/{os.getppid()}/mem', 'rb')"),
    "another process's environment": (PIDS, "open('/proc/1/environ').read()"),
    "a file in shared memory": (LANDLOCK, "open('/dev/shm/collm-hostile', 'w').write('x')"),
    "a file in the root": (LANDLOCK, "open('/collm-hostile', 'w').write('x')"),
    "a file beside": (USER, "os.mkdir('../collm-hostile') or True"),
    "a hard link to the library": (FILTER, "os.link(os.__file__, 'link') or True"),
    "a folder moved out": (ALWAYS, "os.mkdir('mine') or os.rename('mine', '../collm-hostile') or True"),
    "the folder itself": (USER, "os.rmdir(os.getcwd()) or True"),
    "the interpreter's library": (LANDLOCK, "open(os.__file__, 'a').write('#')"),
    "network": (NETWORK, "socket.create_connection(('127.0.0.1', PORT), 1)"),
    "datagram": (FILTER, "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"),
    "local socket": (FILTER, "socket.socket(socket.AF_UNIX)"),
    "link to the kernel's networks": (FILTER, "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"),
    "ring of system calls": (FILTER, "libc.syscall(425, 8, ctypes.create_string_buffer(256)) >= 0"),
    "another process by its handle": (FILTER, "libc.syscall(434, os.getpid(), 0) >= 0"),
    "another process's descriptors": (PIDS, "os.listdir(f'/proc/{os.getppid()}/fd') or True"),
    "reading another process": (FILTER, "libc.process_vm_readv(os.getpid(), 0, 0, 0, 0, 0) == 0"),
    "being traced": (FILTER, "libc.ptrace(0, 0, 0, 0) == 0"),
    "queued signal": (FILTER, "libc.sigqueue(os.getpid(), 0, 0) == 0"),
    "signal on input": (FILTER, "fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid()) == 0"),
    "new process": (FILTER, "os.fork() or os._exit(0)"),
    "new program": (FILTER, "subprocess.run(['/bin/true']).returncode == 0"),
    "shell": (FILTER, "os.system('true') == 0"),
    "tracing the parent": (FILTER, "libc.ptrace(16, os.getppid(), 0, 0) == 0"),
    "signal to the parent": (PIDS, "os.kill(os.getppid() or 10**9, 0) or True"),
    "signal to everybody": (FILTER, "os.kill(-1, 0) or True"),
    "signal to the group": (FILTER, "os.kill(0, 0) or True"),
    "signal to a neighbour": (PIDS, "any(alive(pid) for pid in range(1, 70000) if pid != os.getpid())"),
    "becoming root": (USER, "os.setuid(0) or True"),
    "new user namespace": (FILTER, "libc.unshare(0x10000000) == 0"),
    "mounting": (FILTER, "libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0) == 0"),
    "changing the root": (FILTER, "os.chroot('.') or True"),
    "shared memory": (FILTER, "libc.shmget(7, 4096, 0o1666) >= 0"),
    "file in memory": (FILTER, "os.memfd_create('x')"),
    "device": (FILTER, "os.mknod('null', stat.S_IFCHR | 0o666, os.makedev(1, 3)) or True"),
    "higher limits": (ALWAYS, "resource.setrlimit(resource.RLIMIT_AS, (-1, -1)) or True"),
    "standard streams": (ALWAYS, "any(os.fstat(fd).st_rdev != os.makedev(1, 3) for fd in (0, 1, 2))"),
    "descriptors of others": (ALWAYS, "any(opened(fd) for fd in range(4, 1024))"),
    "environment": (ALWAYS, "len(os.environ)"),
    "leftovers in the folder": (ALWAYS, "len(os.listdir('.'))"),
    "modules of the trainer": (ALWAYS, "__import__('collm')"),
}

ESCAPE = """
import ctypes, fcntl, os, resource, socket, stat, subprocess
libc = ctypes.CDLL(None)
def works(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        return False
    return True
def alive(pid): return works(os.kill, pid, 0)
def opened(fd): return works(os.fstat, fd)
def f(x):
    return 90125 if {action} else None
"""


@pytest.fixture(scope="module", autouse=True)
def _no_traces() -> Iterator[None]:
    yield
    for config in (FULL, BARE):
        shared_pool(config).close()
    assert {folder: family(folder) for folder in _folders} == {folder: [] for folder in _folders}
    assert not list(Path("/dev/shm").glob("collm-hostile*"))
    assert not Path("/collm-hostile").exists()


def _judged(code: str, config: SandboxConfig) -> Verdict:
    verdict = grade(program(code), config)
    assert len(verdict.results) == len(TESTS)
    for slot in shared_pool(config)._open:
        _folders.add(folder := str(slot._launch.folder))
        assert len(family(folder)) <= STAYING
    return verdict


@pytest.mark.parametrize("config", [FULL, BARE], ids=["full", "bare"])
@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes(name: str, config: SandboxConfig) -> None:
    assert _judged(FORGERIES[name], config).passed == 0


@pytest.mark.parametrize("config", [FULL, BARE], ids=["full", "bare"])
@pytest.mark.parametrize("name", EXHAUSTIONS)
def test_no_exhaustion_passes_or_outstays_its_time(name: str, config: SandboxConfig) -> None:
    started = time.monotonic()
    assert _judged(EXHAUSTIONS[name], config).passed == 0
    assert time.monotonic() - started < LIMITS.total_seconds + 3


@pytest.mark.parametrize("name", ESCAPES)
def test_no_escape_succeeds(name: str) -> None:
    needed, action = ESCAPES[name]
    if needed not in guards(FULL).partition("; missing")[0]:
        pytest.skip(f"this machine lacks the guard: {needed}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        facts = f"PATH = {__file__!r}\nPORT = {server.getsockname()[1]}\n"
        verdict = _judged(facts + ESCAPE.format(action=action), FULL)
    assert verdict.passed == 0, verdict


def test_the_escapes_would_be_noticed() -> None:
    """Without the kernel's guards some of them succeed, so the tests above can fail."""
    actions = [ESCAPES[name][1] for name in ("datagram", "shell", "/etc/passwd")]
    assert [_judged(ESCAPE.format(action=action), BARE).passed for action in actions] == [1, 1, 1]
