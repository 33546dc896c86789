"""How fast people judge."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from sqlalchemy import func, select

from core.charts import figures as charts
from core.charts.history_speed import What
from core.evaluation import advice
from core.evaluation.speed import IDLE_S, Speed, over_all_days
from core.services.annotation_speed import annotation_speed
from core.store.store import Store
from core.store.tables import Submission
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.view import View
from pages.widgets.text import counted

WHAT: dict[What, str] = {"documents": "documents", "labels": "labels found present"}


def draw_speed(view: View) -> None:
    """By day, and person by person; the same for every round."""
    with view.here.store.read() as session:
        last = session.scalar(
            select(func.max(Submission.id)).where(Submission.project_id == view.project.id)
        )
    born = view.project.created_at.isoformat()  # ids come again after a project is deleted
    speeds = _speeds(view.here.store, (view.here.store.url, born), view.project.id, last)
    what = st.segmented_control(
        "Speed of",
        list(WHAT),
        format_func=WHAT.__getitem__,
        default="documents",
        required=True,
        key="speed_what",
    )
    n = sum(speed.n_documents for speed in speeds)
    n_capped = sum(speed.n_capped for speed in speeds)
    draw_chart(
        "Speed of judging",
        charts.speed_by_day(speeds, what or "documents"),
        how=advice.how_to_read_speed_by_day(),
        suggests=advice.what_it_suggests_speed_by_day(speeds),
        key="speed_by_day",
        measured=(
            f"{counted(n, 'document')} judged at the card, of all rounds; {n_capped:,} took longer "
            f"than {IDLE_S // 60} minutes and count as that much."
        ),
    )
    if speeds:
        with st.expander("Person by person"):
            st.dataframe(_table(over_all_days(speeds)), hide_index=True)


def _table(totals: list[Speed]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Annotator": speed.annotator,
                "Documents": speed.n_documents,
                "Labels present": speed.n_labels,
                "Active hours": round(speed.active_s / 3600, 2),
                "Documents per hour": _whole(speed.documents_per_hour),
                "Labels per hour": _whole(speed.labels_per_hour),
                "Half took under, s": round(speed.median_s),
            }
            for speed in totals
        ]
    )


def _whole(rate: float | None) -> int | None:
    return None if rate is None else round(rate)


@st.cache_resource(max_entries=32, show_spinner=False)
def _speeds(
    _store: Store, where: tuple[str, str], project_id: int, last: int | None
) -> list[Speed]:
    """Counted once per submission, not once per run of the page."""
    with _store.read() as session:
        return annotation_speed(session, project_id)
