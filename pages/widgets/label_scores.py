"""The table of per-label scores, and choosing which labels to look at."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.evaluation.report import Evaluation


def draw_scores_table(evaluation: Evaluation) -> None:
    """The numbers behind the bars; an empty cell is undefined."""
    rows = [
        {
            "Label": scores.name,
            "Judged present": scores.support,
            "Judged": scores.n_judged,
            "Predicted": scores.n_predicted,
            "Precision": scores.precision,
            "Recall": scores.recall,
            "F1": scores.f1,
            "F1, 95 %": _between(scores.f1_interval),
            "Average precision": scores.average_precision,
        }
        for scores in evaluation.labels
    ]
    with st.expander("The numbers as a table"):
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="%.2f")
                for name in ("Precision", "Recall", "F1", "Average precision")
            },
        )
        st.caption(
            "An empty cell is undefined: no prediction to be right, or no positive to be found."
        )


def _between(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.2f} to {ends[1]:.2f}"


def draw_label_chooser(evaluation: Evaluation) -> list[str]:
    """Labels whose curves to draw; none chosen means the weakest eight in colour."""
    return st.multiselect(
        "Labels to draw", evaluation.names, key="curves", placeholder="The weakest in colour"
    )
