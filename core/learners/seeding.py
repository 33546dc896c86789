"""Randomness that belongs to one training: set from its seed, and handed back as it was."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch


def seed_everything(*seed: int) -> None:
    """Set the generators of random, numpy and torch, from several numbers where they are given."""
    mixed = int(np.random.SeedSequence([abs(part) for part in seed]).generate_state(1)[0])
    random.seed(mixed)
    np.random.seed(mixed)  # noqa: NPY002 (some encoders draw from the old generator)
    torch.manual_seed(mixed)


@contextlib.contextmanager
def own_randomness(*seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Give what is inside its own random numbers, from a seed where there is one.

    Afterwards all generators, that of a GPU `device` too, are as they were.
    """
    gpu = device if device is not None and device.type == "cuda" else None
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    of_gpu = None if gpu is None else torch.cuda.get_rng_state(gpu)
    try:
        if seed:
            seed_everything(*seed)
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])
        if gpu is not None and of_gpu is not None:
            with contextlib.suppress(RuntimeError):  # a GPU that is gone has none
                torch.cuda.set_rng_state(of_gpu, gpu)
