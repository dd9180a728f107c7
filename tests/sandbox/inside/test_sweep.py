from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from collm.sandbox.inside import kernel, sweep


def test_a_folder_deeper_than_any_path_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    script = (
        "import os\nfor _ in range(200):\n    os.mkdir('d' * 99)\n    os.chdir('d' * 99)\nopen('leaf', 'w')"
    )
    folder.mkdir()
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    sweep.remove(str(folder))
    assert not folder.exists()


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "kept").touch()
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "kept")
    os.chmod(folder / "inner", 0)
    sweep.remove(str(folder))
    assert not folder.exists()
    assert (outside / "kept").exists()


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    sweep.remove(str(tmp_path / "never"))


def test_every_descendant_is_killed_and_reaped() -> None:
    script = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from inside import kernel, sweep
if kernel.LINUX:
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    os._exit(0)
sweep.kill_all()
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("alone")
"""
    package = str(Path(sweep.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", script, package], capture_output=True, timeout=20, check=True, text=True
    )
    assert done.stdout.strip() == "alone"


FOREIGN_PROC = """
import os, sys
sys.path.insert(0, sys.argv[1])
from inside import kernel, sweep
try:
    kernel.unshare(kernel.CLONE_NEWPID | (kernel.CLONE_NEWUSER if os.geteuid() else 0))
except OSError:
    sys.exit("skip")
if (child := os.fork()) == 0:
    print(os.getpid(), sweep._children(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not kernel.LINUX, reason="needs Linux's namespaces")
def test_processes_are_not_taken_for_children_by_the_numbers_of_another_namespace() -> None:
    """In a namespace without a ``/proc`` of its own, the children of 1 are those of the machine's first."""
    package = str(Path(sweep.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", FOREIGN_PROC, package], capture_output=True, timeout=20, text=True
    )
    if "skip" in done.stderr:
        pytest.skip("this machine has no process namespaces")
    assert done.stdout.strip() == "1 []"
