"""An evaluation in the few figures that lists and cards show."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.evaluation.report import Evaluation
from core.evaluation.summary import Estimate
from core.evaluation.weighted import WeightedSummary


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """Scores with the ends of their intervals, by name; None is undefined."""
    summary = evaluation.summary
    ece = evaluation.calibration.ece
    return {
        "source": str(evaluation.source),
        "n_documents": evaluation.n_documents,
        **_estimate("micro_f1", summary.micro_f1),
        **_estimate("macro_f1", summary.macro_f1),
        **_estimate("precision", summary.precision),
        **_estimate("recall", summary.recall),
        "ece": None if np.isnan(ece) else round(ece, 6),
        "weighted": _weighted(evaluation.weighted),
    }


def _weighted(summary: WeightedSummary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {
        **_estimate("micro_f1", summary.micro_f1),
        **_estimate("macro_f1", summary.macro_f1),
        "n_effective": summary.n_effective,
        "n_weighted": summary.n_weighted,
    }


def _estimate(name: str, estimate: Estimate) -> dict[str, float | None]:
    values = {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {key: None if value is None else round(value, 6) for key, value in values.items()}
