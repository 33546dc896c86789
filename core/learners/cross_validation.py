"""Predictions for judged documents by learners that did not see them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from core.domain import PRESENT, Proba, Truth

FitPredict = Callable[[NDArray[np.int64], NDArray[np.int64]], Proba]


def out_of_fold(
    fit_predict: FitPredict, truth: Truth, *, n_folds: int = 5, seed: int = 0, n_threads: int = 1
) -> tuple[Proba, NDArray[np.int64]]:
    """Predict every document from the other folds.

    Parameters
    ----------
    fit_predict
        Takes (train rows, test rows), gives probabilities (test rows, labels).
    truth
        Shape (documents, labels); folds hold each label's documents evenly.
    n_folds
        Fewer are made where there are fewer documents.
    n_threads
        Folds worked on at a time; above 1, `fit_predict` must bear that.

    Returns
    -------
    proba, folds
        Shape (documents, labels), NaN where nothing could be predicted (fewer
        than two documents), and each document's fold (-1: none).
    """
    proba = np.full(truth.shape, np.nan, dtype=np.float32)
    folds = assign_folds(truth, n_folds=n_folds, seed=seed)

    def predict_fold(fold: int) -> None:
        test = np.flatnonzero(folds == fold)
        proba[test] = fit_predict(np.flatnonzero(folds != fold), test)

    with ThreadPoolExecutor(n_threads) as threads:
        list(threads.map(predict_fold, range(int(folds.max(initial=-1)) + 1)))
    return proba, folds


def assign_folds(truth: Truth, *, n_folds: int, seed: int) -> NDArray[np.int64]:
    """Deal documents to folds, rarest label first, each to the fold that lacks it most.

    After Sechidis, Tsoumakas and Vlahavas (2011), "On the stratification of
    multi-label data", simplified: a document is placed by its rarest label.
    """
    n_documents = len(truth)
    n_folds = min(n_folds, n_documents)
    folds = np.full(n_documents, -1, dtype=np.int64)
    if n_folds < 2:
        return folds
    rng = np.random.default_rng(seed)
    present = truth == PRESENT
    rarity = np.where(present, present.sum(axis=0), n_documents + 1)
    rarest = np.where(present.any(axis=1), rarity.argmin(axis=1), truth.shape[1])
    capacity = -(-n_documents // n_folds)
    size = np.zeros(n_folds, dtype=np.int64)
    held = np.zeros((n_folds, truth.shape[1] + 1), dtype=np.int64)
    shuffled = rng.permutation(n_documents)
    for row in shuffled[np.argsort(rarity.min(axis=1)[shuffled], kind="stable")]:
        want = np.lexsort((rng.random(n_folds), size, held[:, rarest[row]], size >= capacity))
        fold = want[0]
        folds[row] = fold
        size[fold] += 1
        held[fold, :-1] += present[row]
        held[fold, -1] += not present[row].any()
    return folds
