"""What more judgements would bring: a power law through a few points of the learning curve.

The points come from learners trained on parts of the judged documents and
measured on documents none of them saw; who trains them is not decided here.
The law is carried past the last point, so it assumes that the next judgements
are chosen as those so far were, and its interval covers chance in the measured
documents and between repetitions, not a curve of another shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import EvaluationSource, Proba, Truth
from core.evaluation import codec
from core.evaluation.counts import (
    Floats,
    defined,
    f1_from_counts,
    masked_truth,
    mean_of_defined,
    outcome_cells,
)
from core.evaluation.intervals import resampled_weights
from core.evaluation.power_law import EXPONENT_SPREAD, PowerLaw, fit_power_law
from core.evaluation.thresholds import cross_fitted_predictions

USUAL_EXPONENT = 0.2  # of micro-F1 of the quick learner, on public data with 28 to 62 labels
N_RESAMPLES = 200
STEP_F1 = 0.01  # the gain whose price in judgements is told
CURVE_POINTS = 24  # of the fitted curve, as it is stored
OUT_OF_SIGHT = 10  # times the judged documents: further on, no curve of three points reaches
TRAINING_NOISE, TRAINING_NOISE_DF = 0.012, 2  # believed of F1 before any repetition
ENOUGH_PRESENT = 20  # judged positives; with fewer a label's curve is all chance


@dataclass(frozen=True, eq=False)
class CurvePoints:
    """Predictions of learners trained on more and more of the judged documents.

    n_trained : (sizes,) documents, ascending
    proba : (repetitions, sizes, documents, labels), NaN where a repetition's
        learner of any size saw the document
    truth : (documents, labels)
    folds : (documents,) so that thresholds are chosen on other documents
    """

    n_trained: NDArray[np.int64]
    proba: NDArray[np.float32]
    truth: Truth
    folds: NDArray[np.int64]


@dataclass(frozen=True)
class Range:
    """A number with its 95 % interval; None is undefined, or without end."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN = Range(None, None, None)


@dataclass(frozen=True)
class CurvePoint:
    """The fitted curve after `n` judgements: micro-F1 with its 95 % interval."""

    n: int
    f1: Range


@dataclass(frozen=True)
class LabelForecast:
    """One label: its positives so far, and what F1 would gain by `Forecast.n_more` judgements."""

    name: str
    n_present: int
    gain: Range  # undefined where the positives are too few to draw a curve from


@dataclass(frozen=True)
class Forecast:
    """What more judgements would bring, chosen as those so far were."""

    n_judged: int
    n_measured: int  # documents the curve was measured on
    n_trained: tuple[int, ...]  # sizes of the curve's points
    micro_f1: tuple[float | None, ...]  # at those sizes
    n_more: int
    gain: Range  # of micro-F1, by `n_more` judgements
    needed: Range  # judgements for `STEP_F1` more micro-F1; None: out of sight
    labels: tuple[LabelForecast, ...]
    source: EvaluationSource
    measured: tuple[Range, ...] = ()  # micro-F1 at the sizes of `n_trained`
    curve: tuple[CurvePoint, ...] = ()  # up to twice `n_more` ahead; earlier versions kept none

    def after(self, n: int) -> Range:
        """Micro-F1 that the curve gives after so many judgements, where it was kept."""
        return next((point.f1 for point in self.curve if point.n == n), UNKNOWN)

    def to_json(self) -> dict[str, Any]:
        """Plain data for storing; undefined is None."""
        stored: dict[str, Any] = codec.to_json(self)
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Forecast:
        """Read back what `to_json` wrote."""
        return codec.from_json(cls, stored)


def look_ahead(
    points: CurvePoints,
    *,
    n_judged: int,
    n_present: NDArray[np.int64],
    names: Sequence[str],
    source: EvaluationSource,
    seed: int,
) -> Forecast:
    """Carry the curve past what is judged, with bootstrap intervals.

    Parameters
    ----------
    n_judged : documents judged so far, from where the forecast begins
    n_present : (labels,) judged positives so far
    names : one per label
    source : what the curve was measured on
    """
    scores = curve_scores(points, seed=seed)
    rng = np.random.default_rng(seed)
    n_more = worthwhile_step(n_judged)

    def gain_by(law: PowerLaw) -> Range:
        return _range(law(n_judged + n_more) - law(n_judged))

    overall = _law(points, scores[:, :, 0], rng)
    needed = overall.more_needed(n_judged, STEP_F1)
    gains = [
        gain_by(_law(points, scores[:, :, 1 + at], rng)) if n >= ENOUGH_PRESENT else UNKNOWN
        for at, n in enumerate(n_present)
    ]
    return Forecast(
        n_judged=n_judged,
        n_measured=int(np.isfinite(points.proba).any(axis=(0, 1, 3)).sum()),
        n_trained=tuple(int(n) for n in points.n_trained),
        micro_f1=tuple(defined(float(f1)) for f1 in scores[0, :, 0]),
        n_more=n_more,
        gain=gain_by(overall),
        needed=_range(np.where(needed > OUT_OF_SIGHT * n_judged, np.inf, needed)),
        labels=tuple(
            LabelForecast(name, int(n), gain)
            for name, n, gain in zip(names, n_present, gains, strict=True)
        ),
        source=source,
        measured=tuple(
            _around(float(f1), draws)
            for f1, draws in zip(scores[0, :, 0], scores[1:, :, 0].T, strict=True)
        ),
        curve=_drawn(overall, points, n_judged=n_judged, n_more=n_more),
    )


