from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from core.charts import figures
from core.charts.figures import (
    cooccurrence_heatmap,
    f1_by_round,
    loss_by_epoch,
    per_label_bars,
    precision_recall_curves,
    probability_histograms,
    reliability_diagram,
    threshold_sweep,
)
from core.charts.history_speed import speed_by_day
from core.charts.pairs import light_ink_stands_out
from core.errors import NotFound
from core.evaluation.speed import Speed
from core.palette import label_colour


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def sentence(figure) -> str:
    """The sentence of an empty figure."""
    assert len(figure.data) == 0
    return figure.layout.annotations[0].text.replace("<br>", " ")


def a_round(number: int, micro: float | None, source: str = "audit", **more):
    return {
        "number": number,
        "n_judged": 20 * number,
        "micro_f1": micro,
        "macro_f1": None if micro is None else micro / 2,
        "interval": None if micro is None else (micro - 0.1, micro + 0.2),
        "source": source,
        **more,
    }


OF_EVALUATION = [
    threshold_sweep,
    reliability_diagram,
    per_label_bars,
    precision_recall_curves,
    cooccurrence_heatmap,
    probability_histograms,
]


def test_the_sweep_draws_its_four_scores_and_both_thresholds(evaluation):
    drawn = traces(threshold_sweep(evaluation))

    for name, attribute in [
        ("micro-F1", "micro_f1"),
        ("macro-F1", "macro_f1"),
        ("precision", "precision"),
        ("recall", "recall"),
    ]:
        np.testing.assert_array_equal(drawn[name].y, getattr(evaluation.sweep, attribute))
        np.testing.assert_array_equal(drawn[name].x, evaluation.sweep.thresholds)
    best = evaluation.best_threshold
    star = drawn[f"best {best:.2f}"]
    assert star.x[0] == best
    assert star.y[0] == pytest.approx(np.nanmax(evaluation.sweep.micro_f1))
    assert drawn["in force 0.50"].x == (0.5, 0.5)


def test_reliability_leaves_out_empty_bins_and_counts_the_others(drawn):
    figure = reliability_diagram(drawn([[0.12], [0.14], [0.95]], [0, 1, 1]))
    points = next(trace for trace in figure.data if trace.name.startswith("model"))
    bars = traces(figure)["judgements"]

    np.testing.assert_allclose(points.x, [0.13, 0.95], atol=1e-6)
    np.testing.assert_allclose(points.y, [0.5, 1.0])
    np.testing.assert_array_equal(points.customdata, [[0.1, 0.2, 2, 0], [0.9, 1.0, 1, 0]])
    np.testing.assert_array_equal(bars.y, [2, 1])
    assert bars.text == ("2", "1")


def test_reliability_overlays_the_uncalibrated_model(drawn):
    raw = np.array([[0.99], [0.01]], dtype=np.float32)
    figure = reliability_diagram(drawn([[0.9], [0.1]], [1, 0], uncalibrated_proba=raw))

    names = [trace.name for trace in figure.data]
    assert "before calibration (ECE 0.010)" in names
    assert "after calibration (ECE 0.100)" in names


def test_label_bars_show_scores_with_intervals_and_say_why_one_is_missing(evaluation):
    figure = per_label_bars(evaluation)
    drawn = traces(figure)
    billing = evaluation.labels[0]

    np.testing.assert_allclose(drawn["F1"].y, [0, 1])  # spam has no F1
    np.testing.assert_allclose(drawn["F1"].x, [billing.f1, 0.0])
    np.testing.assert_allclose(drawn["precision"].x, [billing.precision, 0.0])  # refund has none
    np.testing.assert_allclose(drawn["recall"].x, [billing.recall, 0.0])
    assert drawn["F1"].error_x.array[0] == pytest.approx(billing.f1_interval[1] - billing.f1)
    reasons = next(t for t in figure.data if t.type == "scatter" and t.mode == "text")
    assert (reasons.y, reasons.text) == ((1, 2), ("never predicted", "never judged present"))
    assert figure.layout.yaxis.range == (2.6, -0.6)  # the first label on top
    assert figure.layout.yaxis.ticktext == ("billing · 3", "refund · 2", "spam · 0")


