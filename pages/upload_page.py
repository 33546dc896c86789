"""Bring a file in: look at it, confirm what its columns mean, import, read the report."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.exchange.guess import Guess, guess
from core.exchange.mapping import Mapping
from core.services.exclusive import is_exclusive
from core.services.importing import import_file
from core.services.rounds import request_preparation
from pages.widgets.context import Context, context, go_to, require_project
from pages.widgets.errors import shown_errors
from pages.widgets.how_many_labels import choose_how_many
from pages.widgets.import_report import draw_report, keep_report
from pages.widgets.mapping_form import choose_dialect, choose_mapping, draw_preview
from pages.widgets.spool import Spooled, forget, keep, kept, spool, upload_version
from pages.widgets.text import escaped

TYPES = ["csv", "tsv", "tab", "txt", "jsonl", "ndjson"]


def main() -> None:
    """Draw the page."""
    here = context()
    st.title("Upload")
    if here.missing is not None:
        require_project(here)
    spooled = kept()
    if spooled is None:
        draw_report(here)
        draw_uploader(here)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escaped(spooled.name)}**, {spooled.size}")
        if st.button("Choose another file", key="forget"):
            forget()
            st.rerun()
    with shown_errors():
        found = choose_dialect(spooled)
        mapping = choose_mapping(found)
        draw_preview(spooled, found, mapping)
        draw_import(here, spooled, found=found, mapping=mapping)


def draw_uploader(here: Context) -> None:
    """Take a file, and refuse at once what cannot be read at all."""
    limit = st.get_option("server.maxUploadSize")
    st.markdown(
        "One document per row. Labels that are already there become judgements. "
        "Nothing is stored before you have seen how the file is read."
    )
    uploaded = st.file_uploader(
        "A CSV, TSV, JSON Lines or plain text file", TYPES, key=f"file_{upload_version()}"
    )
    st.caption(
        f"Up to {limit} MB here. For more: `python -m core import FILE --project NAME` "
        "where the app runs."
    )
    if uploaded is None:
        return
    spooled = spool(here.settings, uploaded)
    is_readable = False
    with shown_errors():
        guess(spooled.path, spooled.name)
        is_readable = True
    if is_readable:
        keep(spooled)
        st.rerun()
    spooled.path.unlink(missing_ok=True)


def draw_import(here: Context, spooled: Spooled, *, found: Guess, mapping: Mapping) -> None:
    """Where it goes, and the button."""
    project, is_new, name, exclusive = here.project, True, "", False
    with st.container(border=True, key="target"):
        if project is not None:
            is_new = st.radio(
                "Import into",
                [False, True],
                index=int(project.is_demo),
                format_func=lambda new: "a new project" if new else project.name,
                horizontal=True,
                key="target_is_new",
            )
        if is_new:
            name = st.text_input(
                "Name of the new project", Path(spooled.name).stem, max_chars=200, key="target_name"
            )
            exclusive = choose_how_many(spooled, found, mapping)
        elif project is not None and is_exclusive(project):
            st.caption(
                "Exactly one label applies to each document of this project; rows with several "
                "are rejected."
            )
        if st.button("Import", type="primary", key="import"):
            into = name if is_new or project is None else project.id
            project_id = import_into(
                into, here, spooled, found=found, mapping=mapping, exclusive=exclusive
            )
            forget()
            go_to("upload", project_id=project_id)


def import_into(
    project: int | str,
    here: Context,
    spooled: Spooled,
    *,
    found: Guess,
    mapping: Mapping,
    exclusive: bool,
) -> int:
    """Import, into a new project of that name or an old one, and have it read; gives its id."""
    bar = st.progress(0.0, text="Importing")

    def show(n: int, share: float) -> None:
        bar.progress(min(share, 1.0), text=f"{n:,} rows read")

    try:
        report = import_file(
            here.store,
            here.settings,
            project,
            path=spooled.path,
            file_name=spooled.name,
            mapping=mapping,
            dialect=found.dialect,
            exclusive=exclusive,
            on_progress=show,
        )
    finally:
        bar.empty()
    keep_report(report.project_id, report)
    if report.n_accepted:
        request_preparation(here.store, here.settings, report.project_id)
    return report.project_id


main()
