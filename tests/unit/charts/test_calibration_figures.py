"""The Calibration tab's figures by their data, on made-up beliefs of known fault."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from core.charts.calibration import (
    WORST,
    calibration_errors,
    methods_compared,
    reliability_curves,
)
from core.domain import UNJUDGED
from core.evaluation.belief import Compared, Verdict, belief, beliefs_by_label
from core.evaluation.calibration import Temperature
from core.evaluation.recalibration import LabelChoice, Map, Method, Recalibration


def said_and_true(n=400, n_labels=1, *, stretched=1.0, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, (n, n_labels))
    truth = (rng.random(logits.shape) < expit(logits)).astype(np.int8)
    return expit(stretched * logits).astype(np.float32), truth


def named(figure, beginning):
    return next(trace for trace in figure.data if (trace.name or "").startswith(beginning))


def sentence(figure) -> str:
    assert len(figure.data) == 0
    return figure.layout.annotations[0].text.replace("<br>", " ")


def test_before_and_after_are_overlaid_and_every_mark_knows_its_bin():
    raw, truth = said_and_true(stretched=3.0)
    found = Compared(belief(Temperature(3.0).apply(raw), truth), belief(raw, truth))
    figure = reliability_curves(found, name="billing", colour="#123456")
    before, after = named(figure, "before"), named(figure, "after")

    assert f"{found.before.ece:.3f}" in before.name
    assert (before.line.dash, after.line.dash) == ("dash", "solid")
    assert after.line.color == "#123456"
    np.testing.assert_allclose([bin_[3] for bin_ in before.customdata], 1)
    np.testing.assert_allclose([bin_[3] for bin_ in after.customdata], 0)
    filled = found.after.binned.count > 0
    np.testing.assert_allclose(
        [bin_[:3] for bin_ in after.customdata],
        np.stack(
            [
                found.after.binned.bin_lower,
                found.after.binned.bin_upper,
                found.after.binned.count,
            ],
            axis=1,
        )[filled],
    )
    bars = named(figure, "judgements")
    assert [list(bin_) for bin_ in bars.customdata] == [list(bin_) for bin_ in after.customdata]


def test_without_a_before_there_is_one_curve_called_the_models():
    figure = reliability_curves(Compared(belief(*said_and_true()), None))

    assert [trace.name.split(" (")[0] for trace in figure.data] == ["exact", "model", "judgements"]


def test_bins_equally_full_are_wide_enough_to_be_clicked():
    rare = np.full((400, 1), 0.001, np.float32) + np.arange(400)[:, None] / 1e6
    truth = (np.arange(400) % 40 == 0).astype(np.int8)[:, None]
    found = belief(rare.astype(np.float32), truth, kind="equal_mass")
    bars = named(reliability_curves(Compared(found, None)), "judgements")

    assert min(bars.width) >= 0.01


@pytest.mark.parametrize(("n_positives", "expected"), [(0, "0 positives"), (4, "4 positives")])
def test_too_few_positives_are_a_sentence_not_a_line(n_positives, expected):
    said, truth = said_and_true(n=100)
    truth[:] = 0
    truth[:n_positives] = 1
    figure = reliability_curves(Compared(belief(said, truth), None), name="<b>x</b>")

    assert expected in sentence(figure)
    assert "<b>" not in sentence(figure)


def test_nothing_judged_is_a_sentence():
    nothing = belief(np.full((3, 1), 0.5, np.float32), np.full((3, 1), UNJUDGED, np.int8))
    assert "Nothing is measured" in sentence(reliability_curves(Compared(nothing, None)))


def test_errors_stand_beside_what_chance_gives_the_accused_first():
    good, truth = said_and_true(n_labels=3)
    bad, bad_truth = said_and_true(stretched=3.0, seed=1)
    beliefs = beliefs_by_label(np.hstack([good, bad]), np.hstack([truth, bad_truth]))
    assert beliefs[3].verdict is Verdict.OVERCONFIDENT
    names, colours = ("a", "b", "c", "bad"), ("#1", "#2", "#3", "#4")
    figure = calibration_errors(beliefs, names, colours=["#00000" + c[1] for c in colours])
    dots, chance = named(figure, "off in some way"), named(figure, "what chance")

    assert figure.layout.yaxis.ticktext[0] == "bad"
    assert dots.y == (0,)
    assert dots.x == (pytest.approx(beliefs[3].ece),)
    assert dots.marker.color == ("#000004",)
    assert list(dots.customdata[0]) == [3, "overconfident", beliefs[3].n_present, 400]
    assert chance.x[0] == pytest.approx(beliefs[3].ece_by_chance)
    assert dots.marker.symbol != named(figure, "believable").marker.symbol


def test_of_many_labels_the_worst_are_drawn_and_the_others_counted():
    said, truth = said_and_true(n=120, n_labels=50)
    truth[:, 45:] = 0
    figure = calibration_errors(beliefs_by_label(said, truth), [f"l{i}" for i in range(50)])

    assert len(figure.layout.yaxis.ticktext) == WORST
    assert "the worst 30 of 45 labels" in figure.layout.xaxis.title.text
    assert "5 have<br>too few judgements" in figure.layout.xaxis.title.text


def test_where_no_label_can_be_told_about_it_is_said():
    said, truth = said_and_true(n=15, n_labels=2)
    assert "judgements enough" in sentence(calibration_errors(beliefs_by_label(said, truth), "ab"))


def choice(method, **losses):
    return LabelChoice(Map(method), losses, "because")


def test_ways_are_drawn_by_what_they_gain_the_one_in_force_filled():
    found = Recalibration(
        Temperature(1.5),
        (
            choice(Method.TEMPERATURE),  # refused
            choice(Method.TEMPERATURE, temperature=0.40, platt=0.41, beta=0.42, isotonic=0.9),
            choice(Method.BETA, temperature=0.50, platt=0.45, beta=0.44),
        ),
    )
    figure = methods_compared(found, ("thin", "shared", "own"))
    platt, beta, isotonic = (named(figure, name) for name in ("Platt", "beta", "isotonic"))

    assert figure.layout.yaxis.ticktext == ("own", "shared")
    assert platt.x == pytest.approx((0.05, -0.01))
    assert beta.marker.symbol == ("diamond", "diamond-open")
    assert platt.marker.symbol == ("circle-open", "circle-open")
    assert isotonic.x[0] >= -0.06  # much worse stands at the edge, and says how much
    assert isotonic.customdata[0][0] == pytest.approx(-0.5)
    assert "1 has<br>too few judgements" in figure.layout.xaxis.title.text


def test_where_every_label_was_refused_it_is_said():
    found = Recalibration(Temperature(1.0), (choice(Method.TEMPERATURE),))
    assert "all keep the temperature" in sentence(methods_compared(found, ("a",)))


def test_300_labels_can_be_sent_to_a_browser():
    said, truth = said_and_true(n=100, n_labels=300)
    names = [f"label {i}" for i in range(300)]
    assert len(calibration_errors(beliefs_by_label(said, truth), names).to_json()) < 100_000
