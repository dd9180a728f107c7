from __future__ import annotations

import socket
from pathlib import Path

import pytest

from collm.errors import CollmError
from collm.view.serve import _address, _bound, hosts_of, serve
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


def test_only_this_machine_may_ask_unless_told_otherwise() -> None:
    own = ["127.0.0.1", "localhost", "[::1]"]
    assert hosts_of("127.0.0.1", ()) == own
    assert hosts_of("10.0.0.7", ("gpu.example",)) == [*own, "10.0.0.7", "gpu.example"]
    assert hosts_of("0.0.0.0", ()) == [*own, socket.gethostname()]


def test_a_free_port_is_taken_and_told() -> None:
    with _bound("127.0.0.1", 0) as listening:
        assert _address(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}/"