def test_label_bars_grow_with_the_labels_so_that_rows_stay_readable(evaluation, wide):
    assert per_label_bars(wide).layout.height > 54 * 30
    assert per_label_bars(evaluation).layout.height < 300


def test_a_curve_starts_at_recall_zero_and_keeps_its_labels_colour(evaluation):
    figure = precision_recall_curves(evaluation)
    curve = evaluation.curves[1]
    refund = figure.data[1]

    assert refund.name.startswith("refund")
    assert refund.line.color == label_colour(1)
    np.testing.assert_allclose(refund.x, [0, *curve.recall])
    np.testing.assert_allclose(refund.y, [curve.precision[0], *curve.precision])
    assert not any(trace.name.startswith("spam") for trace in figure.data)  # never present


def test_of_many_curves_the_lowest_are_coloured_and_the_others_stay_in_the_background(wide):
    figure = precision_recall_curves(wide)
    others, *coloured, cuts = figure.data
    lowest = sorted(wide.labels, key=lambda scores: scores.average_precision)[:6]

    assert others.name == "48 others"
    assert np.isnan(others.x).sum() == 48  # a gap after each curve
    assert set(others.text) == {s.name for s in wide.labels} - {s.name for s in lowest}
    assert len(cuts.x) == 6
    assert {trace.name.rsplit(" ", 1)[0] for trace in coloured} == {s.name for s in lowest}
    assert sum(trace.showlegend is not False for trace in figure.data) == 7  # the others are one


def test_only_the_wanted_curves_are_drawn(wide):
    figure = precision_recall_curves(wide, ["label 3", "label 20"])

    *lines, cuts = figure.data
    assert [trace.line.color for trace in lines] == [label_colour(3), label_colour(20)]
    assert cuts.marker.color == (label_colour(3), label_colour(20))
    assert cuts.x == (wide.labels[3].recall, wide.labels[20].recall)
    assert cuts.y == (wide.labels[3].precision, wide.labels[20].precision)


def test_an_unknown_label_is_named(evaluation):
    with pytest.raises(NotFound, match="'sprots'"):
        precision_recall_curves(evaluation, ["sprots"])
    with pytest.raises(NotFound, match="'sprots'"):
        probability_histograms(evaluation, "sprots")


@pytest.mark.parametrize(
    ("which", "measure", "from_billing_to_refund", "from_refund_to_billing"),
    [
        ("judged", "count", 2, 2),
        ("judged", "conditional", 2 / 3, 1.0),
        ("difference", "count", -2, -2),
    ],
)
def test_pairs_are_counted_or_shared_by_row(
    evaluation, which, measure, from_billing_to_refund, from_refund_to_billing
):
    heat = cooccurrence_heatmap(evaluation, which, measure).data[0]

    assert heat.z[0][1] == pytest.approx(from_billing_to_refund)
    assert heat.z[1][0] == pytest.approx(from_refund_to_billing)
    assert np.isnan(np.diag(np.array(heat.z, dtype=float))).all()
    assert heat.zmin == (-heat.zmax if which == "difference" else 0)
    np.testing.assert_array_equal(heat.customdata[0][1], [2, 3, 0, 3])


def test_predicted_pairs_are_the_models(evaluation):
    heat = cooccurrence_heatmap(evaluation, "predicted").data[0]
    assert (heat.z[0][2], heat.z[0][1]) == (1, 0)


def test_numbers_are_written_into_cells_while_they_fit(evaluation, wide):
    texts = [t for trace in cooccurrence_heatmap(evaluation).data[1:] for t in trace.text]

    assert sorted(texts) == ["2", "2"]  # a 0 stays blank
    assert len(cooccurrence_heatmap(wide).data) == 1


