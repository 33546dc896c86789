"""Texts to token ids, and token ids to padded batches of like lengths.

Shared by everything that runs a network over texts, so that no vector depends
on what stood beside its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

TOKENS_PER_BATCH = {"cpu": 2048, "cuda": 65536}  # rows times the longest row
FEWEST_TOKENS = 256  # in a batch that may end early
LIKE = 0.85  # a row of this part of the longest one's length is like it


def tokenise(tokenizer: Any, texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
    """Turn each text into at least one token id and at most `max_tokens`."""
    if not texts:
        return []
    encoded = tokenizer(
        list(texts), truncation=True, max_length=max_tokens, return_attention_mask=False
    )
    # A tokeniser without special tokens makes nothing of an empty text.
    return [list(ids) or [pad_id_of(tokenizer)] for ids in encoded["input_ids"]]


def pad_id_of(tokenizer: Any) -> int:
    """Return the padding token, or another where the tokeniser has none."""
    for token_id in (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id):
        if token_id is not None:
            return int(token_id)
    return 0


def batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Group positions, longest first, so that rows × longest row stays within `budget`.

    A batch large enough to keep the machine busy ends early where the rows get
    much shorter than its longest, which padding would make as dear.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    ordered = np.asarray(lengths, dtype=np.int64)[order]
    start = 0
    while start < len(order):
        longest = max(1, int(ordered[start]))
        n_rows = max(1, budget // longest)
        n_like = int(np.searchsorted(-ordered[start:], -LIKE * longest, side="right"))
        n_busy = -(-max(budget // 4, FEWEST_TOKENS) // longest)
        end = start + min(n_rows, max(n_like, n_busy))
        yield order[start:end].tolist()
        start = end


def pad(
    token_ids: list[list[int]], *, pad_id: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lay rows of token ids into (ids, mask), both of shape (rows, longest row)."""
    lengths = np.array([len(ids) for ids in token_ids])
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(row) for row in token_ids])
    tensors = torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))
    if device.type == "cuda":  # pinned, so that the copying waits for nothing
        tensors = tensors[0].pin_memory(), tensors[1].pin_memory()
    return tensors[0].to(device, non_blocking=True), tensors[1].to(device, non_blocking=True)
