"""The sandbox as an ordinary user has it, where server and program may be one user's."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from collm.sandbox.inside import kernel

pytestmark = pytest.mark.skipif(not kernel.LINUX, reason="needs Linux's /proc and capabilities")

PRELUDE = """
from collm.sandbox import Limits, Program, SandboxConfig, Step, grade, guards
kinds = {"namespaces", "mounts", "landlock", "seccomp"}
limits = Limits(test_seconds=2, total_seconds=6, max_breaks=1, memory_mb=192, folder_mb=3, processes=9999)
def config_without(*kinds):
    return SandboxConfig(slots=1, limits=limits, without=frozenset(kinds))
config = config_without(*kinds)
def show(code, *tests, config=config):
    verdict = grade(Program(code, "f", tuple(map(Step, tests))), config)
    print(*(result.outcome for result in verdict.results), *(result.message for result in verdict.results))
"""
FORGER = """
import json, os, struct
def frame(event):
    data = json.dumps([event, "", ""]).encode()
    return struct.pack("<I", len(data)) + data
def f(x):
    told, pid = [], os.getppid()
    for who in ("judge", "server", "warden"):
        try:
            os.write(os.open(f"/proc/{pid}/fd/4", os.O_WRONLY), frame("passed") * 2)
        except OSError as error:
            told.append(f"{who}: {error.strerror}")
        pid = int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
    return told
"""


WRITER = """
import os
PLACES = ("../beside", "/beside", "/tmp/collm-beside", "/dev/shm/collm-beside")
def f(x):
    beside, kilobytes = [], 0
    for place in PLACES:
        try:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
            beside.append(place)
        except OSError:
            pass
    try:
        for n in range(50):
            with open(str(n), "wb", 0) as file:
                kilobytes += file.write(bytes(1 << 20)) >> 10
    except OSError:
        pass
    return beside, kilobytes
"""


def _become_ordinary() -> None:
    """Become a user that is not root, where the machine has user namespaces, and has no capability."""
    user, group = os.geteuid(), os.getegid()
    with contextlib.suppress(OSError):
        kernel.unshare(kernel.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"1000 {user} 1")
        Path("/proc/self/gid_map").write_text(f"1000 {group} 1")
    kernel.drop_capabilities()


CHAIN = """
import os
def f(x):
    while True:
        try:
            if os.fork(): os._exit(0)
            os.setsid()
        except OSError: pass
"""
LINK = """
import os
def f(x):
    os.rmdir(os.getcwd())
    os.symlink(PLACE, os.path.realpath(f"/proc/{os.getpid()}/cwd").removesuffix(" (deleted)"))
    return 1
"""


def unprivileged(script: str, interpreter: str = sys.executable) -> str:
    """Run a script as an ordinary user, even if this one is root."""
    done = subprocess.run(
        [interpreter, "-c", PRELUDE + textwrap.dedent(script)],
        preexec_fn=_become_ordinary,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_program_cannot_write_reports_where_the_server_does() -> None:
    shown = unprivileged(f"show({FORGER!r}, 'assert 0, candidate(1)', 'assert 0')")
    refused = [f"{who}: Permission denied" for who in ("judge", "server", "warden")]
    assert shown.strip() == f"failed failed {refused}"


def test_honest_programs_work() -> None:
    assert unprivileged("show('def f(x): return x', 'assert candidate(1) == 1')").split() == ["passed"]


def test_the_guards_say_that_programs_can_reach_the_user() -> None:
    assert "programs run as you and can reach your files" in unprivileged("print(guards(config))")


@pytest.mark.parametrize(
    "without",
    [[], ["mounts"], ["namespaces"], ["landlock"], ["seccomp"], ["namespaces", "landlock"]],
    ids=str,
)
def test_programs_write_nowhere_but_in_a_folder_that_has_a_bound(without: list[str]) -> None:
    test = "beside, kilobytes = candidate(1)\nassert not beside and kilobytes <= 3 << 10, (beside, kilobytes)"
    shown = unprivileged(f"show({WRITER!r}, {test!r}, config=config_without(*{without}))")
    assert shown.split() == ["passed"]


def test_without_any_guard_programs_write_beside_so_that_the_test_above_can_fail() -> None:
    shown = unprivileged(f"show({WRITER!r}, 'assert 0, candidate(1)')")
    Path("/tmp/collm-beside").unlink()
    Path("/dev/shm/collm-beside").unlink()
    assert "../beside" in shown
    assert "51200" in shown


@pytest.fixture
def interpreter_under_tmp() -> Iterator[str]:
    """This interpreter in a folder of ``/tmp``, with the library that it has anyway."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in ("bin", "lib"):
        (folder / name).mkdir()
    shutil.copy(os.path.realpath(sys.executable), folder / "bin" / version)
    (folder / "lib" / version).symlink_to(Path(os.__file__).parent)
    yield str(folder / "bin" / version)
    shutil.rmtree(folder)


def test_an_interpreter_under_tmp_keeps_every_guard(
    interpreter_under_tmp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    expected = unprivileged("print(guards(config_without()))")
    assert unprivileged("print(guards(config_without()))", interpreter_under_tmp) == expected
    script = "show('def f(x): return x', 'assert candidate(1)', config=config_without())"
    assert unprivileged(script, interpreter_under_tmp).split() == ["passed"]


def test_a_chain_of_processes_ends_with_its_program() -> None:
    script = f"""
    show({CHAIN!r}, 'assert candidate(1)')
    show('def f(x): return x', 'assert candidate(1)')
    from collm.sandbox.pool import shared_pool
    from tests.sandbox.families import family
    (slot,) = shared_pool(config)._open
    print(len(family(slot._launch.folder)) <= 4)
    shared_pool(config).close()
    print(family(slot._launch.folder))
    """
    outcomes = [line.split()[0] for line in unprivileged(script).splitlines()]
    assert outcomes == ["timeout", "passed", "True", "[]"]


def test_a_link_in_place_of_the_folder_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    mode = tmp_path.stat().st_mode
    program = f"PLACE = {str(tmp_path)!r}\n{LINK}"
    listing = "import os\ndef f(x): return os.listdir('.')"
    script = f"show({program!r}, 'assert candidate(1) == 1')\nshow({listing!r}, 'assert candidate(1) == []')"
    assert unprivileged(script).split() == ["passed", "passed"]
    assert (tmp_path / "kept").exists()
    assert tmp_path.stat().st_mode == mode
