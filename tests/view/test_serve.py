from __future__ import annotations

import socket
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.view.serve import serve
from tests.commands import run_command


def test_a_folder_that_is_not_there_is_one_message(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    finished = run_command(["view", tmp_path / "absent"], capfd)
    assert finished.code == 2
    assert "there is no such folder" in finished.err
    assert "Traceback" not in finished.err


def test_a_port_in_use_is_told_with_a_mend(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CollmError, match="another --port"):
            serve(tmp_path, "127.0.0.1", port, (), lambda line: None)
