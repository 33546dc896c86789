"""Where the model is wrong, which judgements may be, and how judged documents differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core.charts import errors as charts
from core.errors import CorruptArtefact
from core.evaluation import advice_errors as advice
from core.evaluation.advice_errors import Share
from core.evaluation.behind import Outcome, of_outcome
from core.evaluation.errors import (
    Errors,
    errors_by_label,
    errors_by_length,
    errors_with_word,
    find_errors,
    words_in_errors,
)
from core.evaluation.outputs import EvaluationOutputs
from core.evaluation.wording import FEW_POSITIVES, counted, measured_on
from core.services.diagnoses import read_drift
from pages.widgets.chart import draw_chart
from pages.widgets.context import PAGE_FILES, query_of
from pages.widgets.dashboard.view import NO_OUTPUTS, View
from pages.widgets.documents_behind import draw_behind
from pages.widgets.text import escaped

MOST_SHOWN = 200  # errors ranked by confidence; further down the model was hardly sure
N_WORDS = 20
KINDS = {"both": "Both", "missed": "Missed labels", "false": "False alarms"}


def draw(view: View) -> None:
    """Errors first, then what may be wrong with the judgements."""
    drift = _drift(view)
    outputs = view.outputs()
    _draw_doubts(view, drift)
    if outputs is None:
        st.info(NO_OUTPUTS)
    elif not len(outputs):
        st.info("Nothing is measured yet, so there is nothing to be wrong about.")
    else:
        errors = find_errors(outputs)
        _draw_by_label(view, outputs, errors)
        _draw_ranked(view, outputs, errors)
        _draw_by_length(view, outputs, errors)
        _draw_words(view, outputs, errors)
    if drift is not None:
        _draw_drift(outputs, drift)


def _drift(view: View) -> dict[str, Any] | None:
    if view.folder is None:
        return None
    try:
        return read_drift(view.folder)
    except CorruptArtefact as error:
        st.error(str(error))
        return None


def _draw_doubts(view: View, drift: dict[str, Any] | None) -> None:
    """What the round found in the judgements themselves, and where to look at it."""
    for finding in (drift or {}).get("findings", [])[:3]:
        st.warning(escaped(finding["sentence"]), icon=":material/swap_horiz:")
    if drift is None:
        return
    n = int(drift["n_suspects"])
    told = "No judgement is doubtful."
    if n:
        told = (
            f"{counted(n, 'judgement')} contradict what a model that did not see them expects; "
            f"very roughly {drift['expected_wrong']:,.0f} of them are wrong. Hard labels look "
            "like mistakes too, so where labels are hard fewer are."
        )
    if n_rare := int(drift.get("n_rare", 0)):
        told += (
            f" {counted(n_rare, 'present judgement')} of "
            f"{counted(int(drift['n_rare_labels']), 'label')} could not be checked: fewer than "
            f"{FEW_POSITIVES} other documents have the label, too few to learn it from."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/fact_check: {told}")
        st.page_link(
            PAGE_FILES["review"],
            label="Look at them again",
            icon=":material/arrow_forward:",
            query_params=query_of(view.project.id),
        )


def _draw_by_label(view: View, outputs: EvaluationOutputs, errors: Errors) -> None:
    by_label = errors_by_label(outputs)
    n_left = int((by_label.total > 0).sum()) - charts.MOST_LABELS
    title = "Errors by label"
    if n_left > 0:
        title += f": the {charts.MOST_LABELS} with the most, of {n_left + charts.MOST_LABELS}"
    points = draw_chart(
        title,
        charts.errors_by_label(outputs.names, by_label, outputs.colours),
        how=advice.how_to_read_errors_by_label(),
        suggests=advice.what_it_suggests_errors_by_label(outputs.names, by_label, errors),
        key="errors_by_label",
        measured=measured_on(outputs),
        on_select=True,
    )
    for point in points[-1:]:
        outcome = Outcome.FALSE_NEGATIVE if point.trace == 0 else Outcome.FALSE_POSITIVE
        behind = of_outcome(outputs, int(point.customdata), outcome)
        draw_behind(view, behind, key="errors_by_label")


def _draw_ranked(view: View, outputs: EvaluationOutputs, errors: Errors) -> None:
    with st.container(border=True, key="errors_ranked"):
        st.markdown("#### The errors the model was surest of")
        kind = st.segmented_control(
            "Which",
            list(KINDS),
            format_func=KINDS.__getitem__,
            default="both",
            key="errors_kind",
            required=True,
            label_visibility="collapsed",
        )
        keep = np.ones(len(errors), dtype=bool)
        if kind in ("missed", "false"):
            keep = errors.is_missed == (kind == "missed")
        keep &= np.cumsum(keep) <= MOST_SHOWN
        if not keep.any():
            st.caption("There is none.")
            return
        title = f"Surest first, {KINDS[str(kind)].lower()}"
        draw_behind(view, errors.behind(outputs, title, keep), key="errors_ranked")


def _draw_by_length(view: View, outputs: EvaluationOutputs, errors: Errors) -> None:
    groups = errors_by_length(outputs)
    points = draw_chart(
        "Errors by length of the text",
        charts.errors_by_length(groups),
        how=advice.how_to_read_errors_by_length(),
        suggests=advice.what_it_suggests_errors_by_length(groups),
        key="errors_by_length",
        measured=measured_on(outputs),
        on_select=True,
    )
    for point in points[-1:]:
        position = int(point.customdata)
        behind = errors.behind(
            outputs,
            f"Errors in texts of {groups.name(position)} characters",
            groups.group[errors.rows] == position,
        )
        draw_behind(view, behind, key="errors_by_length")


def _draw_words(view: View, outputs: EvaluationOutputs, errors: Errors) -> None:
    words = words_in_errors(outputs, N_WORDS)
    points = draw_chart(
        "Words that stand out in errors",
        charts.words_in_errors(words),
        how=advice.how_to_read_words_in_errors(),
        suggests=advice.what_it_suggests_words_in_errors(words),
        key="words_in_errors",
        measured=measured_on(outputs),
        on_select=bool(words),
    )
    for point in points[-1:]:
        word = str(point.customdata)
        has_it = errors_with_word(outputs, errors, word)
        draw_behind(
            view, errors.behind(outputs, f"Errors with “{word}”", has_it), key="words_in_errors"
        )


def _draw_drift(outputs: EvaluationOutputs | None, drift: dict[str, Any]) -> None:
    shares = [Share(**one) for one in drift["labels"]]
    colour_of = (
        dict(zip(outputs.label_ids, outputs.colours, strict=False)) if outputs is not None else {}
    )
    colours = [colour_of.get(one.label_id, "") for one in shares]
    sentence = advice.on_drift(
        drift["auc"],
        drift["low"],
        drift["high"],
        n_judged=drift["n_judged"],
        n_pool=drift["n_pool"],
    )
    draw_chart(
        "Judged documents and those that wait",
        charts.shares_judged_expected(shares, colours if all(colours) else ()),
        how=f"{sentence} {advice.how_to_read_shares()}",
        suggests=advice.what_it_suggests_shares(shares),
        key="shares",
        measured=(
            f"{counted(max((one.n_judged for one in shares), default=0), 'judged document')} "
            f"outside the audit set, {counted(drift['n_waiting'], 'document')} not judged yet"
        ),
    )
