"""Batches in random order whose rows are of like lengths, so that little is padded."""

from __future__ import annotations

import numpy as np

BATCHES_PER_WINDOW = 16  # rows are sorted by length within a window, so batches stay random


def shuffled_batches(
    token_ids: list[list[int]], batch_size: int, rng: np.random.Generator
) -> list[list[int]]:
    """Deal all rows into batches of like lengths, in random order."""
    lengths = np.array([len(ids) for ids in token_ids])
    order = rng.permutation(len(token_ids))
    window = batch_size * BATCHES_PER_WINDOW
    batches = []
    for start in range(0, len(order), window):
        rows = order[start : start + window]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[at : at + batch_size].tolist() for at in range(0, len(rows), batch_size)]
    return [batches[at] for at in rng.permutation(len(batches))]
