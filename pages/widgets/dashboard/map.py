"""The map of documents: coloured by what is asked, and chosen from by drawing around points."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.charts.map import (
    OLD_TO_NEW,
    MapGroup,
    MapPoints,
    MapValues,
    beginning,
    groups_by_label,
    groups_by_state,
    map_of_documents,
)
from core.charts.style import FAINT, NEUTRAL
from core.domain import PRESENT
from core.evaluation import advice_map
from core.services.map_facts import (
    BEFORE_ROUNDS,
    NOT_JUDGED,
    MapFacts,
    beginnings,
    facts_revision,
    map_facts,
)
from core.services.maps import DocumentMap, MapAbout, map_in_force
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.view import View
from pages.widgets.errors import shown_errors
from pages.widgets.map_choice import chosen_ids, draw_choice, take_selection
from pages.widgets.map_watch import watch_map

BY = {
    "state": "What is judged",
    "label": "Labels",
    "uncertainty": "What to ask about",
    "round": "Round",
    "proba": "Probability",
}
SHOW = {
    "all": "all documents",
    "judged": "judged ones",
    "unjudged": "unjudged ones",
    "audit": "the audit set",
    "label": "those with a label",
    "chosen": "the chosen ones",
}
MOST_COLOURS = 8  # labels coloured at first; more can be added

Rows = NDArray[np.int64]


def draw(view: View) -> None:
    """The map, or how to get one."""
    with shown_errors():
        state = watch_map(view.here, view.project.id)
        if state.about is None:
            return
        drawn, facts, texts, revision = _read(view)
        if drawn is None or facts is None:
            return
        by, column = _choose_colours(facts)
        rows = _choose_rows(view, facts)
        named = _choose_labels(facts, rows) if by == "label" else []
        groups, values = _coloured(facts, by, column, rows, named)
        told = f"{drawn.about.key} {revision} {by} {column} {named} {crc32(rows.tobytes())}"
        key = f"map_{crc32(told.encode()):08x}"
        points = draw_chart(
            "The map",
            map_of_documents(
                MapPoints(facts.document_ids, drawn.xy, texts),
                groups,
                values,
                key=key,
                chosen=_chosen_when_drawn(view, key),
            ),
            how=advice_map.how_to_read_map(),
            suggests=advice_map.what_it_suggests_map(drawn.xy[rows], facts.is_judged[rows])
            if len(rows)
            else "No document is left to draw; show others.",
            key=key,
            measured=which_are_drawn(drawn.about),
            on_select=("lasso", "box"),
        )
        take_selection(view, key, [int(point.customdata) for point in points])
        draw_choice(view, facts)


def which_are_drawn(about: MapAbout) -> str:
    """How many of how many."""
    if about.is_whole:
        told = f"All {about.n_documents:,} documents of the day it was drawn."
    else:
        told = (
            f"{about.n_drawn:,} of {about.n_documents:,} documents: those that were judged or in "
            "the audit set when it was drawn, and others by lot."
        )
    if about.method == "pca":
        told += " So few are laid out by their two principal components."
    return f"{told} Judgements are those of now."


def _read(view: View) -> tuple[DocumentMap | None, MapFacts | None, list[str], int]:
    with view.here.store.read() as session:
        drawn = map_in_force(session, view.here.settings, view.project.id)
        if drawn is None:
            return None, None, [], 0
        revision = facts_revision(session, view.project.id)
        schema = view.project.schema_version
    key = drawn.about.key
    facts = _facts(view.project.id, key, view.round_.id, revision, schema, _view=view, _drawn=drawn)
    return drawn, facts, _texts(view.project.id, key, _view=view, _drawn=drawn), revision


@st.cache_resource(max_entries=4, show_spinner=False)
def _facts(
    project_id: int,
    key: str,
    round_id: int,
    revision: int,
    schema: int,
    *,
    _view: View,
    _drawn: DocumentMap,
) -> MapFacts:
    """Shared by everyone who looks, until somebody judges; nobody writes into it."""
    with _view.here.store.read() as session:
        return map_facts(session, project_id, _drawn.document_ids, folder=_view.folder)


@st.cache_resource(max_entries=4, show_spinner=False)
def _texts(project_id: int, key: str, *, _view: View, _drawn: DocumentMap) -> list[str]:
    with _view.here.store.read() as session:
        return [beginning(text) for text in beginnings(session, project_id, _drawn.document_ids)]


def _choose_colours(facts: MapFacts) -> tuple[str, int]:
    """What colours stand for, and the label where it is one's probability."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.segmented_control(
            "Colour by",
            list(BY),
            format_func=BY.__getitem__,
            default="state",
            required=True,
            wrap=True,
            key="map_by",
        )
        column = 0
        if by == "proba" and facts.names:
            column = st.selectbox(
                "Label",
                range(len(facts.names)),
                format_func=facts.names.__getitem__,
                key="map_proba",
                width=260,
            )
    return by or "state", column


