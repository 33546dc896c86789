"""What training minimises: losses that look only at judged cells, hard or soft.

In every loss a truth below 0 is unjudged and has a gradient of exactly zero.
Above, it is a target: 0, 1, or a teacher's probability in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.domain import ABSENT, PRESENT, Truth
from core.learners.masking import masked_loss

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # (logits, truth) to a mean

LARGEST_WEIGHT = 20.0  # of a positive: a label seen once in a thousand would drown the others
IMPOSSIBLE = -1e4  # a logit that softmax makes 0, also in half precision's range


class LossKind(StrEnum):
    """How a cell's error counts."""

    CROSS_ENTROPY = "cross-entropy"
    ASYMMETRIC = "asymmetric"  # easy absences count less


@dataclass(frozen=True)
class LossConfig:
    """What is minimised.

    `positive_weight` weighs each label's presences by its absences per
    presence, at most `LARGEST_WEIGHT`. With `exclusive`, exactly one label
    applies to each document, and the other two do not count.
    """

    kind: LossKind = LossKind.CROSS_ENTROPY
    positive_weight: bool = False
    focus_present: float = 0.0  # Ridnik's γ+
    focus_absent: float = 4.0  # and γ-
    margin: float = 0.05  # absences surer than this count nothing
    exclusive: bool = False


def make_loss(config: LossConfig, truth: NDArray[Any]) -> Loss:
    """Give the loss for training on `truth` (documents, labels), which weighs the labels."""
    if config.exclusive:
        return exclusive_loss
    weight = torch.from_numpy(positive_weights(truth)) if config.positive_weight else None
    if config.kind is LossKind.ASYMMETRIC:
        return lambda logits, truth: asymmetric_loss(logits, truth, config)
    if weight is None:
        return masked_loss
    return lambda logits, truth: weighted_loss(logits, truth, weight)


def probabilities(
    logits: torch.Tensor, *, exclusive: bool, taught: torch.Tensor | None = None
) -> torch.Tensor:
    """Turn logits (…, labels) into each label's probability, alone or among the others.

    `taught` (labels,) is 0, or NaN for a label that learnt nothing: its answers
    are NaN, and it takes no share from the others.
    """
    if taught is None:
        taught = torch.zeros(logits.shape[-1])
    taught = taught.to(logits)
    if not exclusive:
        return torch.sigmoid(logits) + taught
    return torch.softmax(logits.masked_fill(taught.isnan(), -torch.inf), dim=-1) + taught


def positive_weights(truth: Truth) -> NDArray[np.float32]:
    """Absences per presence of each label, shape (labels,), from 1 to `LARGEST_WEIGHT`."""
    n_present = (truth == PRESENT).sum(axis=0)
    n_absent = (truth == ABSENT).sum(axis=0)
    ratio = np.where(n_present > 0, n_absent / np.maximum(n_present, 1), 1.0)
    return np.clip(ratio, 1.0, LARGEST_WEIGHT).astype(np.float32)


def weighted_loss(logits: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Average cross-entropy over judged cells; a presence counts `weight` (labels,) times."""
    judged, target = _masked(logits, truth)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, target, reduction="none", pos_weight=weight.to(logits)
    )
    return _mean(losses, judged)


def asymmetric_loss(logits: torch.Tensor, truth: torch.Tensor, config: LossConfig) -> torch.Tensor:
    """Average over judged cells of a cross-entropy that forgets easy absences.

    After Ridnik and others (2021), "Asymmetric loss for multi-label
    classification": presences are focused by γ+, absences by γ- after their
    probability was lowered by the margin.
    """
    judged, target = _masked(logits, truth)
    proba = torch.sigmoid(logits)
    lowered = (proba - config.margin).clamp(min=0.0)
    present = (1 - proba) ** config.focus_present * torch.nn.functional.logsigmoid(logits)
    absent = lowered**config.focus_absent * torch.log((1 - lowered).clamp(min=1e-8))
    return _mean(-(target * present + (1 - target) * absent), judged)


def exclusive_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Average over documents of the surprise that the right label is among those left.

    Where one label is present (or a teacher gives shares), that is softmax
    cross-entropy. Where labels were only ruled out, it is the likelihood of a
    partial label: the probability that is left for the others; where none is
    left the document says nothing. Documents nobody judged have a gradient of
    exactly zero, and count nothing.
    """
    judged, target = _masked(logits, truth)
    told = (judged > 0).any(dim=1)
    log_proba = torch.log_softmax(logits, dim=1)
    share = target * judged
    total = share.sum(dim=1, keepdim=True)
    known = total[:, 0] > 0
    of_share = -(share / total.clamp(min=1e-8) * log_proba).sum(dim=1)
    ruled_out = (judged > 0) & (target == 0)
    left = torch.where(ruled_out, torch.full_like(log_proba, IMPOSSIBLE), log_proba)
    of_left = -torch.logsumexp(left, dim=1) * ~ruled_out.all(dim=1)
    return _mean(torch.where(known, of_share, of_left), told.to(logits.dtype))


def _masked(logits: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (truth >= 0).to(logits.dtype), truth.clamp(min=0).to(logits.dtype)


def _mean(losses: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    return (losses * counts).sum() / counts.sum().clamp(min=1.0)
