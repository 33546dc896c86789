"""Training with folds: texts predicted by learners that did not see them, and one of all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.domain import EvaluationSource, Proba, Truth
from core.evaluation.unseen import Unseen
from core.learners.cross_validation import assign_folds
from core.learners.dataset import JudgedTexts
from core.rounds import files
from core.training.data import LabelledTexts
from core.training.learning import Learnt, Materials, Watch, learn_from_texts
from core.training.on_vectors import learn_on_vectors

FOLDS_OF_HELD_OUT = 5  # texts that both choose and measure

WatchOf = Callable[[str], Watch]  # of what is being done
History = list[dict[str, Any]]  # by epoch


def learn(
    materials: Materials, data: LabelledTexts, watch: Watch, *, state: Path | None, n_folds: int
) -> Learnt:
    """Train on all of `data`; heads on vectors are chosen and answer out of fold as they go."""
    train = JudgedTexts(data.texts, data.truth)
    if materials.reads_vectors:
        return learn_on_vectors(materials, train, watch, n_folds=n_folds)
    return learn_from_texts(materials, train, watch, state=state)


def out_of_fold(
    materials: Materials, data: LabelledTexts, n_folds: int, watch_of: WatchOf, *, work: Path | None
) -> tuple[Unseen, list[History]]:
    """Predict every text by a learner that was trained on the other folds.

    Gives each fold's history too. In the folder `work`, a fold that is done is
    not done again, and one that was broken off goes on.
    """
    if materials.reads_vectors:
        learnt = learn(materials, data, watch_of("In folds"), state=None, n_folds=n_folds)
        assert learnt.out_of_fold is not None
        proba, folds = learnt.out_of_fold
        return Unseen(proba, data.truth, folds, EvaluationSource.OUT_OF_FOLD), []
    folds = assign_folds(data.truth, n_folds=n_folds, seed=materials.config.seed)
    proba = np.full(data.truth.shape, np.nan, dtype=np.float32)
    histories: list[History] = []
    for fold in range(int(folds.max(initial=-1)) + 1):
        test = np.flatnonzero(folds == fold)
        kept = None if work is None else work / f"fold-{fold}.npy"
        if kept is not None and kept.exists():
            proba[test] = files.read_array(kept)
            told = kept.with_suffix(".json")  # folds of earlier versions have none
            histories.append(files.read_json(told) if told.exists() else [])
            continue
        learnt = learn(
            materials,
            data.take(np.flatnonzero(folds != fold)),
            watch_of(f"Fold {fold + 1} of {n_folds}"),
            state=None if work is None else work / f"state-{fold}",
            n_folds=0,
        )
        proba[test] = learnt.raw_proba(data.take(test).texts)
        histories.append(learnt.history)
        if kept is not None:
            files.write_json(kept.with_suffix(".json"), learnt.history)
            files.write_array(kept, proba[test])  # last: it says that the fold is done
    return Unseen(proba, data.truth, folds, EvaluationSource.OUT_OF_FOLD), histories


def held_out(proba: Proba, truth: Truth, *, seed: int) -> Unseen:
    """Texts kept out of training, in folds that judge each other's choices."""
    folds = assign_folds(truth, n_folds=FOLDS_OF_HELD_OUT, seed=seed)
    return Unseen(proba, truth, folds, EvaluationSource.HELD_OUT)
