"""Principal axes of the judged documents: few numbers in which a regression is quick to solve.

A document's features are its coordinates along the axes, and a rest at right
angles to them about which the judgements say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

MOST_AXES = 384  # more gained nothing on any of six data sets at 1,000 judged documents
TINY = 1e-6  # of the largest variance: below is rounding


@dataclass(frozen=True)
class Axes:
    """Where the judged documents lie, most spread first."""

    mean: torch.Tensor  # (width,)
    basis: torch.Tensor  # (width, axes), orthonormal columns

    def coordinates(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (documents, axes)."""
        return (x - self.mean) @ self.basis


def principal_axes(x: torch.Tensor, *, most: int = MOST_AXES) -> Axes:
    """Axes of (documents, width), at most so many and none without variance."""
    if not len(x):
        return Axes(torch.zeros(x.shape[1]), torch.zeros(x.shape[1], 0))
    mean = x.mean(dim=0)
    centred = x - mean
    is_wide = x.shape[0] < x.shape[1]
    gram = centred @ centred.T if is_wide else centred.T @ centred
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(0)[:most], vectors.flip(1)[:, :most]
    real = values > TINY * values[:1].clamp(min=TINY)
    values, vectors = values[real], vectors[:, real]
    return Axes(mean, centred.T @ (vectors / values.sqrt()) if is_wide else vectors)


def sketch_of_the_rest(axes: Axes, *, width: int, rng: torch.Generator) -> torch.Tensor:
    """Random directions at right angles to the axes, shape (features, width).

    The squared length of a document's coordinates along them is that of its
    rest, in expectation (Johnson and Lindenstrauss). Where there are no more
    dimensions than `width`, the rest is given as it is, and exactly.
    """
    n_features = len(axes.basis)
    if n_features <= width:
        directions = torch.eye(n_features)
    else:
        directions = torch.randn(n_features, width, generator=rng) / width**0.5
    return directions - axes.basis @ (axes.basis.T @ directions)