@pytest.mark.parametrize(
    ("strength", "dark", "is_light"),
    [
        (0.05, False, False),
        (0.6, False, False),
        (1.0, False, True),
        (-1.0, False, False),
        (0.05, True, True),
        (0.6, True, True),
        (1.0, True, True),
    ],
)
def test_numbers_take_the_ink_that_stands_out_from_their_cell(strength, dark, is_light):
    assert light_ink_stands_out(np.array([strength]), dark=dark).tolist() == [is_light]


def test_a_number_on_a_half_filled_cell_is_dark_on_a_light_page(drawn):
    truth = [[1, 1, 0]] * 5 + [[0, 1, 1]] * 3
    figure = cooccurrence_heatmap(drawn(np.full((8, 3), 0.5), truth), dark=False)
    inks = {text: trace.textfont.color for trace in figure.data[1:] for text in trace.text}
    assert inks == {"5": "white", "3": "#22262B"}


def test_too_many_labels_to_name_leave_no_ticks_behind(drawn):
    many = drawn(np.full((4, 61), 0.9), np.ones((4, 61), dtype=np.int8))
    layout = cooccurrence_heatmap(many).layout
    for axis in (layout.xaxis, layout.yaxis):
        assert (axis.ticks, axis.showticklabels) == ("", False)
    (below,) = layout.annotations
    assert (below.text, below.y, below.yanchor) == ("also has", 0, "top")


def test_a_day_of_judging_is_named_once():
    days = [date(2026, 3, 1), date(2026, 3, 2)]
    speeds = [Speed(day, "anna", 10, 20, 300.0, 0, 12.0) for day in days]
    assert speed_by_day(speeds).layout.xaxis.tickvals == tuple(days)


def test_shares_are_written_as_percentages_and_differences_with_their_sign(evaluation):
    def written(*choice):
        figure = cooccurrence_heatmap(evaluation, *choice)
        return {text for trace in figure.data[1:] for text in trace.text}

    assert written("judged", "conditional") == {"67", "100"}
    assert written("difference", "count") == {"-2", "+1"}


def test_histograms_mirror_present_and_absent_as_shares_of_their_own(evaluation):
    up, down = probability_histograms(evaluation, "billing").data

    assert up.name == "judged present (3)"
    assert down.name == "judged absent (1)"
    assert sum(up.y) == pytest.approx(1)
    assert sum(down.y) == pytest.approx(-1)
    assert up.y[18] == pytest.approx(1 / 3)  # 0.90 lies in the bin from 0.90 to 0.95
    assert down.y[12] == -1.0  # 0.60


def test_histograms_of_all_labels_count_every_cell(evaluation):
    up, down = probability_histograms(evaluation).data
    assert (up.name, down.name) == ("judged present (5)", "judged absent (7)")


def test_loss_is_drawn_above_f1_where_that_was_measured():
    history = [{"epoch": 1, "loss": 0.7, "f1": None}, {"epoch": 2, "loss": 0.4, "f1": 0.6}]
    drawn = traces(loss_by_epoch(history))

    assert drawn["loss"].y == (0.7, 0.4)
    assert drawn["F1"].y == (None, 0.6)
    assert drawn["F1"].x == (1, 2)


def test_the_score_that_training_stops_by_is_drawn_beside_f1():
    history = [
        {"epoch": 1, "loss": 0.7, "f1": 0.5, "score": 0.8},
        {"epoch": 2, "loss": 0.4, "f1": 0.6, "score": None},
    ]
    figure = loss_by_epoch(history)
    drawn = traces(figure)
    assert list(drawn) == ["loss", "F1", "validation score"]
    assert drawn["validation score"].y == (0.8, None)
    assert figure.layout.showlegend
    alone = loss_by_epoch([{"epoch": 1, "loss": 0.7, "score": 0.8}])
    assert alone.layout.yaxis2.title.text == "Validation score"


def test_where_one_label_is_predicted_rounds_are_drawn_by_their_accuracy():
    drawn = traces(f1_by_round([a_round(1, 0.3)], micro_name="accuracy"))
    assert list(drawn) == ["accuracy, audit set", "macro-F1, audit set"]


