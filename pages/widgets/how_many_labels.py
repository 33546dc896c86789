"""Whether a text has any number of labels or exactly one: chosen for a new project, or changed."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import Conflict
from core.exchange.dialect import Dialect
from core.exchange.guess import Guess
from core.exchange.mapping import LabelLayout, Mapping
from core.services.exclusive import check_can_be_exclusive, is_exclusive
from core.services.label_counts import LabelCounts, count_labels
from core.services.projects import change_settings
from core.store.tables import Project
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.spool import Spooled
from pages.widgets.text import counted, escaped

HOW_MANY = {False: "any number of labels", True: "exactly one label"}


def choose_how_many(spooled: Spooled, found: Guess, mapping: Mapping) -> bool:
    """For a new project: suggested by what the file holds, with the reason."""
    counts = None
    if mapping.label_layout is not LabelLayout.NONE:
        counts = _counted(spooled.path, spooled.path.stat().st_mtime, found.dialect, mapping)
    suggested = counts is not None and counts.speaks_for_one_each
    chosen = st.radio(
        "Each text has",
        list(HOW_MANY),
        index=int(suggested),
        format_func=HOW_MANY.__getitem__,
        horizontal=True,
        key=f"how_many_{suggested}",  # another file may suggest otherwise
    )
    if counts is not None and counts.n_labelled:
        st.caption(_reason(counts, chosen))
    return chosen


def _reason(counts: LabelCounts, chosen: bool) -> str:
    rows = "" if counts.is_all else f" of the first {counts.n_rows:,}"
    told = (
        f"{counts.n_one:,} of {counted(counts.n_labelled, 'labelled row')}{rows} have exactly one "
        f"of {counted(counts.n_labels, 'label')}."
    )
    if chosen and counts.n_one < counts.n_labelled:
        told += f" The other {counts.n_labelled - counts.n_one:,} would be rejected."
    return told


@st.cache_data(max_entries=16, show_spinner="Counting labels")
def _counted(path: Path, changed_at: float, dialect: Dialect, mapping: Mapping) -> LabelCounts:
    return count_labels(path, dialect, mapping)


def draw_how_many(here: Context, project: Project) -> None:
    """Change it, where no judged document speaks against it."""
    exclusive = is_exclusive(project)
    with st.expander("How many labels a text has"):
        wanted = st.radio(
            "Each text has",
            list(HOW_MANY),
            index=int(exclusive),
            format_func=HOW_MANY.__getitem__,
            horizontal=True,
            key=f"how_many_{exclusive}",
        )
        st.caption(
            "With exactly one, choosing a label takes the place of another, and the model spreads "
            "one probability over all of them. Rounds that have run stay as they are."
        )
        why_not = _why_not(here, project) if wanted and not exclusive else ""
        if why_not:
            st.warning(escaped(why_not))
        elif wanted != exclusive and st.button("Change it", key="change_how_many"):
            with shown_errors():
                with here.store.write() as session:
                    change_settings(session, project.id, exclusive=wanted)
                st.rerun()


def _why_not(here: Context, project: Project) -> str:
    try:
        with here.store.read() as session:
            check_can_be_exclusive(session, project.id)
    except Conflict as error:
        return str(error)
    return ""