def _drawn(
    law: PowerLaw, points: CurvePoints, *, n_judged: int, n_more: int
) -> tuple[CurvePoint, ...]:
    """The curve from its first measured point to twice `n_more` judgements ahead."""
    first, last = int(points.n_trained[0]), n_judged + 2 * n_more
    path = np.geomspace(first, last, CURVE_POINTS).round().astype(np.int64).tolist()
    sizes = sorted({*path, n_judged, n_judged + n_more})
    return tuple(CurvePoint(n, _range(law(n))) for n in sizes)


def _around(value: float, draws: Floats) -> Range:
    """A measured value with the interval of its draws."""
    spread = _range(draws)
    return Range(defined(value), spread.low, spread.high)


def worthwhile_step(n_judged: int) -> int:
    """How many judgements to look ahead: about a quarter more, in fifties."""
    return max(50, round(n_judged / 200) * 50)


def curve_scores(points: CurvePoints, *, seed: int, n_resamples: int = N_RESAMPLES) -> Floats:
    """F1 at every size: (1 + resamples, sizes, 1 + labels).

    The first row is measured, in the others documents are drawn anew and the
    scatter between repetitions is added; the first column is micro-F1, the
    others the labels' own. NaN where undefined.
    """
    n_repetitions, n_sizes, n_documents, _ = points.proba.shape
    weights = np.concatenate(
        [
            np.ones((1, n_documents), dtype=np.float32),
            *resampled_weights(n_documents, seed=seed, n_resamples=n_resamples),
        ]
    )
    each = np.array(
        [
            [_f1(points, repetition, size, weights) for size in range(n_sizes)]
            for repetition in range(n_repetitions)
        ]
    )  # (repetitions, sizes, 1 + resamples, 1 + labels)
    scores: Floats = each.mean(axis=0).transpose(1, 0, 2)
    scores[1:] += _training_noise(each[:, :, 0], n_resamples, np.random.default_rng(seed))
    return scores


def _training_noise(measured: Floats, n_resamples: int, rng: np.random.Generator) -> Floats:
    """Draws of what other training documents would have changed: (resamples, sizes, columns).

    From the scatter of `measured` (repetitions, sizes, columns) around its mean
    at each size, with heavy tails because one or two repetitions tell little.
    """
    n_repetitions, n_sizes, n_columns = measured.shape
    df = (n_repetitions - 1) * n_sizes
    squares = ((measured - measured.mean(axis=0)) ** 2).sum(axis=(0, 1))
    believed = TRAINING_NOISE_DF * TRAINING_NOISE**2
    variance = (squares + believed) / (df + TRAINING_NOISE_DF) / n_repetitions
    draws = rng.standard_t(df + TRAINING_NOISE_DF, size=(n_resamples, n_sizes, n_columns))
    noise: Floats = draws * np.sqrt(variance)
    return noise


def _f1(points: CurvePoints, repetition: int, size: int, weights: NDArray[np.float32]) -> Floats:
    """(resamples, 1 + labels) of one learner, at thresholds chosen on other folds."""
    proba: Proba = points.proba[repetition, size]
    truth = masked_truth(proba, points.truth)
    # One column of all cells has the same best threshold, and is swept much faster.
    flat, _ = cross_fitted_predictions(
        proba.reshape(-1, 1), truth.reshape(-1, 1), points.folds.repeat(truth.shape[1])
    )
    predicted = flat.reshape(truth.shape)
    tp, fp, fn = (
        (weights @ cells.astype(np.float32)).astype(np.float64)
        for cells in outcome_cells(predicted, truth)
    )
    micro = f1_from_counts(tp.sum(axis=1), fp.sum(axis=1), fn.sum(axis=1))
    return np.concatenate([micro[:, None], f1_from_counts(tp, fp, fn)], axis=1)


def _law(points: CurvePoints, scores: Floats, rng: np.random.Generator) -> PowerLaw:
    """One law per draw of (draws, sizes); the usual exponent is uncertain, so drawn as well."""
    spread = np.sqrt(mean_of_defined((scores[1:] - scores[0]) ** 2, axis=0))
    usual = USUAL_EXPONENT * np.exp(rng.standard_normal(len(scores)) * EXPONENT_SPREAD)
    with np.errstate(invalid="ignore"):
        return fit_power_law(points.n_trained, scores, spread=spread, usual_exponent=usual)


def _range(draws: Floats) -> Range:
    """Median and 95 % interval of the draws that are defined; infinite ends are None."""
    drawn = draws[~np.isnan(draws)]
    if not len(drawn):
        return UNKNOWN
    ends = np.percentile(drawn, [50, 2.5, 97.5], method="nearest")
    return Range(*(None if np.isinf(end) else float(end) for end in ends))
