"""Small pieces of work, each on one torch thread, side by side on the machine's cores.

Pieces this small gain nothing from a second thread inside, and lose tenfold
where other processes keep the cores busy: threads then wait for each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local

import torch

N_CORES = os.cpu_count() or 1

_lock = Lock()
_n_inside = 0
_n_outside_threads = 1
_here = local()  # how deep this thread is inside


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Keep torch to one thread; nested or side by side, all end with the number before the first.

    torch's number belongs to the thread that sets it, so each puts back its own.
    """
    global _n_inside, _n_outside_threads
    with _lock:
        if _n_inside == 0:
            _n_outside_threads = torch.get_num_threads()
        _n_inside += 1
    _here.depth = getattr(_here, "depth", 0) + 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        _here.depth -= 1
        with _lock:
            _n_inside -= 1
            if _here.depth == 0:
                torch.set_num_threads(_n_outside_threads)
