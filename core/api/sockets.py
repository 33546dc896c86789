"""Takes a wait of 40 ms out of every small answer.

An answer leaves in two small packets, headers and body. Unless its connection has
TCP_NODELAY set, the second waits until the other side has acknowledged the first,
which it puts off for 40 ms. asyncio sets the option only on sockets made with the
protocol named, and the server makes its listening socket without.
"""

from __future__ import annotations

import gc
import socket

INTERNET = (socket.AF_INET, socket.AF_INET6)


def answer_at_once() -> int:
    """Set TCP_NODELAY on every listening socket of this process; connections inherit it.

    Returns how many there are.
    """
    listening = [found for found in gc.get_objects() if _is_listening(found)]
    for found in listening:
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return len(listening)


def _is_listening(found: object) -> bool:
    if not (type(found) is socket.socket and found.fileno() >= 0 and found.family in INTERNET):
        return False
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
