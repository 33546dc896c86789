"""What became of an imported file, row by row where a row was refused."""

from __future__ import annotations

import csv
import io
from typing import Any

import pandas as pd
import streamlit as st
from sqlalchemy import select

from core.exchange.cells import guard
from core.services.importing import ImportReport
from core.services.labels import active_labels
from core.store.tables import Import, Rejection
from pages.widgets.context import Context, go_to
from pages.widgets.text import counted, escaped

SHOWN = 200


def keep_report(project_id: int, report: ImportReport) -> None:
    """Remember which import to tell of, also over the next run of the page."""
    st.session_state["import_report"] = {
        "project_id": project_id,
        "import_id": report.import_id,
        "n_audited": report.n_audited,
        "warnings": list(report.warnings),
    }


def draw_report(here: Context) -> None:
    """The report of this session's last import, if there was one."""
    kept: dict[str, Any] | None = st.session_state.get("import_report")
    if kept is None or here.project is None or kept["project_id"] != here.project.id:
        return
    with here.store.read() as session:
        record = session.get(Import, kept["import_id"])
        session.expunge_all()
        has_labels = bool(active_labels(session, here.project.id))
    if record is None:
        return
    with st.container(border=True, key="import_report"):
        st.markdown(f"**{escaped(record.file_name)}** is imported: {_in_short(record, kept)}")
        for warning in kept["warnings"]:
            st.warning(escaped(warning))
        if record.n_rejected:
            draw_rejections(here, record)
        target = "annotate" if has_labels else "labels"
        words = "Go on to annotating" if has_labels else "Now say which labels there are"
        if st.button(words, type="primary", key="after_import"):
            go_to(target, project_id=here.project.id)


def _in_short(record: Import, kept: dict[str, Any]) -> str:
    parts = [f"{record.n_accepted:,} of {counted(record.n_rows, 'row')} accepted"]
    parts.append(f"{record.n_rejected:,} rejected")
    parts.append(f"{record.n_judged:,} came with labels")
    told = ", ".join(parts) + "."
    if kept["n_audited"]:
        told += (
            f" {counted(kept['n_audited'], 'document')} drawn at random belong to the audit set: "
            "judged like the rest, never trained on, so that the figures stay honest."
        )
    return told


def draw_rejections(here: Context, record: Import) -> None:
    """The first refused rows with their reasons, and all of them as a file."""
    with here.store.read() as session:
        first = _rejections(session, record.id, limit=SHOWN)
    st.dataframe(pd.DataFrame(first), hide_index=True)
    if record.n_rejected > SHOWN:
        st.caption(f"The first {SHOWN} of {record.n_rejected:,}; the file has all.")

    def as_csv() -> bytes:
        with here.store.read() as session:
            return _csv(_rejections(session, record.id, limit=None))

    st.download_button(
        "Download the rejected rows",
        as_csv,
        file_name=f"rejected-{record.id}.csv",
        mime="text/csv",
        on_click="ignore",
        key="download_rejections",
    )


def _rejections(session: Any, import_id: int, *, limit: int | None) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(Rejection)
        .where(Rejection.import_id == import_id)
        .order_by(Rejection.row_number, Rejection.id)
        .limit(limit)
    )
    return [{"Row": r.row_number, "Reason": r.reason, "It begins": r.excerpt} for r in rows]


def _csv(rows: list[dict[str, Any]]) -> bytes:
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(["row", "reason", "it begins"])
    for row in rows:
        writer.writerow([row["Row"], guard(row["Reason"]), guard(row["It begins"])])
    return sheet.getvalue().encode("utf-8-sig")
