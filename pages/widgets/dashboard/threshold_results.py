"""What thresholds give on the measured documents: all labels together, and label by label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.advice_thresholds import what_it_suggests_choice
from core.evaluation.counts import Mask, masked_truth, usable_cells
from core.evaluation.operating_points import ENOUGH_PER_STATE, Aim, Goal
from core.evaluation.summary import Estimate
from core.evaluation.thresholds import label_scores
from core.evaluation.trying import Given
from pages.widgets.dashboard.threshold_desk import Desk, Draft
from pages.widgets.dashboard.threshold_words import served_in_words
from pages.widgets.text import counted, escaped

ROW_PX, MOST_ROWS = 35, 12
DASH = "\u2060–\u2060"  # lines break beside it, not at it


def draw_results(desk: Desk, draft: Draft, aim: Aim) -> None:
    """A small table: what is in force beside what is on the desk."""
    now, now_is_honest = desk.predictions(desk.in_force)
    columns = [("In force", desk.given(now, aim))]
    is_honest = now_is_honest
    if not desk.is_as_in_force(draft):
        predicted, draft_is_honest = desk.predictions(draft)
        columns.append(("Chosen", desk.given(predicted, aim)))
        is_honest = is_honest and draft_is_honest
    st.markdown(_table(columns, aim))
    about_cost = " Cost is per 100 documents." if aim.goal is Goal.COST else ""
    st.caption(_honesty(desk, is_honest=is_honest) + about_cost)
    if draft.aim is not None and len(columns) == 2:
        st.markdown(f":material/lightbulb: {escaped(_suggestion(desk, draft.aim))}")


def _suggestion(desk: Desk, aim: Aim) -> str:
    gained, over_shared = desk.gains(aim)
    return what_it_suggests_choice(
        desk.trial(aim), gained, names=desk.outputs.names, over_shared=over_shared
    )


def _table(columns: list[tuple[str, Given]], aim: Aim) -> str:
    rows = [
        ("Precision", "precision"),
        ("Recall", "recall"),
        ("Micro‑F1", "micro_f1"),
        ("Macro‑F1", "macro_f1"),
    ]
    if aim.goal in (Goal.F_BETA, Goal.COST):
        rows.append((served_in_words(aim), "served"))
    lines = [
        f"| | {' | '.join(title for title, _ in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    for title, name in rows:
        cells = [_cell(getattr(one, name), is_cost=title == "Cost") for _, one in columns]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(estimate: Estimate, *, is_cost: bool) -> str:
    if estimate.value is None:
        return "undefined"
    form = ".1f" if is_cost else ".2f"
    told = f"**{estimate.value:{form}}**"
    if estimate.low is None or estimate.high is None:
        return told
    return f"{told} {estimate.low:{form}}{DASH}{estimate.high:{form}}"


def _honesty(desk: Desk, *, is_honest: bool) -> str:
    usable = usable_cells(desk.outputs.proba, desk.outputs.truth).any(axis=1)
    n = counted(int(usable.sum()), "document")
    if desk.is_apart:
        return (
            f"Measured on {n} of the audit set, which chose none of these thresholds. Ranges are "
            "95 % intervals."
        )
    if is_honest:
        return (
            f"Measured on {n}, each cut by thresholds that were chosen on the others. Ranges are "
            "95 % intervals."
        )
    return (
        f"Measured on {n}. A point that is moved by hand is moved while looking at these very "
        "documents, so its figures flatter it a little. Ranges are 95 % intervals."
    )


def draw_table(desk: Desk, draft: Draft) -> None:
    """Every label with its threshold, and what it gives."""
    predicted, _ = desk.predictions(draft)
    table = label_table(desk, draft, predicted)
    n_own = int((table["Has"] == "its own").sum())
    st.markdown("#### Label by label")
    st.dataframe(
        table,
        hide_index=True,
        height=ROW_PX * (min(len(table), MOST_ROWS) + 1) + 3,
        key=f"threshold_table_{desk.view.round_.id}",
        placeholder="–",
        column_config={
            "Label": st.column_config.TextColumn(pinned=True, width="medium"),
            "Threshold": st.column_config.NumberColumn(format="%.2f"),
            "Present": st.column_config.NumberColumn(
                "Judged present", help="Documents of these that were judged to have it."
            ),
            "Has": st.column_config.TextColumn("Whose threshold"),
            **{
                name: st.column_config.NumberColumn(format="%.2f")
                for name in ("Precision", "Recall", "F1")
            },
        },
    )
    st.caption(
        f"{n_own} of {len(table)} labels have a threshold of their own. A label gets one by an aim "
        f"from {ENOUGH_PER_STATE} present and {ENOUGH_PER_STATE} absent judgements on. "
        "A dash is undefined. Click a column's name to sort."
    )


def label_table(desk: Desk, draft: Draft, predicted: Mask) -> pd.DataFrame:
    """One row per label, in the schema's order."""
    outputs = desk.outputs
    cuts = desk.array(draft)
    scores = label_scores(predicted, masked_truth(outputs.proba, outputs.truth), cuts)
    return pd.DataFrame(
        {
            "Label": outputs.names,
            "Threshold": np.round(cuts, 4),
            "Has": ["its own" if id_ in draft.own else "shared" for id_ in outputs.label_ids],
            "Present": scores.support,
            "Precision": scores.precision,
            "Recall": scores.recall,
            "F1": scores.f1,
        }
    )
