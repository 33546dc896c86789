"""What the Calibration tab says of made-up faults."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from core.domain import UNJUDGED
from core.evaluation.advice_belief import (
    what_it_suggests_calibration_errors,
    what_it_suggests_methods_compared,
    what_it_suggests_reliability_curves,
)
from core.evaluation.belief import Compared, belief, beliefs_by_label
from core.evaluation.calibration import Temperature
from core.evaluation.recalibration import LabelChoice, Map, Method, Recalibration


def said_and_true(n=2000, *, stretched=1.0, shifted=0.0, seed=1):
    rng = np.random.default_rng(seed)
    logits = rng.normal(-0.5, 1.5, (n, 1))
    truth = (rng.random(logits.shape) < expit(logits)).astype(np.int8)
    return expit(stretched * logits + shifted).astype(np.float32), truth


def suggests(said, truth, *, before=None, name=None):
    earlier = None if before is None else belief(before, truth)
    return what_it_suggests_reliability_curves(Compared(belief(said, truth), earlier), name)


@pytest.mark.parametrize(
    ("spoilt", "expected"),
    [
        ({}, "Probabilities can be believed"),
        ({"stretched": 3.0}, "The model is overconfident"),
        ({"stretched": 0.4}, "The model is underconfident"),
        ({"shifted": 1.5}, "too high nearly everywhere"),
        ({"shifted": -1.5}, "too low nearly everywhere"),
        ({"n": 15}, "too few to tell"),
        ({"n": 60}, "As far as 60 documents can tell"),
    ],
)
def test_each_fault_has_its_own_words(spoilt, expected):
    assert expected in suggests(*said_and_true(**spoilt))


def test_an_overconfident_yes_is_told_with_what_it_claims_and_what_comes_true():
    said = np.repeat([[0.95], [0.05]], 100, axis=0).astype(np.float32)
    truth = np.repeat([1, 0, 1, 0], [60, 40, 40, 60])[:, None].astype(np.int8)

    assert "it claims 95% and is right in 60%" in suggests(said, truth)


def test_many_easy_absent_cells_do_not_hide_an_overconfident_yes():
    said = np.array([[0.95]] * 40 + [[0.001]] * 4000, np.float32)
    truth = np.array([[1]] * 20 + [[0]] * 4020, np.int8)

    assert "it claims 95% and is right in 50%" in suggests(said, truth)


def test_collapsed_and_peaked_probabilities_are_told_apart():
    _, truth = said_and_true(n=300)
    rng = np.random.default_rng(0)
    alike = (0.3 + 0.001 * rng.random((300, 1))).astype(np.float32)
    ordered = (0.12 + 0.02 * truth + 0.001 * rng.random((300, 1))).astype(np.float32)

    assert "has collapsed: nearly all probabilities are 0.30" in suggests(alike, truth)
    told = suggests(ordered, truth)
    assert "peaked" in told
    assert "use the tuned threshold" in told


def test_a_label_is_called_by_its_name():
    assert "“billing” is overconfident" in suggests(*said_and_true(stretched=3.0), name="billing")
    nothing = np.full((5, 1), 0.5, np.float32), np.full((5, 1), UNJUDGED, np.int8)
    assert "“billing” is not judged" in suggests(*nothing, name="billing")


def test_it_says_whether_calibration_helped():
    raw, truth = said_and_true(stretched=3.0)
    mended = Temperature(3.0).apply(raw)

    assert "Calibration helped" in suggests(mended, truth, before=raw)
    assert "did not carry over" in suggests(raw, truth, before=mended)


def test_labels_are_named_by_their_fault_and_the_thin_ones_counted():
    good, truth = said_and_true()
    bad, bad_truth = said_and_true(stretched=3.0, seed=2)
    thin_truth = np.zeros_like(truth)
    beliefs = beliefs_by_label(
        np.hstack([good, bad, good]), np.hstack([truth, bad_truth, thin_truth])
    )
    told = what_it_suggests_calibration_errors(beliefs, ["a", "b", "c"])

    assert told.startswith("“b” is overconfident. Choose one above to see where; the others")
    assert "1 label has too few judgements to tell." in told
    fine = what_it_suggests_calibration_errors(beliefs[:1], ["a"])
    assert fine == "As far as these documents tell, probabilities of one label can be believed."
    assert "No label has judgements enough" in what_it_suggests_calibration_errors(
        beliefs[2:], ["c"]
    )


def choice(method=Method.TEMPERATURE, **losses):
    return LabelChoice(Map(method), losses, "because")


def test_ways_are_counted_and_the_temperature_put_in_words():
    found = Recalibration(
        Temperature(1.8),
        (
            choice(),
            choice(temperature=0.4, platt=0.4),
            choice(Method.PLATT, temperature=0.5, platt=0.4),
            choice(Method.ISOTONIC, temperature=0.5, isotonic=0.4),
        ),
    )
    told = what_it_suggests_methods_compared(found, list("abcd"))

    assert told.startswith("2 labels of 4 have a way of their own (1 Platt, 1 isotonic, which may")
    assert "for 1 no way of their own is clearly better" in told
    assert "1 has too few judgements" in told
    assert "1.80: before, the model was surer than it was right" in told


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (Temperature(1.0, "5 judged documents are too few."), "Nothing is calibrated: 5 judged"),
        (Temperature(1.02), "about as sure as it was right"),
        (Temperature(0.6), "less sure than it was right"),
    ],
)
def test_the_one_temperature_of_earlier_rounds_is_put_in_words(temperature, expected):
    assert expected in what_it_suggests_methods_compared(Recalibration(temperature), ["a"])
