"""Running a network over texts: length-sorted batches, in half precision where that is faster.

A batch that does not fit into the device's memory is halved and run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from core.encoders.batches import TOKENS_PER_BATCH, batches_by_length, pad, pad_id_of
from core.learners.gradient import uses_bfloat16
from core.learners.memory import is_full
from core.learners.tokens import Tokens

Forward = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@torch.inference_mode()
def run_batched(
    forward: Forward,
    texts: Sequence[str],
    tokens: Tokens,
    *,
    width: int,
    device: torch.device,
    precision: str,
) -> NDArray[np.float32]:
    """Give `forward`'s rows (texts, width), in the order of the texts.

    Parameters
    ----------
    forward : from ids and mask, both (rows, tokens), to (rows, width)
    precision : as the learners' options name it

    Raises what torch raises where even a single text does not fit.
    """
    token_ids = tokens.of(texts)
    pad_id = pad_id_of(tokens.tokenizer)
    half = uses_bfloat16(precision, device)
    budget = TOKENS_PER_BATCH.get(device.type, TOKENS_PER_BATCH["cpu"])
    result = np.empty((len(texts), width), dtype=np.float32)
    todo = list(batches_by_length([len(ids) for ids in token_ids], budget))
    while todo:
        batch = todo.pop()
        try:
            ids, mask = pad([token_ids[i] for i in batch], pad_id=pad_id, device=device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
                result[batch] = forward(ids, mask).float().cpu().numpy()
            continue
        except RuntimeError as error:
            if not is_full(error) or len(batch) == 1:
                raise
        todo += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
        torch.cuda.empty_cache()
    return result
