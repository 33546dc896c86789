"""The parts of a report, and which table stands in which."""

from __future__ import annotations

THRESHOLDS, CALIBRATION, LABELS, TOGETHER, TRAINING, FOLDS, ERRORS = (
    "Thresholds",
    "Calibration",
    "Labels",
    "Together",
    "Training",
    "Folds",
    "Errors",
)
OF_TABLES = {
    "thresholds": THRESHOLDS,
    "threshold_sweep": THRESHOLDS,
    "calibration": CALIBRATION,
    "reliability_bins": CALIBRATION,
    "classification_report": LABELS,
    "confusion_matrices": LABELS,
    "confusion_between_labels": LABELS,
    "cooccurrence": TOGETHER,
    "per_fold": FOLDS,
    "errors": ERRORS,
    "over_represented_words": ERRORS,
}
