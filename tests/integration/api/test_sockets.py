from __future__ import annotations

import socket

from core.api.sockets import answer_at_once


def test_connections_accepted_from_now_on_send_small_packets_at_once() -> None:
    with (
        socket.socket(socket.AF_INET) as server,
        socket.socket(socket.AF_INET) as client,
        socket.socket(socket.AF_INET) as idle,
    ):
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        assert answer_at_once() >= 1
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not idle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
