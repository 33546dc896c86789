"""The learners a replay can play with, trained and asked alike whatever they read.

Quick learners and ensembles read vectors, the deep learner texts. The seed of a
training belongs to the replay's seed and round alone, so that arms differ by
what they asked and by nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings, Proba, Samples, Truth
from core.errors import Cancelled
from core.evaluation.thresholds import best_threshold, sweep
from core.learners.choosing import fit_out_of_fold
from core.learners.cross_validation import out_of_fold
from core.learners.dataset import JudgedTexts, JudgedVectors
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import QuickConfig
from core.learners.quick_head import QuickKind
from core.replay.options import CATALOGUE_NAMES, DEEP, N_MEMBERS, heads_beside, learner_of
from core.strategies.plan import Arm, ReplayPlan

Rows = NDArray[np.int64]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class Documents:
    """Texts with unit vectors of their meaning, and perhaps of their words, (documents, width).

    An array of the meanings where one is due, as strategies compare those.
    Sliced or indexed by rows it stays all of it.
    """

    texts: list[str]
    x: Embeddings
    words: Embeddings | None = None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice | Rows) -> Self:
        texts = self.texts[rows] if isinstance(rows, slice) else [self.texts[row] for row in rows]
        return type(self)(texts, self.x[rows], None if self.words is None else self.words[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Embeddings:
        return np.array(self.x, dtype=dtype, copy=copy)

    def features(self, *, lexical: bool) -> Embeddings:
        """What a quick learner reads: the vectors side by side, or the first alone."""
        if not lexical or self.words is None:
            return self.x
        beside: Embeddings = np.concatenate([self.x, self.words], axis=1)
        return beside


class Opinions:
    """A trained learner as scoring asks it: by documents, for probabilities and samples.

    `read` gives what the learner reads of documents; the samples are those of
    `samples_of` where that is another.
    """

    def __init__(
        self, learner: Any, read: Callable[[Documents], Any], samples_of: Any = None
    ) -> None:
        self.n_labels: int = learner.n_labels
        self._learner, self._read, self._samples_of = learner, read, samples_of

    def score_stream(
        self, x: Documents, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples)."""
        read = self._read(x)
        if self._samples_of is None or not n_passes:
            yield from self._learner.score_stream(read, n_passes=n_passes, chunk=chunk)
            return
        for rows, _, samples in self._samples_of.score_stream(read, n_passes=n_passes, chunk=chunk):
            plain = self._learner.score_stream(read[rows], n_passes=0, chunk=len(samples))
            yield rows, next(plain)[1], samples

    def proba(self, x: Documents) -> Proba:
        """Plain probabilities (documents, labels)."""
        parts = [proba for _, proba, _ in self.score_stream(x, n_passes=0)]
        return np.concatenate([np.empty((0, self.n_labels), dtype=np.float32), *parts])


@dataclass(frozen=True)
class Trained:
    """What one round's training gives."""

    opinions: Opinions
    unseen: Proba  # of the judged documents, by learners that did not see them; else NaN
    threshold: float  # the best on those; 0.5 without any


class Trainer:
    """Trains an arm's learner. Raises InputError for options that do not exist.

    Parameters
    ----------
    plan, arm
        The arm's learner is the plan's unless it names its own. An ensemble as
        posterior gives opinions beside the learner, which is measured alone.
    n_labels
        Columns of truth.
    """

    def __init__(self, plan: ReplayPlan, arm: Arm | None, n_labels: int) -> None:
        kind, options = learner_of(plan, arm)
        self.kind, self.n_labels, self.n_folds = kind, n_labels, plan.n_folds
        self.lexical = bool(options.pop("lexical", True))
        self._n_members = int(options.pop("n_members", N_MEMBERS)) if kind == "ensemble" else 0
        self._quick, self._deep = QuickConfig(), DeepConfig()
        if kind == DEEP:
            self._deep = DeepConfig(encoder=plan.encoder, **options)
        else:
            self._quick = QuickConfig(kind=QuickKind(CATALOGUE_NAMES.get(kind, kind)), **options)
        self._n_heads = heads_beside(kind, arm)

    def train(
        self, documents: Documents, truth: Truth, *, seed: int, should_stop: ShouldStop
    ) -> Trained:
        """Train on judged documents; raises Cancelled when stopped."""
        stop_if_asked(should_stop)
        if self.kind == DEEP:
            learner, unseen = self._train_deep(documents, truth, seed, should_stop)
            opinions = Opinions(learner, self._read)
        else:
            fitted = fit_out_of_fold(
                dataclasses.replace(self._quick, seed=seed),
                JudgedVectors(self._read(documents), truth),
                blocks=self._blocks(documents),
                n_folds=self.n_folds,
                n_members=self._n_members,
                should_stop=should_stop,
            )
            unseen = fitted.proba
            heads = self._heads(fitted.learner.config, documents, truth, should_stop)
            opinions = Opinions(fitted.learner, self._read, heads)
        return Trained(opinions, unseen, best_threshold(sweep(unseen, truth)))

    def _heads(
        self, config: QuickConfig, documents: Documents, truth: Truth, should_stop: ShouldStop
    ) -> QuickEnsemble | None:
        """Several of the learner's kind, whose opinions the questions go by."""
        if not self._n_heads:
            return None
        blocks = self._blocks(documents)
        heads = QuickEnsemble(config, self.n_labels, self._n_heads, blocks=blocks)
        return heads.fit(JudgedVectors(self._read(documents), truth), should_stop=should_stop)

    def _train_deep(
        self, documents: Documents, truth: Truth, seed: int, should_stop: ShouldStop
    ) -> tuple[Any, Proba]:
        config = dataclasses.replace(self._deep, seed=seed)

        def fit(rows: Rows) -> DeepLearner:
            stop_if_asked(should_stop)
            judged = JudgedTexts(documents[rows].texts, truth[rows])
            return DeepLearner(config, self.n_labels).fit(judged, should_stop=should_stop)

        def fit_predict(rows: Rows, test: Rows) -> Proba:
            return Opinions(fit(rows), self._read).proba(documents[test])

        unseen = np.full(truth.shape, np.nan, dtype=np.float32)
        if self.n_folds > 1:
            unseen, _ = out_of_fold(fit_predict, truth, n_folds=self.n_folds, seed=seed)
        return fit(np.arange(len(truth))), unseen

    def _read(self, documents: Documents) -> Any:
        if self.kind == DEEP:
            return documents.texts
        return documents.features(lexical=self.lexical)

    def _blocks(self, documents: Documents) -> tuple[int, ...]:
        width = int(documents.x.shape[1])
        if not self.lexical or documents.words is None:
            return (width,)
        return width, int(documents.words.shape[1])


def stop_if_asked(should_stop: ShouldStop) -> None:
    """Raise Cancelled when somebody asked to stop."""
    if should_stop():
        raise Cancelled("The replay was stopped; run it again to go on.")
