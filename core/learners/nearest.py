"""The labels of the judged documents most like a document, as a probability.

A softmax over likeness, so that near documents count and no number of
neighbours has to be chosen. Its several opinions are Bayesian bootstraps.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from core.domain import PRESENT, UNJUDGED
from core.learners.dataset import JudgedVectors
from core.learners.masking import prior_logits
from core.learners.quick_head import (
    TAUGHT,
    Draws,
    QuickHead,
    Reading,
    ShouldStop,
    Tensors,
    as_tensor,
    nan_where_untaught,
    told,
)

TEMPERATURE = 0.05  # of the cosine; .025 was noisier and .1 blunter on six data sets
MOST_KEYS = 2_000  # judged documents asked; more are drawn from by lot
PRIOR_WEIGHT = 1e-3  # of a whole vote, for the label's share


class NeighboursHead(QuickHead):
    """A vote of the judged documents, weighted by a softmax over their cosines."""

    def learn(self, train_set: JudgedVectors, should_stop: ShouldStop) -> Iterator[float]:
        """Keep the judged documents; there is nothing to train, so no epoch is told."""
        judged = train_set[told(train_set.truth)]
        rows = drawn_keys(len(judged), seed=self.config.seed)
        x, truth = as_tensor(judged.x)[rows], torch.from_numpy(judged.truth)
        scale = max(1, len(self.blocks)) * TEMPERATURE
        self._tensors = {
            TAUGHT: nan_where_untaught(train_set.truth),
            **keys_of(x / scale, torch.zeros(len(x)), truth, rows),
        }
        yield from ()

    def _read(self, x: torch.Tensor) -> Reading:
        tensors = self.trained()
        near = closeness(tensors, x)
        return Reading(near @ _said_and_asked(tensors), near)

    def _draws(self, n_passes: int) -> Draws:
        """Each pass weighs the judged documents anew (Rubin 1981, "The Bayesian bootstrap")."""
        told = _said_and_asked(self.trained())
        rng = torch.Generator().manual_seed(self.config.seed + 1)
        change = torch.empty(len(told), n_passes).exponential_(generator=rng) - 1.0
        return Draws(change[:, :, None] * told[:, None], torch.zeros(n_passes, told.shape[1]))

    def _answer(self, logits: torch.Tensor, vote: torch.Tensor | None) -> torch.Tensor:
        said, asked = logits.chunk(2, dim=-1)
        tensors = self.trained()
        return share(tensors, said, asked, exclusive=self.config.exclusive) + tensors[TAUGHT]

    def _values_per_row(self) -> int:
        return max(1, len(self.trained()["keys.vectors"]))


def keys_of(
    vectors: torch.Tensor, offset: torch.Tensor, truth: torch.Tensor, rows: torch.Tensor
) -> Tensors:
    """What a vote needs to be kept.

    Parameters
    ----------
    vectors, offset
        Of the documents to compare with, (keys, features) and (keys,): likeness
        is `queries @ vectors.T + offset`, in units of the temperature.
    truth
        Of all judged documents (documents, labels), for the labels' shares.
    rows
        Which of them the keys are.
    """
    prior = torch.sigmoid(torch.from_numpy(prior_logits(truth.numpy())))
    prior = prior * (truth != UNJUDGED).any(dim=0)  # what nobody judged shares in no row's sum
    of_keys = truth[rows]
    return {
        "keys.vectors": vectors,
        "keys.offset": offset,
        "keys.present": (of_keys == PRESENT).float(),
        "keys.judged": (of_keys != UNJUDGED).float(),
        "keys.prior": prior,
    }


def drawn_keys(n: int, *, seed: int) -> torch.Tensor:
    """Rows of the documents to compare with: all, or a sample of `MOST_KEYS`."""
    if n <= MOST_KEYS:
        return torch.arange(n)
    rng = torch.Generator().manual_seed(seed)
    return torch.randperm(n, generator=rng)[:MOST_KEYS].sort().values


def closeness(tensors: Tensors, queries: torch.Tensor) -> torch.Tensor:
    """Each document's weights of the keys (documents, keys), adding up to 1."""
    likeness = torch.addmm(tensors["keys.offset"], queries, tensors["keys.vectors"].T)
    return torch.softmax(likeness, dim=1)


def vote(tensors: Tensors, queries: torch.Tensor, *, exclusive: bool) -> torch.Tensor:
    """Each label's share among the keys it was judged on (documents, labels)."""
    near = closeness(tensors, queries)
    said, asked = near @ tensors["keys.present"], near @ tensors["keys.judged"]
    return share(tensors, said, asked, exclusive=exclusive)


def share(
    tensors: Tensors, said: torch.Tensor, asked: torch.Tensor, *, exclusive: bool
) -> torch.Tensor:
    """Said of asked, where little was asked near the label's share over all."""
    shares = (said + PRIOR_WEIGHT * tensors["keys.prior"]) / (asked + PRIOR_WEIGHT)
    return shares / shares.sum(dim=-1, keepdim=True) if exclusive else shares


def _said_and_asked(tensors: Tensors) -> torch.Tensor:
    return torch.cat([tensors["keys.present"], tensors["keys.judged"]], dim=1)
