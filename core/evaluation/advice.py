"""Two sentences beside each chart: how to read it, and what this one suggests doing.

The first kind is written here; the second is chosen by rules on the numbers,
in the modules this one gathers.
"""

from __future__ import annotations

from core.evaluation.advice_belief import (
    how_to_read_calibration_errors,
    how_to_read_methods_compared,
    how_to_read_reliability_curves,
    what_it_suggests_calibration_errors,
    what_it_suggests_methods_compared,
    what_it_suggests_reliability_curves,
)
from core.evaluation.advice_calibration import what_it_suggests_reliability_diagram
from core.evaluation.advice_epochs import (
    how_to_read_loss_by_epoch,
    what_it_suggests_loss_by_epoch,
)
from core.evaluation.advice_histograms import what_it_suggests_probability_histograms
from core.evaluation.advice_history import (
    how_to_read_f1_by_round,
    how_to_read_label_lines,
    how_to_read_label_strip,
    how_to_read_learning_curve,
    how_to_read_speed_by_day,
    what_it_suggests_f1_by_round,
    what_it_suggests_label_lines,
    what_it_suggests_label_strip,
    what_it_suggests_learning_curve,
    what_it_suggests_speed_by_day,
)
from core.evaluation.advice_labels import (
    what_it_suggests_per_label_bars,
    what_it_suggests_precision_recall_curves,
)
from core.evaluation.advice_one_label import (
    how_to_read_precision_recall_curve,
    how_to_read_roc_curve,
    what_it_suggests_precision_recall_curve,
    what_it_suggests_roc_curve,
)
from core.evaluation.advice_pairs import (
    how_to_read_companion_bars,
    how_to_read_cooccurrence_heatmap,
    what_it_suggests_companion_bars,
    what_it_suggests_cooccurrence_heatmap,
)
from core.evaluation.advice_thresholds import what_it_suggests_threshold_sweep

__all__ = [
    "how_to_read_calibration_errors",
    "how_to_read_companion_bars",
    "how_to_read_cooccurrence_heatmap",
    "how_to_read_f1_by_round",
    "how_to_read_label_lines",
    "how_to_read_label_strip",
    "how_to_read_learning_curve",
    "how_to_read_loss_by_epoch",
    "how_to_read_methods_compared",
    "how_to_read_per_label_bars",
    "how_to_read_precision_recall_curve",
    "how_to_read_precision_recall_curves",
    "how_to_read_probability_histograms",
    "how_to_read_reliability_curves",
    "how_to_read_reliability_diagram",
    "how_to_read_roc_curve",
    "how_to_read_speed_by_day",
    "how_to_read_threshold_sweep",
    "what_it_suggests_calibration_errors",
    "what_it_suggests_companion_bars",
    "what_it_suggests_cooccurrence_heatmap",
    "what_it_suggests_f1_by_round",
    "what_it_suggests_label_lines",
    "what_it_suggests_label_strip",
    "what_it_suggests_learning_curve",
    "what_it_suggests_loss_by_epoch",
    "what_it_suggests_methods_compared",
    "what_it_suggests_per_label_bars",
    "what_it_suggests_precision_recall_curve",
    "what_it_suggests_precision_recall_curves",
    "what_it_suggests_probability_histograms",
    "what_it_suggests_reliability_curves",
    "what_it_suggests_reliability_diagram",
    "what_it_suggests_roc_curve",
    "what_it_suggests_speed_by_day",
    "what_it_suggests_threshold_sweep",
]


def how_to_read_threshold_sweep() -> str:
    """How to read `threshold_sweep`."""
    return (
        "A label is predicted when its probability reaches the threshold; further right, fewer "
        "labels are predicted, so precision tends to rise and recall falls. The dashed line is "
        "the threshold in force, the star the best F1 on these documents."
    )


def how_to_read_reliability_diagram() -> str:
    """How to read `reliability_diagram`."""
    return (
        "Each point gathers judgements given about the same probability: on the diagonal, labels "
        "predicted at 0.7 are present seven times in ten; below it they are rarer than "
        "claimed, above it more frequent. The bars below count judgements; points over short bars "
        "mean little."
    )


def how_to_read_per_label_bars() -> str:
    """How to read `per_label_bars`."""
    return (
        "Precision is the share of a label's predictions that are right, recall the share of its "
        "documents that are found, F1 their harmonic mean; the number beside a name says how many "
        "documents were judged to have it. Whiskers are 95 % intervals: labels whose whiskers "
        "overlap widely cannot be told apart yet."
    )


def how_to_read_precision_recall_curves() -> str:
    """How to read `precision_recall_curves`."""
    return (
        "Each curve shows what precision a label would have at each recall, over all thresholds; "
        "the nearer to the top right corner, the better the label is ranked. A dot is where a "
        "label is cut now."
    )


def how_to_read_probability_histograms() -> str:
    """How to read `probability_histograms`."""
    return (
        "Probabilities of labels judged present are drawn upwards, of labels judged absent "
        "downwards, each as a share of its own kind; where both have mass, the model cannot tell "
        "them apart."
    )
