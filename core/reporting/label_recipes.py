"""The figures of single labels: of those that were named, else of the weakest that can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import plotly.graph_objects as go

from core.charts import figures as charts
from core.charts.label_curves import colour_of, colours_of
from core.charts.labels import worst_first
from core.charts.sweeps import label_sweep
from core.evaluation import advice
from core.evaluation.advice_thresholds import what_it_suggests_label_sweep
from core.evaluation.belief import compared
from core.evaluation.roc import roc_auc, roc_curve_points
from core.evaluation.thresholds import sweep_label
from core.evaluation.wording import FEW_POSITIVES, measured_on
from core.reporting.figures import Recipe
from core.reporting.material import Material
from core.reporting.sections import LABELS

WEAKEST = 6  # labels drawn where none are named; all stand in the tables
Draw = Callable[[Material], go.Figure]
Say = Callable[[Material], str]


def labels_drawn(material: Material) -> list[int]:
    """Positions of the labels with figures of their own."""
    if material.chosen:
        return list(range(len(material.outputs.names)))
    scores = material.evaluation.labels
    ranked = worst_first(material.evaluation)
    return [i for i in ranked if scores[i].support >= FEW_POSITIVES][:WEAKEST]


def of_single_labels(material: Material) -> Iterator[Recipe]:
    """Every figure of each label that is drawn; they stand in files of their own alone."""
    for label in labels_drawn(material):
        yield _precision_recall(material, label)
        yield _roc(material, label)
        yield _reliability(material, label)
        yield _probabilities(material, label)
        if not material.outputs.exclusive:
            yield _sweep(material, label)


def _recipe(
    material: Material,
    label: int,
    what: tuple[str, str],
    *,
    draw: Draw,
    how: Callable[[], str],
    suggests: Say,
) -> Recipe:
    name, title = what
    return Recipe(
        name=f"label-{material.files[label]}-{name}",
        title=f"{material.outputs.names[label]}: {title}",
        section=LABELS,
        draw=draw,
        how=how,
        suggests=suggests,
        measured=lambda m: measured_on(m.evaluation, label),
        in_page=lambda m: False,
    )


def _colour(material: Material, label: int) -> str:
    return colour_of(material.outputs.names[label], label, colours_of(material.outputs))


def _precision_recall(material: Material, label: int) -> Recipe:
    exclusive = material.outputs.exclusive

    def draw(m: Material) -> go.Figure:
        return charts.precision_recall_curve(
            m.evaluation.curves[label],
            m.evaluation.labels[label],
            colour=_colour(m, label),
            threshold=None if exclusive else float(m.outputs.thresholds[label]),
        )

    return _recipe(
        material,
        label,
        ("precision_recall", "precision against recall"),
        draw=draw,
        how=advice.how_to_read_precision_recall_curve,
        suggests=lambda m: advice.what_it_suggests_precision_recall_curve(
            m.evaluation.labels[label], m.evaluation.curves[label], exclusive=exclusive
        ),
    )


def _roc(material: Material, label: int) -> Recipe:
    def area(m: Material) -> float | None:
        return roc_auc(m.outputs.proba, m.outputs.truth, label)

    return _recipe(
        material,
        label,
        ("roc", "true against false positives"),
        draw=lambda m: charts.roc_curve(
            roc_curve_points(m.outputs.proba, m.outputs.truth, label),
            m.evaluation.labels[label],
            auc=area(m),
            colour=_colour(m, label),
        ),
        how=advice.how_to_read_roc_curve,
        suggests=lambda m: advice.what_it_suggests_roc_curve(m.evaluation.labels[label], area(m)),
    )


def _reliability(material: Material, label: int) -> Recipe:
    name = material.outputs.names[label]
    return _recipe(
        material,
        label,
        ("reliability", "reliability"),
        draw=lambda m: charts.reliability_curves(
            compared(m.outputs, label), name=name, colour=_colour(m, label)
        ),
        how=advice.how_to_read_reliability_curves,
        suggests=lambda m: advice.what_it_suggests_reliability_curves(
            compared(m.outputs, label), name
        ),
    )


def _probabilities(material: Material, label: int) -> Recipe:
    return _recipe(
        material,
        label,
        ("probabilities", "probabilities of what was judged"),
        draw=lambda m: charts.probability_histograms(m.evaluation, label),
        how=advice.how_to_read_probability_histograms,
        suggests=lambda m: advice.what_it_suggests_probability_histograms(m.evaluation, label),
    )


def _sweep(material: Material, label: int) -> Recipe:
    def suggests(m: Material) -> str:
        scores = m.evaluation.labels[label]
        low, high = scores.f1_interval or (0.0, 1.0)
        return what_it_suggests_label_sweep(
            sweep_label(m.outputs.proba, m.outputs.truth, label),
            name=scores.name,
            n_present=scores.support,
            threshold=float(m.outputs.thresholds[label]),
            doubt=(high - low) / 2,
        )

    return _recipe(
        material,
        label,
        ("threshold_sweep", "threshold sweep"),
        draw=lambda m: label_sweep(m.outputs, label),
        how=advice.how_to_read_threshold_sweep,
        suggests=suggests,
    )
