"""Which figures a report has, in its order: charts of `core.charts`, sentences of the advice."""

from __future__ import annotations

from core.charts import figures as charts
from core.charts.pairs import Which
from core.evaluation import advice
from core.evaluation.cooccurrence import PairMeasure
from core.reporting.figures import Recipe
from core.reporting.material import Material

THRESHOLDS, CALIBRATION, LABELS, TOGETHER, TRAINING = (
    "Thresholds",
    "Calibration",
    "Labels",
    "Together",
    "Training",
)
PAIR_TITLES: dict[Which, str] = {
    "judged": "Judged together",
    "predicted": "Predicted together",
    "difference": "Difference: predicted minus judged",
}


def _has_thresholds(material: Material) -> bool:
    return not material.outputs.exclusive


def _has_pairs(material: Material) -> bool:
    return not material.outputs.exclusive and len(material.outputs.names) > 1


def _has_epochs(material: Material) -> bool:
    return bool(material.outputs.about.get("history"))


def _together(which: Which, measure: PairMeasure) -> Recipe:
    told = "" if measure is PairMeasure.COUNT else ", as a share of the row's label"
    return Recipe(
        name=f"cooccurrence_{which}" + ("" if measure is PairMeasure.COUNT else "_share"),
        title=PAIR_TITLES[which] + told,
        section=TOGETHER,
        draw=lambda m: charts.cooccurrence_heatmap(m.evaluation, which, measure),
        how=advice.how_to_read_cooccurrence_heatmap,
        suggests=lambda m: advice.what_it_suggests_cooccurrence_heatmap(m.evaluation),
        fits=_has_pairs,
    )


RECIPES = (
    Recipe(
        "threshold_sweep",
        "Threshold sweep",
        THRESHOLDS,
        draw=lambda m: charts.threshold_sweep(m.evaluation),
        how=advice.how_to_read_threshold_sweep,
        suggests=lambda m: advice.what_it_suggests_threshold_sweep(m.evaluation),
        fits=_has_thresholds,
    ),
    Recipe(
        "reliability",
        "Reliability",
        CALIBRATION,
        draw=lambda m: charts.reliability_diagram(m.evaluation),
        how=advice.how_to_read_reliability_diagram,
        suggests=lambda m: advice.what_it_suggests_reliability_diagram(m.evaluation),
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
        draw=lambda m: charts.per_label_bars(m.evaluation),
        how=advice.how_to_read_per_label_bars,
        suggests=lambda m: advice.what_it_suggests_per_label_bars(m.evaluation),
    ),
    Recipe(
        "precision_recall",
        "Precision and recall by label",
        LABELS,
        draw=lambda m: charts.precision_recall_curves(m.evaluation),
        how=advice.how_to_read_precision_recall_curves,
        suggests=lambda m: advice.what_it_suggests_precision_recall_curves(m.evaluation),
    ),
    _together("judged", PairMeasure.COUNT),
    _together("predicted", PairMeasure.COUNT),
    _together("difference", PairMeasure.COUNT),
    _together("judged", PairMeasure.CONDITIONAL),
    _together("predicted", PairMeasure.CONDITIONAL),
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


def recipes_for(material: Material) -> tuple[Recipe, ...]:
    """The figures that make sense for this material."""
    return tuple(recipe for recipe in RECIPES if recipe.fits(material))
