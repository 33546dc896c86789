"""Laws that are known, and what their forecasts must say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import EvaluationSource
from core.errors import InputError
from core.evaluation.forecast import (
    ENOUGH_PRESENT,
    CurvePoints,
    Forecast,
    curve_scores,
    look_ahead,
    worthwhile_step,
)
from core.evaluation.power_law import EXPONENTS, PowerLaw, fit_power_law

SIZES = [100, 200, 400, 800]


def law(a: float, b: float, c: float) -> PowerLaw:
    return PowerLaw(np.array(a), np.array(b), np.array(c))


def test_points_on_a_law_give_back_that_law() -> None:
    true = law(0.8, 2.0, float(EXPONENTS[20]))
    fitted = fit_power_law(SIZES, [true(n) for n in SIZES])
    assert fitted.c == true.c
    np.testing.assert_allclose([fitted.a, fitted.b], [true.a, true.b])


def test_judgements_needed_are_those_after_which_the_law_has_gained_as_much() -> None:
    curve = law(0.9, 1.0, 0.5)
    more = curve.more_needed(100, 0.01)
    assert curve(100 + more) - curve(100) == pytest.approx(0.01)
    assert curve.more_needed(100, 0.2) == np.inf  # it levels out 0.1 above


@given(
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
    st.floats(0.02, 2.0),
)
def test_a_fit_never_falls_and_never_passes_one(scores: list[float], usual: float) -> None:
    fitted = fit_power_law(SIZES, scores, spread=0.01, usual_exponent=usual)
    path = [float(fitted(n)) for n in (*SIZES, 10_000, 10**8)]
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(path))
    assert path[-1] <= 1 + 1e-9


def test_a_falling_curve_is_fitted_by_its_mean() -> None:
    fitted = fit_power_law([1, 2, 4], [0.6, 0.5, 0.4])
    assert float(fitted(1000)) == pytest.approx(0.5)


def test_many_curves_are_fitted_as_each_alone() -> None:
    scores = np.random.default_rng(0).random((5, 4))
    together = fit_power_law(SIZES, scores)
    alone = [fit_power_law(SIZES, row) for row in scores]
    np.testing.assert_array_equal(together.a, [float(one.a) for one in alone])


def test_a_point_with_a_small_error_counts_more() -> None:
    fitted = fit_power_law([1, 2, 4], [0.5, 0.9, 0.5], spread=[1, 1e-4, 1])
    assert float(fitted(2)) == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize(("n", "scores"), [([1, 2], [0.1, 0.2]), ([1, 2, 2], [0, 0, 0])])
def test_fewer_than_three_sizes_are_refused(n: list[int], scores: list[float]) -> None:
    with pytest.raises(InputError, match="3 different sizes"):
        fit_power_law(n, scores)


def points(shares_right: list[float], *, n: int = 1000, present: float = 0.3) -> CurvePoints:
    """Two repetitions over two labels; so many cells of the truth are predicted rightly."""
    rng = np.random.default_rng(0)
    truth = (rng.random((n, 2)) < present).astype(np.int8)
    proba = np.empty((2, len(shares_right), n, 2), dtype=np.float32)
    luck = rng.random((2, n, 2))  # what a smaller learner knows, a larger one knows as well
    for size, share in enumerate(shares_right):
        right = luck < share
        proba[:, size] = np.where(right == (truth == 1), 0.9, 0.1)
    return CurvePoints(
        np.array(SIZES[: len(shares_right)]), proba, truth, np.arange(n, dtype=np.int64) % 5
    )


def ahead(
    given: CurvePoints, *, n_present: tuple[int, int] = (300, 300), n_judged: int = 500
) -> Forecast:
    return look_ahead(
        given,
        n_judged=n_judged,
        n_present=np.array(n_present),
        names=("billing", "refund"),
        source=EvaluationSource.OUT_OF_FOLD,
        seed=1,
    )


def test_a_rising_curve_is_expected_to_rise_on() -> None:
    found = ahead(points([0.7, 0.8, 0.87]))
    assert found.micro_f1 == tuple(sorted(found.micro_f1))
    assert 0 < found.gain.low <= found.gain.value <= found.gain.high
    assert found.needed.low <= found.needed.value
    assert found.needed.value < 100


def test_a_flat_curve_promises_next_to_nothing() -> None:
    found = ahead(points([0.9, 0.9, 0.9]))
    assert found.gain.value < 0.005
    assert found.needed.value is None or found.needed.value > 300


def test_an_interval_from_fewer_documents_is_wider() -> None:
    few, many = ahead(points([0.7, 0.8, 0.83], n=60)), ahead(points([0.7, 0.8, 0.83], n=4000))
    assert few.gain.high - few.gain.low > many.gain.high - many.gain.low


def test_a_label_with_few_positives_gets_no_forecast_of_its_own() -> None:
    found = ahead(points([0.7, 0.8, 0.87]), n_present=(300, ENOUGH_PRESENT - 1))
    billing, refund = found.labels
    assert billing.gain.value is not None
    assert refund.gain.value is None
    assert refund.n_present == ENOUGH_PRESENT - 1


def test_without_a_positive_everything_is_undefined() -> None:
    found = ahead(points([0.7, 0.8, 0.9], present=0.0), n_present=(0, 0))
    assert found.micro_f1 == (None, None, None)
    assert (found.gain.value, found.needed.value) == (None, None)


def test_the_first_row_of_scores_is_what_was_measured() -> None:
    given = points([1.0, 1.0, 1.0])
    scores = curve_scores(given, seed=1, n_resamples=3)
    assert scores.shape == (4, 3, 3)
    np.testing.assert_allclose(scores[0], 1.0)


def test_documents_seen_in_training_are_not_measured_on() -> None:
    given = points([0.7, 0.8, 0.9])
    seen = given.proba.copy()
    seen[:, :, 500:] = np.nan
    hidden = CurvePoints(given.n_trained, seen, given.truth, given.folds)
    first_half = CurvePoints(
        given.n_trained, given.proba[:, :, :500], given.truth[:500], given.folds[:500]
    )
    assert ahead(hidden).n_measured == 500
    np.testing.assert_allclose(curve_scores(hidden, seed=1)[0], curve_scores(first_half, seed=1)[0])


def test_the_same_seed_gives_the_same_forecast_and_json_keeps_it() -> None:
    found = ahead(points([0.7, 0.8, 0.87]))
    assert found == ahead(points([0.7, 0.8, 0.87]))
    assert Forecast.from_json(found.to_json()).to_json() == found.to_json()


@pytest.mark.parametrize(("n", "step"), [(60, 50), (400, 100), (1000, 250)])
def test_the_look_ahead_grows_with_what_is_judged(n: int, step: int) -> None:
    assert worthwhile_step(n) == step


def test_the_curve_that_is_kept_goes_on_past_what_is_judged() -> None:
    found = ahead(points([0.7, 0.8, 0.87]))
    sizes = [point.n for point in found.curve]
    assert sizes[0] == found.n_trained[0]
    assert sizes[-1] == found.n_judged + 2 * found.n_more
    assert {found.n_judged, found.n_judged + found.n_more} <= set(sizes)
    assert sizes == sorted(set(sizes))
    values = [point.f1.value for point in found.curve]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(values))


def test_where_the_curve_leads_lies_between_its_ends_and_agrees_with_the_gain() -> None:
    found = ahead(points([0.7, 0.8, 0.87]))
    now, then = found.after(found.n_judged), found.after(found.n_judged + found.n_more)
    assert then.low <= then.value <= then.high
    assert then.value - now.value == pytest.approx(found.gain.value, abs=0.02)
    assert found.after(found.n_judged + 1).value is None


def test_measured_points_have_intervals_around_them() -> None:
    found = ahead(points([0.7, 0.8, 0.87]))
    for f1, spread in zip(found.micro_f1, found.measured, strict=True):
        assert spread.value == pytest.approx(f1)
        assert spread.low < f1 < spread.high


def test_a_forecast_of_an_earlier_version_is_read_without_its_curve() -> None:
    stored = ahead(points([0.7, 0.8, 0.87])).to_json()
    del stored["curve"], stored["measured"]
    found = Forecast.from_json(stored)
    assert (found.curve, found.measured) == ((), ())
    assert found.after(found.n_judged).value is None
