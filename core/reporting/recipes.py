"""Which figures a report has, in its order: charts of `core.charts`, sentences of the advice.

The figures of single labels are `label_recipes`.
"""

from __future__ import annotations

from functools import partial

from core.charts import errors as error_charts
from core.charts import figures as charts
from core.charts.label_curves import colours_of
from core.charts.pairs import MOST_NAMED, Which
from core.evaluation import advice, advice_errors
from core.evaluation.belief import compared
from core.evaluation.cooccurrence import PairMeasure, clustered_order
from core.evaluation.errors import (
    errors_by_label,
    errors_by_length,
    find_errors,
    words_in_errors,
)
from core.evaluation.reliability import BinKind
from core.evaluation.thresholds import sweep_interval
from core.reporting.figures import Recipe
from core.reporting.label_recipes import of_single_labels
from core.reporting.material import Material
from core.reporting.sections import CALIBRATION, ERRORS, LABELS, THRESHOLDS, TOGETHER, TRAINING

N_WORDS = 20
PAIR_TITLES: dict[Which, str] = {
    "judged": "Judged together",
    "predicted": "Predicted together",
    "difference": "Difference: predicted minus judged",
}
MEASURE_WORDS = {
    PairMeasure.COUNT: "",
    PairMeasure.CONDITIONAL: ", as a share of the row's label",
    PairMeasure.LIFT: ", lift",
    PairMeasure.PHI: ", correlation (phi)",
}
BIN_WORDS: dict[BinKind, str] = {"equal_width": "", "equal_mass": ", bins equally full"}


def recipes_for(material: Material) -> tuple[Recipe, ...]:
    """The figures that make sense for this material, those of single labels last."""
    overall = (recipe for recipe in RECIPES if recipe.fits(material))
    return (*overall, *of_single_labels(material))


def _has_thresholds(material: Material) -> bool:
    return not material.outputs.exclusive


def _has_several(material: Material) -> bool:
    return len(material.outputs.names) > 1


def _has_pairs(material: Material) -> bool:
    return not material.outputs.exclusive and _has_several(material)


def _is_light(material: Material) -> bool:
    """Whether a page can hold three heatmaps: each weighs with the square of the labels."""
    return len(material.outputs.names) <= MOST_NAMED


def _has_epochs(material: Material) -> bool:
    return bool(material.outputs.about.get("history"))


def _together(which: Which, measure: PairMeasure) -> Recipe:
    is_count = measure is PairMeasure.COUNT
    return Recipe(
        name=f"cooccurrence_{which}" + ("" if is_count else f"_{measure}"),
        title=PAIR_TITLES[which] + MEASURE_WORDS[measure],
        section=TOGETHER,
        draw=lambda m: charts.cooccurrence_heatmap(
            m.evaluation, which, measure, order=clustered_order(m.evaluation.judged_pairs)
        ),
        how=partial(advice.how_to_read_cooccurrence_heatmap, measure),
        suggests=lambda m: advice.what_it_suggests_cooccurrence_heatmap(m.evaluation),
        fits=_has_pairs,
        in_page=lambda m: is_count and (which == "difference" or _is_light(m)),
    )


def _reliability(kind: BinKind) -> Recipe:
    return Recipe(
        name="reliability" if kind == "equal_width" else f"reliability_{kind}",
        title=f"Reliability{BIN_WORDS[kind]}",
        section=CALIBRATION,
        draw=lambda m: charts.reliability_curves(compared(m.outputs, kind=kind)),
        how=advice.how_to_read_reliability_curves,
        suggests=lambda m: advice.what_it_suggests_reliability_curves(
            compared(m.outputs, kind=kind)
        ),
        in_page=lambda m: kind == "equal_width",
    )


RECIPES = (
    Recipe(
        "threshold_sweep",
        "Threshold sweep",
        THRESHOLDS,
        draw=lambda m: charts.threshold_sweep(
            m.evaluation,
            interval=sweep_interval(m.outputs.proba, m.outputs.truth, seed=m.outputs.seed),
        ),
        how=advice.how_to_read_threshold_sweep,
        suggests=lambda m: advice.what_it_suggests_threshold_sweep(m.evaluation),
        fits=_has_thresholds,
    ),
    _reliability("equal_width"),
    _reliability("equal_mass"),
    Recipe(
        "calibration_errors",
        "Calibration error by label",
        CALIBRATION,
        draw=lambda m: charts.calibration_errors(
            m.beliefs, m.outputs.names, colours=m.outputs.colours or None
        ),
        how=advice.how_to_read_calibration_errors,
        suggests=lambda m: advice.what_it_suggests_calibration_errors(m.beliefs, m.outputs.names),
        fits=_has_several,
    ),
    Recipe(
        "probabilities",
        "Probabilities of what was judged",
        CALIBRATION,
        draw=lambda m: charts.probability_histograms(m.evaluation),
        how=advice.how_to_read_probability_histograms,
        suggests=lambda m: advice.what_it_suggests_probability_histograms(m.evaluation),
    ),
    Recipe(
        "labels",
        "Precision, recall and F1 by label",
        LABELS,
        draw=lambda m: charts.per_label_bars(m.evaluation, colours=colours_of(m.outputs)),
        how=advice.how_to_read_per_label_bars,
        suggests=lambda m: advice.what_it_suggests_per_label_bars(
            m.evaluation, exclusive=m.outputs.exclusive
        ),
    ),
    Recipe(
        "precision_recall",
        "Precision against recall",
        LABELS,
        draw=lambda m: charts.precision_recall_curves(m.evaluation, colours=colours_of(m.outputs)),
        how=advice.how_to_read_precision_recall_curves,
        suggests=lambda m: advice.what_it_suggests_precision_recall_curves(m.evaluation),
    ),
    *(_together(which, measure) for measure in PairMeasure for which in PAIR_TITLES),
    Recipe(
        "errors_by_label",
        "Errors by label",
        ERRORS,
        draw=lambda m: error_charts.errors_by_label(
            m.outputs.names, errors_by_label(m.outputs), m.outputs.colours
        ),
        how=advice_errors.how_to_read_errors_by_label,
        suggests=lambda m: advice_errors.what_it_suggests_errors_by_label(
            m.outputs.names, errors_by_label(m.outputs), find_errors(m.outputs)
        ),
    ),
    Recipe(
        "errors_by_length",
        "Errors by length of text",
        ERRORS,
        draw=lambda m: error_charts.errors_by_length(errors_by_length(m.outputs)),
        how=advice_errors.how_to_read_errors_by_length,
        suggests=lambda m: advice_errors.what_it_suggests_errors_by_length(
            errors_by_length(m.outputs)
        ),
        fits=lambda m: bool(m.outputs.texts),
    ),
    Recipe(
        "words_in_errors",
        "Words of documents with an error",
        ERRORS,
        draw=lambda m: error_charts.words_in_errors(words_in_errors(m.outputs, N_WORDS)),
        how=advice_errors.how_to_read_words_in_errors,
        suggests=lambda m: advice_errors.what_it_suggests_words_in_errors(
            words_in_errors(m.outputs, N_WORDS)
        ),
        fits=lambda m: bool(m.texts),
    ),
    Recipe(
        "loss_by_epoch",
        "Loss by epoch",
        TRAINING,
        draw=lambda m: charts.loss_by_epoch(
            m.outputs.about["history"], per="document" if m.outputs.exclusive else "cell"
        ),
        how=advice.how_to_read_loss_by_epoch,
        suggests=lambda m: advice.what_it_suggests_loss_by_epoch(m.outputs.about["history"]),
        fits=_has_epochs,
    ),
)
