"""BADGE for several labels: unsure documents whose lessons differ. Needs numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba
from core.strategies.likeness import (
    Batch,
    Values,
    Vectors,
    draw_apart,
    finish_by_lot,
    highest_by_lot,
)


def badge_batch(x: Vectors, proba: Proba, n: int, rng: np.random.Generator) -> Batch:
    """Choose `n` documents whose gradients are large and unlike each other.

    Ash et al. (2020), "Deep batch active learning by diverse, uncertain gradient
    lower bounds", with one Bernoulli per label: were the model's own answers
    ŷ = 1[p ≥ 0.5] the truth, the last layer's gradient would be g = (p - ŷ) ⊗ x,
    and k-means++ seeding draws from those. The inner product of two such
    gradients is the product of their errors' and their vectors' inner products,
    so nothing of documents × labels × width is ever made. As in the authors'
    code the longest gradient comes first (k-means++ itself begins anywhere),
    a lot deciding between equals; when only copies are left they come by lot.

    A document without any doubt has the gradient zero. It can be drawn, as one
    place among others, but never first while there is a doubt.

    Parameters
    ----------
    x
        Unit vectors (documents, width).
    proba
        Shape (documents, labels); NaN cells have no gradient.

    Returns
    -------
    positions, values
        At most `n`, each once, in the order of drawing, and the squared distance
        of each gradient from the nearest one before it (for the first its squared
        length), made never to rise.
    """
    if n <= 0 or not len(x):
        return finish_by_lot([], [], 0, rng, n_documents=len(x))
    errors = gradient_errors(proba)
    lengths: Values = np.einsum("il,il->i", errors, errors) * np.einsum("iw,iw->i", x, x)
    if lengths.max() <= 0.0:
        return finish_by_lot([], [], n, rng, n_documents=len(x))

    def products(of: int) -> Values:
        product: Values = errors @ errors[of]
        product *= x @ x[of]
        return product

    first = highest_by_lot(lengths, rng)
    chosen, values = draw_apart(lengths, products, n, rng, first=first)
    return finish_by_lot(chosen, values, n, rng, n_documents=len(x))


def gradient_errors(proba: Proba) -> NDArray[np.float32]:
    """Give p - 1[p ≥ 0.5], the error if the model's own answers were the truth; 0 where NaN."""
    p = np.asarray(proba, dtype=np.float32)
    errors = p - (p >= 0.5)
    return np.nan_to_num(errors, copy=False, nan=0.0)
