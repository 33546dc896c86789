"""What every learner shares: a loss that looks only at judged cells, priors, who was taught."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from core.domain import PRESENT, UNJUDGED, Truth

TAUGHT = "taught"  # the name by which learners keep what `taught_by` gave


def masked_loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Average binary cross-entropy over the judged cells.

    Parameters
    ----------
    logits
        Shape (documents, labels).
    truth
        The same shape: 1 present, 0 absent, -1 unjudged. Unjudged cells have
        a gradient of exactly zero; with none judged the loss is zero.
    """
    judged = (truth >= 0).to(logits.dtype)
    target = truth.clamp(min=0).to(logits.dtype)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (losses * judged).sum() / judged.sum().clamp(min=1.0)


def taught_by(truth: Truth) -> NDArray[np.float32]:
    """0 for labels with a judged cell, NaN for those that learnt nothing, shape (labels,)."""
    return np.where((truth != UNJUDGED).any(axis=0), 0.0, np.nan).astype(np.float32)


def prior_logits(truth: Truth) -> NDArray[np.float32]:
    """Log-odds of each label before looking at the text, shape (labels,), always finite.

    A label's share among its judged cells, drawn towards the share over all
    labels by one imagined judgement; without any judged cell it is that share.
    """
    n_present = (truth == PRESENT).sum(axis=0).astype(np.float64)
    n_judged = (truth != UNJUDGED).sum(axis=0).astype(np.float64)
    overall = (n_present.sum() + 0.5) / (n_judged.sum() + 1.0)
    share = (n_present + overall) / (n_judged + 1.0)
    return np.asarray(np.log(share / (1.0 - share)), dtype=np.float32)