def test_without_f1_loss_is_drawn_alone():
    assert list(traces(loss_by_epoch([{"epoch": 1, "loss": 0.7, "f1": None}]))) == ["loss"]


def test_rounds_measured_on_different_documents_are_not_joined():
    rounds = [a_round(1, 0.3, "out_of_fold"), a_round(2, 0.4), a_round(3, 0.5)]
    drawn = traces(f1_by_round(rounds))

    assert drawn["micro-F1, out-of-fold"].x == (20,)
    assert drawn["micro-F1, audit set"].x == (40, 60)
    assert drawn["macro-F1, audit set"].y == (0.2, 0.25)
    np.testing.assert_allclose(drawn["micro-F1, audit set"].error_y.arrayminus, [0.1, 0.1])
    told, number = drawn["micro-F1, audit set"].customdata[0]
    assert number == 2
    assert told == (
        "Round 2, 40 documents judged<br>micro-F1 0.40 (0.30 to 0.60), measured on the audit set"
    )


def test_rounds_without_a_score_or_an_interval_are_drawn_without_them():
    drawn = traces(f1_by_round([a_round(1, None), a_round(2, 0.4, interval=(None, None))]))

    assert drawn["micro-F1, audit set"].x == (40,)
    assert drawn["micro-F1, audit set"].error_y.array == (None,)


@pytest.mark.parametrize("figure", OF_EVALUATION)
@pytest.mark.parametrize("shape", [(0, 3), (3, 2), (0, 0)])
def test_with_nothing_judged_a_sentence_stands_where_the_chart_would_be(figure, shape, drawn):
    nothing = drawn(np.full(shape, 0.5), np.full(shape, -1))

    assert len(sentence(figure(nothing))) > 20


@pytest.mark.parametrize("draw", [loss_by_epoch, f1_by_round])
def test_an_empty_history_is_a_sentence(draw):
    assert sentence(draw([])).startswith("No ")


def test_one_label_has_no_pairs(drawn):
    one = drawn([[0.9], [0.1]], [1, 0])
    assert sentence(cooccurrence_heatmap(one)).startswith("Two labels are needed")


def test_a_model_that_pairs_as_people_do_leaves_no_difference(drawn):
    same = drawn([[0.9, 0.9], [0.1, 0.9]], [[1, 1], [0, 1]])
    assert "exactly as people" in sentence(cooccurrence_heatmap(same, "difference"))


@pytest.mark.parametrize("figure", OF_EVALUATION)
def test_every_figure_of_54_labels_can_be_sent_to_a_browser(figure, wide):
    assert len(figure(wide).to_json()) < 1_000_000


@pytest.mark.parametrize("figure", OF_EVALUATION)
def test_a_label_name_cannot_smuggle_markup_into_a_figure(figure, drawn):
    nasty = drawn([[0.9, 0.8], [0.1, 0.7]], [[1, 1], [0, 1]], names=["<b>x</b>", "y"])
    assert "<b>" not in figure(nasty).to_json().replace("\\u003c", "<")


def test_every_figure_has_both_its_sentences():
    from core.evaluation import advice

    for name in figures.__all__:
        assert len(getattr(advice, f"how_to_read_{name}")()) > 60
        assert callable(getattr(advice, f"what_it_suggests_{name}"))


def test_where_one_label_applies_no_threshold_is_drawn(drawn):
    proba, truth = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], [[1, 0], [0, 1], [0, 1]]
    assert len(probability_histograms(drawn(proba, truth)).layout.shapes) == 1
    one = drawn(proba, truth, exclusive=True)
    assert not probability_histograms(one).layout.shapes


def test_one_extreme_pair_of_very_many_does_not_pale_the_others(drawn):
    truth = np.zeros((400, 80), dtype=np.int8)
    truth[:, :2] = 1  # together in all
    for label in range(2, 79):
        truth[label : label + 3, [label, label + 1]] = 1
    heat = cooccurrence_heatmap(drawn(np.full(truth.shape, 0.1), truth)).data[0]
    assert np.nanmax(np.array(heat.z, dtype=float)) == 400
    assert heat.zmax < 400
