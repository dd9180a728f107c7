from __future__ import annotations

import socket

from collm.base.listening import address, bound, hosts_of


def test_only_this_machine_may_ask_unless_told_otherwise() -> None:
    own = ["127.0.0.1", "localhost", "[::1]"]
    assert hosts_of("127.0.0.1", ()) == own
    assert hosts_of("10.0.0.7", ("gpu.example",)) == [*own, "10.0.0.7", "gpu.example"]
    assert hosts_of("0.0.0.0", ()) == [*own, socket.gethostname()]


def test_a_free_port_is_taken_and_told() -> None:
    with bound("127.0.0.1", 0) as listening:
        assert address(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"
