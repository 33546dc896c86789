"""The table of per-label scores: it sorts, filters, and opens the label that is chosen in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.evaluation.advice_labels import best_on_curve
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.report import Evaluation
from core.evaluation.roc import roc_aucs
from core.evaluation.troubles import is_failing, is_measurable, what_stands_out
from core.evaluation.wording import FEW_POSITIVES
from pages.widgets.dashboard.view import View
from pages.widgets.text import counted

HEIGHT_PX = 420
SHOWN = 11  # rows that fit into it
SCORES = ("F1", "Precision", "Recall", "Average precision", "ROC AUC", "Threshold")


@dataclass(frozen=True)
class Filter:
    """Which labels the table shows."""

    text: str = ""
    failing_only: bool = False
    min_support: int = 0

    def shows(self, evaluation: Evaluation, position: int) -> bool:
        """Whether a label is shown."""
        scores = evaluation.labels[position]
        return (
            self.text.casefold() in scores.name.casefold()
            and (not self.failing_only or is_failing(scores))
            and scores.support >= self.min_support
        )


def draw_scores_table(
    view: View, order: Sequence[int], *, on_choose: Callable[[str | None], None]
) -> None:
    """All labels in this order; choosing a row hands the label's name over, or None."""
    evaluation = view.evaluation
    chosen, with_roc = _draw_filter(view)
    shown = [i for i in order if chosen.shows(evaluation, i)]
    st.caption(_how_many(evaluation, shown))
    if not shown:
        return
    table = _table(view, shown, with_roc=with_roc)
    # a row is remembered by its place, so every choice of rows is a table of its own
    key = f"label_rows_{view.round_.id}_{chosen.text}_{chosen.failing_only}_{chosen.min_support}"

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        on_choose(evaluation.names[shown[rows[0]]] if rows else None)

    st.dataframe(
        table,
        key=key,
        hide_index=True,
        height=HEIGHT_PX if len(shown) > SHOWN else "auto",
        on_select=choose,
        selection_mode="single-row",
        placeholder="–",
        column_config=_columns(),
        alt="Scores of every label",
    )
    st.caption(
        "Choose a row to open its label; click a column's head to sort by it. A dash is undefined: "
        "no prediction to be right, or no positive to be found."
    )


def _draw_filter(view: View) -> tuple[Filter, bool]:
    most = max(view.evaluation.positives, default=0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Labels with", key="labels_with", placeholder="part of a name", width=220
        )
        at_least = st.number_input(
            "Positives at least", 0, max(most, 1), key="labels_support", step=5, width=160
        )
        failing_only = st.toggle(
            "Failing only",
            key="labels_failing",
            help=f"F1 below 0.5, of labels with {FEW_POSITIVES} positives or more.",
        )
        with_roc = st.toggle(
            "ROC area",
            key="labels_roc",
            disabled=view.outputs() is None,
            help="How often a document with the label is ranked above one without it.",
        )
    return Filter((text or "").strip(), failing_only, int(at_least)), with_roc


def _how_many(evaluation: Evaluation, shown: Sequence[int]) -> str:
    n = len(evaluation.names)
    n_failing = sum(is_failing(scores) for scores in evaluation.labels)
    n_unknown = sum(not is_measurable(scores) for scores in evaluation.labels)
    told = counted(n, "label") if len(shown) == n else f"{len(shown):,} of {counted(n, 'label')}"
    failing = f"{n_failing:,} failing" if n_failing else "none failing"
    unknown = f", {n_unknown:,} with too few positives to tell" if n_unknown else ""
    return f"{told}; {failing}{unknown}."


def _table(view: View, shown: Sequence[int], *, with_roc: bool) -> pd.DataFrame:
    evaluation, outputs = view.evaluation, view.outputs()
    areas = _areas(outputs, str(view.folder)) if with_roc and outputs is not None else None
    rows = []
    for i in shown:
        scores, curve = evaluation.labels[i], evaluation.curves[i]
        row = {
            "Label": scores.name,
            "What stands out": what_stands_out(
                scores,
                better=best_on_curve(curve) if curve.recall.size else None,
                exclusive=view.round_.is_exclusive,
            ),
            "F1": scores.f1,
            "F1, 95 %": _between(scores.f1_interval),
            "Precision": scores.precision,
            "Recall": scores.recall,
            "Average precision": scores.average_precision,
            "Judged present": scores.support,
            "Predicted": scores.n_predicted,
            "Judged": scores.n_judged,
        }
        if areas is not None:
            row["ROC AUC"] = areas[i]
        if not view.round_.is_exclusive:
            row["Threshold"] = (
                float(outputs.thresholds[i]) if outputs is not None else evaluation.threshold
            )
        rows.append(row)
    table = pd.DataFrame(rows)
    numbers = [name for name in SCORES if name in table]
    return table.astype(dict.fromkeys(numbers, "float64"))


@st.cache_resource(max_entries=8, show_spinner=False)
def _areas(_outputs: EvaluationOutputs, folder: str) -> list[float | None]:
    return roc_aucs(_outputs.proba, _outputs.truth)


def _columns() -> dict[str, object]:
    return {
        "Label": st.column_config.TextColumn(pinned=True),
        "What stands out": st.column_config.TextColumn(width=330),
        **{name: st.column_config.NumberColumn(format="%.2f") for name in SCORES},
    }


def _between(ends: tuple[float, float] | None) -> str | None:
    return None if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"
