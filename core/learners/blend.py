"""Logistic regression with a share of the nearest judged documents' vote.

The regression carries most of what can be known; the vote helps where a label
is rare or lies in several places. In a posterior draw the regression moves and
the vote stands.
"""

from __future__ import annotations

import torch

from core.learners.axes import Axes
from core.learners.logistic import DRAWN_AXES, LogisticHead
from core.learners.logistic_fit import Solution
from core.learners.nearest import TEMPERATURE, drawn_keys, keys_of, vote
from core.learners.quick_head import Reading

USUAL_SHARE = 0.15


class BlendHead(LogisticHead):
    """The regression's probability, and the vote's, `neighbours` of the whole."""

    @property
    def share(self) -> float:
        """What the vote counts."""
        return USUAL_SHARE if self.config.neighbours is None else self.config.neighbours

    def _keep(
        self,
        axes: Axes,
        z: torch.Tensor,
        truth: torch.Tensor,
        solution: Solution,
    ) -> None:
        super()._keep(axes, z, truth, solution)
        if self.share > 0:
            rows = drawn_keys(len(z), seed=self.config.seed)
            keys = comparable(axes, z[rows], n_blocks=len(self.blocks))
            self._tensors = {**self.trained(), **keys_of(*keys, truth, rows)}

    def _read(self, x: torch.Tensor) -> Reading:
        reading = super()._read(x)
        if self.share <= 0:
            return reading
        tensors = self.trained()
        queries = reading.features[:, : tensors["keys.vectors"].shape[1]]
        votes = vote(tensors, queries, exclusive=self.config.exclusive)
        return Reading(reading.logits, reading.features, votes)

    def _answer(self, logits: torch.Tensor, vote: torch.Tensor | None) -> torch.Tensor:
        proba = super()._answer(logits, vote)
        return proba if vote is None else proba.lerp_(vote.expand_as(proba), self.share)

    def _values_per_row(self) -> int:
        return len(self.trained()["keys.vectors"]) if self.share > 0 else 1


def comparable(axes: Axes, z: torch.Tensor, *, n_blocks: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys for queries given along the first axes: vectors (keys, axes) and offsets (keys,).

    The cosine of a query with a document is their product along the axes and
    that of the document with the mean; what the query alone adds, a softmax
    over documents does not see.
    """
    scale = max(1, n_blocks) * TEMPERATURE
    drawn = z[:, :DRAWN_AXES]
    return drawn / scale, (drawn @ (axes.basis[:, :DRAWN_AXES].T @ axes.mean)) / scale
