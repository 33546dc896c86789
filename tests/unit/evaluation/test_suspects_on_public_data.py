"""On judgements of public data with known mistakes: flipped ones come early in the queue."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.encoders.lexical import LexicalModel
from core.evaluation.calibration import cross_fitted_calibration
from core.evaluation.shifts import find_shifts
from core.evaluation.suspects import askable, estimate_error_rates, find_suspects
from core.learners.choosing import fit_out_of_fold
from core.learners.dataset import JudgedVectors
from core.learners.quick import QuickConfig, QuickKind
from core.replay.data import ReplayData, load_dataset
from core.settings import Settings

SHARED = Path(os.environ.get("MARGINALIA_SHARED") or "/nonexistent") / "data"
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="MARGINALIA_SHARED names no folder with data"
)


@pytest.fixture(scope="module")
def nlupp() -> ReplayData:
    return load_dataset("nlupp", Settings(shared=SHARED.parent))


def out_of_fold(data: ReplayData, truth):
    """Calibrated probabilities by heads on words alone that did not see the document."""
    x = LexicalModel.fit(data.texts).encode(data.texts)
    config = QuickConfig(kind=QuickKind.LOGISTIC, C=10.0, seed=0)
    fitted = fit_out_of_fold(config, JudgedVectors(x, truth))
    return cross_fitted_calibration(fitted.proba, truth, fitted.folds)


def flip(truth, *, given, left_out, seed=0):
    """Which cells: shares of the absent and of the present."""
    rng = np.random.default_rng(seed)
    return rng.random(truth.shape) < np.where(truth == 1, left_out, given)


def found_in_top_tenth(data, flipped):
    truth = np.where(flipped, 1 - data.truth, data.truth).astype(np.int8)
    proba = out_of_fold(data, truth)
    asked = askable(proba, truth).truth
    found = find_suspects(proba, asked, rates=estimate_error_rates(proba, asked))
    top = len(found) // 10
    return float(flipped[found.rows[:top], found.labels[:top]].sum() / flipped.sum())


def test_half_of_the_flipped_judgements_are_in_the_top_tenth_of_the_queue(nlupp) -> None:
    everywhere = flip(nlupp.truth, given=0.05, left_out=0.05)
    assert found_in_top_tenth(nlupp, everywhere) >= 0.5


def test_so_are_the_mistakes_that_people_make_as_many_either_way(nlupp) -> None:
    share = float((nlupp.truth == 1).mean())
    either_way = flip(nlupp.truth, given=0.05 * share / (1 - share), left_out=0.05)
    assert found_in_top_tenth(nlupp, either_way) >= 0.5


def test_a_label_renamed_half_way_shows_up_and_nothing_else(nlupp) -> None:
    order = np.random.default_rng(0).permutation(len(nlupp.texts))
    place = np.argsort(order)
    column = list(nlupp.labels).index("booking")
    is_late = place >= len(place) // 2
    truth = np.column_stack([nlupp.truth, nlupp.truth[:, column] * is_late]).astype(np.int8)
    truth[is_late, column] = 0
    renamed, shifted = find_shifts(out_of_fold(nlupp, truth), truth, place)
    assert [(one.before, one.after) for one in renamed] == [(column, truth.shape[1] - 1)]
    assert shifted == []
    none, nothing = find_shifts(out_of_fold(nlupp, nlupp.truth), nlupp.truth, place)
    assert (none, nothing) == ([], [])
