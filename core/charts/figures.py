"""Every figure a page can draw, under one roof."""

from core.charts.calibration import calibration_errors, methods_compared, reliability_curves
from core.charts.history import f1_by_round, loss_by_epoch
from core.charts.history_curve import learning_curve
from core.charts.history_labels import label_lines, label_strip
from core.charts.history_speed import speed_by_day
from core.charts.label_curves import precision_recall_curve, precision_recall_curves, roc_curve
from core.charts.labels import per_label_bars
from core.charts.pairs import companion_bars, cooccurrence_heatmap
from core.charts.probabilities import (
    probability_histograms,
    reliability_diagram,
)
from core.charts.sweeps import threshold_sweep

__all__ = [
    "calibration_errors",
    "companion_bars",
    "cooccurrence_heatmap",
    "f1_by_round",
    "label_lines",
    "label_strip",
    "learning_curve",
    "loss_by_epoch",
    "methods_compared",
    "per_label_bars",
    "precision_recall_curve",
    "precision_recall_curves",
    "probability_histograms",
    "reliability_curves",
    "reliability_diagram",
    "roc_curve",
    "speed_by_day",
    "threshold_sweep",
]