def _choose_rows(view: View, facts: MapFacts) -> Rows:
    """Which documents are drawn."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show = st.selectbox(
            "Show", list(SHOW), format_func=SHOW.__getitem__, key="map_show", width=260
        )
        mask = facts.is_there.copy()
        if show == "judged":
            mask &= facts.is_judged
        elif show == "unjudged":
            mask &= ~facts.is_judged
        elif show == "audit":
            mask &= facts.is_audited
        elif show == "chosen":
            mask &= np.isin(facts.document_ids, chosen_ids(view))
        elif show == "label" and facts.names:
            column = st.selectbox(
                "Judged to have",
                range(len(facts.names)),
                format_func=facts.names.__getitem__,
                key="map_show_label",
                width=260,
            )
            mask &= facts.truth[:, column] == PRESENT
    return np.flatnonzero(mask)


def _choose_labels(facts: MapFacts, rows: Rows) -> list[int]:
    """The labels that are coloured: at first those that most documents have."""
    n_present = (facts.truth[rows] == PRESENT).sum(axis=0)
    usual = np.argsort(-n_present, kind="stable")[:MOST_COLOURS]
    return st.multiselect(
        "Labels in colour",
        range(len(facts.names)),
        default=sorted(int(column) for column in usual),
        format_func=facts.names.__getitem__,
        key="map_labels",
    )


def _coloured(
    facts: MapFacts, by: str, column: int, rows: Rows, named: list[int]
) -> tuple[list[MapGroup], MapValues | None]:
    """The points by what their colour stands for."""
    if by == "label":
        labels = [(i, facts.names[i], facts.colours[i]) for i in named]
        return groups_by_label(facts.truth == PRESENT, facts.is_judged, labels, rows), None
    if by == "round":
        return _by_round(facts.judged_in, rows)
    if by == "uncertainty":
        return _by_number(facts.uncertainty, rows, "Score of the round's strategy")
    if by == "proba" and facts.names:
        return _by_number(facts.proba[:, column], rows, facts.names[column], low=0.0, high=1.0)
    return groups_by_state(facts.is_judged, facts.is_complete, facts.is_audited, rows), None


def _by_round(judged_in: NDArray[np.int32], rows: Rows) -> tuple[list[MapGroup], MapValues]:
    number = judged_in[rows]
    groups = [
        MapGroup("not judged", rows[number == NOT_JUDGED], FAINT, is_behind=True),
        MapGroup("judged before round 1", rows[number == BEFORE_ROUNDS], NEUTRAL, "diamond"),
    ]
    later = number > BEFORE_ROUNDS
    values = number[later].astype(np.float64)
    title = "Round in force when judged"
    return groups, MapValues(title, rows[later], values, OLD_TO_NEW, is_counted=True)


def _by_number(
    values: NDArray[np.float64],
    rows: Rows,
    title: str,
    *,
    low: float | None = None,
    high: float | None = None,
) -> tuple[list[MapGroup], MapValues]:
    is_known = np.isfinite(values[rows])
    groups = [MapGroup("not in this round", rows[~is_known], FAINT, is_behind=True)]
    known = values[rows[is_known]].astype(np.float64)
    return groups, MapValues(title, rows[is_known], known, low=low, high=high)


def _chosen_when_drawn(view: View, key: str) -> NDArray[np.int64]:
    """What stood out when this figure was first drawn: a figure that changes loses its lasso."""
    before = st.session_state.get("map_drawn")
    if before is None or before[0] != key:
        st.session_state["map_drawn"] = before = (key, chosen_ids(view).tolist())
    return np.array(before[1], dtype=np.int64)
