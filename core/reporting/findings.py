"""Tables of what single documents, thresholds, probabilities and pairs show."""

from __future__ import annotations

from core.domain import PRESENT, Proba, Truth
from core.evaluation.calibration import (
    brier,
    expected_calibration_error,
    log_loss,
    reliability,
)
from core.evaluation.cooccurrence import list_pairs
from core.evaluation.errors import find_errors
from core.evaluation.wording import FEW_POSITIVES
from core.reporting.material import Material
from core.reporting.tables import Cell, Table

TEXT_SHOWN = 300  # characters
ERROR_COLUMNS = ("document", "label", "judged", "probability", "threshold", "confidence")
PAIR_COLUMNS = (
    *("label", "with", "judged_together", "predicted_together", "both_judged"),
    *("lift_judged", "phi_judged", "phi_predicted"),
)
ALL_LABELS = "(all labels)"


def errors(material: Material) -> Table:
    """Every wrong cell, the ones that the model was surest of first."""
    outputs, texts = material.outputs, material.texts
    rows: list[tuple[Cell, ...]] = []
    found = find_errors(outputs)
    for row, label, confidence in zip(found.rows, found.labels, found.confidence, strict=True):
        told: tuple[Cell, ...] = (
            material.document(row),
            outputs.names[label],
            "present" if material.truth[row, label] == PRESENT else "absent",
            float(outputs.proba[row, label]),
            None if outputs.exclusive else float(outputs.thresholds[label]),
            float(confidence),
        )
        rows.append((*told, texts[row][:TEXT_SHOWN]) if texts else told)
    return Table(
        "errors",
        "Wrong predictions, the surest first",
        (*ERROR_COLUMNS, "text") if texts else ERROR_COLUMNS,
        rows,
        note=_on_errors(material, len(rows)),
    )


def _on_errors(material: Material, n: int) -> str:
    if material.evaluation.n_cells == 0:
        return material.measured_on
    told = "The confidence is the probability that the model gave to its wrong answer."
    if n == 0:
        told = "Every judged cell is predicted as it was judged."
    if not material.with_texts:
        return f"{told} Texts were left out of this report."
    return told if material.outputs.texts else f"{told} These outputs hold no texts."


def thresholds(material: Material) -> Table:
    """The threshold in force of every label, and what it gives."""
    columns = ("label", "threshold", "whose", "predicted", "precision", "recall", "f1")
    if material.outputs.exclusive:
        note = "Exactly one label applies, so the most probable is predicted: no thresholds."
        return Table("thresholds", "Thresholds", columns, (), note=note)
    outputs = material.outputs
    rows: list[tuple[Cell, ...]] = [
        (
            scores.name,
            float(threshold),
            "shared" if threshold == outputs.shared else "its own",
            scores.n_predicted,
            scores.precision,
            scores.recall,
            scores.f1,
        )
        for scores, threshold in zip(material.evaluation.labels, outputs.thresholds, strict=True)
    ]
    note = (
        "Scores are of honest predictions, by thresholds that each document had no part in "
        "choosing; they need not be those of the threshold shown."
        if outputs.predicted is not None
        else ""
    )
    return Table("thresholds", "Thresholds", columns, rows, note=note)


def sweep(material: Material) -> Table:
    """The scores of all labels together at every threshold of a grid."""
    swept = material.evaluation.sweep
    columns = ("threshold", "micro_f1", "macro_f1", "precision", "recall")
    arrays = (getattr(swept, "thresholds" if name == "threshold" else name) for name in columns)
    rows = [tuple(float(value) for value in row) for row in zip(*arrays, strict=True)]
    return Table("threshold_sweep", "Scores by threshold", columns, rows, in_page=False)


def calibration(material: Material) -> Table:
    """How far probabilities can be believed, of all labels together and of each."""
    outputs = material.outputs
    columns = ("label", "judged", "present", "ece", "adaptive_ece", "brier", "log_loss")
    before = tuple(f"{name}_before" for name in columns[3:])
    everything = slice(None)
    parts = [(ALL_LABELS, everything)]
    parts += [(name, slice(i, i + 1)) for i, name in enumerate(outputs.names)]
    rows: list[tuple[Cell, ...]] = []
    for name, part in parts:
        truth, cells = outputs.truth[:, part], material.truth[:, part]
        own = _probabilities(outputs.proba[:, part], truth)
        raw = () if outputs.raw is None else _probabilities(outputs.raw[:, part], truth)
        rows.append((name, int((cells >= 0).sum()), int((cells == PRESENT).sum()), *own, *raw))
    note = (
        f"Figures of labels with fewer than {FEW_POSITIVES} judged present say little. "
        + ("" if outputs.raw is None else "“before” is before calibration.")
    ).strip()
    shown = columns if outputs.raw is None else columns + before
    return Table("calibration", "Calibration", shown, rows, note=note)


def _probabilities(proba: Proba, truth: Truth) -> tuple[float, ...]:
    return (
        expected_calibration_error(reliability(proba, truth)),
        expected_calibration_error(reliability(proba, truth, kind="equal_mass")),
        brier(proba, truth),
        log_loss(proba, truth),
    )


def reliability_bins(material: Material) -> Table:
    """The bins of the reliability diagram, all labels together."""
    binned = material.evaluation.calibration.reliability
    columns = ("from", "to", "judgements", "predicted", "observed", "low", "high")
    arrays = (
        *(binned.bin_lower, binned.bin_upper, binned.count, binned.mean_predicted),
        *(binned.observed, binned.interval_low, binned.interval_high),
    )
    rows = [
        (float(row[0]), float(row[1]), int(row[2]), *(float(value) for value in row[3:]))
        for row in zip(*arrays, strict=True)
    ]
    title = "Predicted and observed by probability"
    return Table("reliability_bins", title, columns, rows, in_page=False)


def pairs(material: Material) -> Table:
    """Every pair of labels that was judged or predicted together, the most surprising first."""
    names, evaluation = material.outputs.names, material.evaluation
    rows: list[tuple[Cell, ...]] = [
        (
            names[pair.first],
            names[pair.second],
            pair.n_judged,
            pair.n_predicted,
            pair.n_both_judged,
            pair.lift_judged,
            pair.phi_judged,
            pair.phi_predicted,
        )
        for pair in list_pairs(evaluation.judged_pairs, evaluation.predicted_pairs)
    ]
    note = "" if rows else "No measured document was judged or predicted to have two labels."
    return Table("cooccurrence", "Labels that go together", PAIR_COLUMNS, rows, note=note)
