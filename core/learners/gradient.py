"""The gradient of one batch, computed in parts that fit the memory.

Which rows make a batch, and what is done with the gradient, is `core.learners.finetuning`.
"""

from __future__ import annotations

import torch

from core.encoders.batches import pad
from core.errors import InputError
from core.learners.losses import Loss
from core.learners.memory import Parts, is_full

PRECISIONS = ("auto", "float32", "bfloat16")


def leave_gradient(
    network: torch.nn.Module,
    token_ids: list[list[int]],
    truth: torch.Tensor,
    *,
    loss: Loss,
    pad_id: int,
    parts: Parts,
    precision: str = "auto",
    exclusive: bool = False,
) -> torch.Tensor:
    """Leave a batch's gradient on the parameters, and give its loss, on the network's device.

    Where the memory is full, `parts` are halved and the batch is begun anew.
    Raises InputError where one document alone does not fit.
    """
    while True:
        network.zero_grad(set_to_none=True)
        try:
            return _in_parts(
                network,
                token_ids,
                truth,
                loss=loss,
                pad_id=pad_id,
                parts=parts,
                precision=precision,
                exclusive=exclusive,
            )
        except RuntimeError as error:
            if not is_full(error):
                raise
            full = error.with_traceback(None)  # its frames hold the very tensors that fill it
        if not parts.halve(token_ids):
            longest = max(len(ids) for ids in token_ids)
            raise InputError(
                f"The memory does not hold one document of {longest} tokens in training; lower "
                "max_tokens, train less of the encoder (tuning 'lora' or 'last'), or take a "
                "smaller encoder."
            ) from full
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether matrix products are done in half precision."""
    if precision not in PRECISIONS:
        raise InputError(f"precision is '{precision}'; give {', '.join(PRECISIONS)}.")
    if precision != "auto":
        return precision == "bfloat16"
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def _in_parts(
    network: torch.nn.Module,
    token_ids: list[list[int]],
    truth: torch.Tensor,
    *,
    loss: Loss,
    pad_id: int,
    parts: Parts,
    precision: str,
    exclusive: bool,
) -> torch.Tensor:
    device = next(network.parameters()).device
    whole = _weight(loss, truth, exclusive)
    total = torch.zeros((), device=device)
    for rows in parts.split(token_ids):
        part = truth[rows]
        ids, mask = pad(token_ids[rows], pad_id=pad_id, device=device)
        with torch.autocast(
            device.type, dtype=torch.bfloat16, enabled=uses_bfloat16(precision, device)
        ):
            logits = network(ids, mask)
        share = _weight(loss, part, exclusive) / whole if whole else 0.0
        of_part = loss(logits.float(), part.to(device)) * share
        if of_part.requires_grad:  # not where nothing trains yet
            of_part.backward()  # type: ignore[no-untyped-call]
        total += of_part.detach()
        parts.fitted(*ids.shape)
    return total


def _weight(loss: Loss, truth: torch.Tensor, exclusive: bool) -> float:
    """What a part counts in a mean loss: its judged cells, or its documents with any.

    A loss that is another mean says by `weight_of(truth)` of which weights.
    """
    own = getattr(loss, "weight_of", None)
    if own is not None:
        return float(own(truth))
    judged = truth >= 0
    return float(judged.any(dim=1).sum() if exclusive else judged.sum())
