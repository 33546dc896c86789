"""Fits a quick head, chooses its variant, and predicts judged documents by heads that saw neither.

A document's out-of-fold prediction comes from a head that was not trained on
its fold, of the variant that did best on the other folds. So what is measured
on these predictions is not flattered by the choice.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba
from core.evaluation.epochs import EpochScores, FoldRuns
from core.learners.comparing import best_of, fold_counts, out_of_fold_score
from core.learners.cross_validation import assign_folds
from core.learners.dataset import JudgedVectors
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import QuickConfig, QuickHead, new_quick
from core.learners.quick_head import OnEpoch, ShouldStop
from core.learners.variants import Judged, name_of, predictions_of, variants_of

Rows = NDArray[np.int64]
Head = QuickHead | QuickEnsemble


@dataclass(frozen=True)
class Fitted:
    """A trained learner and what is known of it.

    `learner` was trained on all documents. `proba` (documents, labels) are the
    out-of-fold probabilities, NaN where there are none, `folds` each document's
    fold (-1: none). `chosen` names the variant, `scores` has the out-of-fold
    score of each that was compared, NaN where nothing could be measured: two
    thirds micro-F1 and one third macro-F1 at the threshold best for micro-F1.
    `history` has epoch, loss and out-of-fold f1 (or None) of learners with epochs,
    and under "folds" loss and f1 of each fold's own head.
    """

    learner: Head
    proba: Proba
    folds: Rows
    chosen: str
    scores: dict[str, float]
    history: list[dict[str, Any]]


def fit_out_of_fold(
    config: QuickConfig,
    train_set: JudgedVectors,
    *,
    blocks: tuple[int, ...] = (),
    n_folds: int = 5,
    n_threads: int = 1,
    n_members: int = 0,
    seen: NDArray[np.bool_] | None = None,
    on_progress: Callable[[float], None] | None = None,
    on_epoch: OnEpoch | None = None,
    should_stop: ShouldStop | None = None,
) -> Fitted:
    """Train on all judged documents, and predict each by a head that did not see it.

    Parameters
    ----------
    config
        With kind `auto`, or without C, variants are compared; its seed deals
        the folds.
    blocks
        Widths of the unit vectors that stand side by side in the features.
    n_folds
        Fewer are made where there are fewer documents; below 2 nothing is
        predicted or compared.
    n_threads
        Folds worked on at a time; what is learnt is the same with any number.
    n_members
        Above 0, an ensemble of so many heads instead of one, of the variant
        that a single head does best with.
    seen
        Documents something else learnt from (documents,), such as a tuned
        encoder: trained on here, but they choose nothing and are not predicted.
    on_progress, should_stop
        Told the share of the work done, asked whether to go on, from any thread.
    on_epoch
        Told of the learner's epochs and mean losses, where it has any.

    Raises Cancelled when stopped.
    """
    work = _Work(
        config,
        train_set,
        blocks=blocks,
        n_members=n_members,
        n_threads=n_threads,
        seen=np.zeros(len(train_set), dtype=bool) if seen is None else seen,
        on_progress=on_progress or (lambda _: None),
        on_epoch=on_epoch or (lambda *_: None),
        should_stop=should_stop or (lambda: False),
    )
    folds = assign_folds(train_set.truth, n_folds=n_folds, seed=config.seed)
    variants = variants_of(config)
    if folds.max(initial=-1) < 0:
        return work.without_folds(variants[0], folds)
    if len(variants) == 1:
        return work.one_variant(variants[0], folds)
    return work.best_variant(variants, folds)


class _Work:
    """One call's materials, and its progress in equal parts."""

    def __init__(
        self,
        config: QuickConfig,
        train_set: JudgedVectors,
        *,
        blocks: tuple[int, ...],
        n_members: int,
        n_threads: int,
        seen: NDArray[np.bool_],
        on_progress: Callable[[float], None],
        on_epoch: OnEpoch,
        should_stop: ShouldStop,
    ) -> None:
        self.config, self.train_set, self.blocks, self.seen = config, train_set, blocks, seen
        self.n_members, self.n_threads = n_members, n_threads
        self.on_progress, self.on_epoch = on_progress, on_epoch
        self.should_stop = should_stop
        self.n_parts, self.n_done = 1, 0

    # --- the three ways ---------------------------------------------------

    def without_folds(self, config: QuickConfig, folds: Rows) -> Fitted:
        nothing = np.full(self.train_set.truth.shape, np.nan, dtype=np.float32)
        learner, losses = self._fit_all(config)
        return Fitted(learner, nothing, folds, name_of(config), {}, _history(losses))

    def one_variant(self, config: QuickConfig, folds: Rows) -> Fitted:
        every_fold = dict.fromkeys(range(int(folds.max()) + 1), config)
        return self._finished(config, folds, every_fold, {})

    def best_variant(self, variants: list[QuickConfig], folds: Rows) -> Fitted:
        n_folds = int(folds.max()) + 1
        self.n_parts = 1 + n_folds * (2 if self.n_members else 1)
        judged = Judged.of(
            self.train_set.x, self.train_set.truth, n_blocks=max(1, len(self.blocks))
        )
        every = np.full((len(variants), *self.train_set.truth.shape), np.nan, dtype=np.float32)

        def predict_fold(fold: int) -> None:
            test = np.flatnonzero(folds == fold)
            every[:, test] = predictions_of(
                variants,
                judged,
                fit=np.flatnonzero(folds != fold),
                test=test,
                should_stop=self.should_stop,
            )
            self._done()

        self._for_each(predict_fold, n_folds)
        every[:, self.seen] = np.nan
        counts = [fold_counts(proba, self.train_set.truth, folds) for proba in every]
        scores = {
            name_of(variant): out_of_fold_score(each)
            for variant, each in zip(variants, counts, strict=True)
        }
        by_fold = {fold: best_of(counts, without=fold) for fold in range(n_folds)}
        best = variants[best_of(counts)]
        if self.n_members:
            chosen = {fold: variants[place] for fold, place in by_fold.items()}
            return self._finished(best, folds, chosen, scores)
        proba = np.stack([every[by_fold[fold], row] for row, fold in enumerate(folds.tolist())])
        learner, losses = self._fit_all(best)
        return Fitted(learner, proba, folds, name_of(best), scores, _history(losses))

    # --- training ---------------------------------------------------------

    def _finished(
        self,
        config: QuickConfig,
        folds: Rows,
        by_fold: dict[int, QuickConfig],
        scores: dict[str, float],
    ) -> Fitted:
        """Train heads on all but each fold, and one on all."""
        truth = self.train_set.truth
        proba = np.full(truth.shape, np.nan, dtype=np.float32)
        epochs, runs = EpochScores(), FoldRuns()
        self.n_parts = max(self.n_parts, 1 + len(by_fold))
        trained: list[tuple[Head, list[float]]] = []

        def train(at: int) -> None:
            if at == 0:  # first, so that its epochs can be watched from the start
                trained.append(self._fit_all(config))
                return
            fold = at - 1
            test = np.flatnonzero((folds == fold) & ~self.seen)
            head, of_fold = self._new(by_fold[fold]), self.train_set[test]

            def on_epoch(epoch: int, loss: float) -> None:
                predicted = head.predict_proba(of_fold)
                epochs.add(epoch, predicted, of_fold.truth)
                runs.add(fold, epoch, loss=loss, proba=predicted, truth=of_fold.truth)

            head.fit(
                self.train_set[np.flatnonzero(folds != fold)],
                on_epoch=on_epoch,
                should_stop=self.should_stop,
            )
            proba[test] = head.predict_proba(of_fold)
            self._done()

        self._for_each(train, len(by_fold) + 1)
        if not scores:
            scores = {name_of(config): out_of_fold_score(fold_counts(proba, truth, folds))}
        ((learner, losses),) = trained
        history = runs.beside(_history(losses, epochs))
        return Fitted(learner, proba, folds, name_of(config), scores, history)

    def _fit_all(self, config: QuickConfig) -> tuple[Head, list[float]]:
        head, losses = self._new(config), list[float]()

        def on_epoch(epoch: int, loss: float) -> None:
            losses.append(round(loss, 6))
            self.on_epoch(epoch, loss)

        head.fit(self.train_set, on_epoch=on_epoch, should_stop=self.should_stop)
        self._done()
        return head, losses

    def _new(self, config: QuickConfig) -> Head:
        n_labels = self.train_set.n_labels
        if self.n_members:
            return QuickEnsemble(config, n_labels, self.n_members, blocks=self.blocks)
        return new_quick(config, n_labels, blocks=self.blocks)

    def _for_each(self, work: Callable[[int], None], n: int) -> None:
        with ThreadPoolExecutor(max(1, self.n_threads)) as threads:
            list(threads.map(work, range(n)))

    def _done(self) -> None:
        self.n_done += 1
        self.on_progress(min(1.0, self.n_done / self.n_parts))


def _history(losses: list[float], scores: EpochScores | None = None) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch, "loss": loss, "f1": scores.micro_f1(epoch) if scores else None}
        for epoch, loss in enumerate(losses, start=1)
    ]
