"""The label schema: what people choose from, what each label means, and under which key."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.services.exclusive import is_exclusive
from core.services.labels import (
    NewLabel,
    active_labels,
    add_labels,
    describe_label,
    restore_label,
    retire_label,
    retired_labels,
)
from core.store.tables import Label, Project
from pages.widgets.context import Context, context, go_to, require_project
from pages.widgets.errors import shown_errors
from pages.widgets.guidelines import draw_guidelines
from pages.widgets.how_many_labels import draw_how_many
from pages.widgets.text import counted, escaped


def main() -> None:
    """Draw the page."""
    here = context()
    project = require_project(here)
    with here.store.read() as session:
        labels = active_labels(session, project.id)
        retired = retired_labels(session, project.id)
        session.expunge_all()  # else their columns are forgotten with the session
    st.title("Labels")
    how_many = (
        "Exactly one label holds for each text."
        if is_exclusive(project)
        else "Several labels may hold at once, or none."
    )
    st.markdown(
        f"What can be said of a text. {how_many} A good description says when to use the label "
        "and when not; before the first round the model goes by it."
    )
    if labels:
        draw_labels(here, labels)
    draw_adding(here, project, is_first=not labels)
    if labels:
        draw_retiring(here, labels)
    if retired:
        draw_restoring(here, retired)
    draw_how_many(here, project)
    draw_guidelines(here, project)
    if labels and st.button("Go on to annotating", icon=":material/arrow_forward:"):
        go_to("annotate", project_id=project.id)


def draw_labels(here: Context, labels: list[Label]) -> None:
    """All labels in a table whose keys and descriptions can be changed."""
    table = pd.DataFrame(
        {
            "Key": [label.key or "" for label in labels],
            "Label": [label.name for label in labels],
            "Description": [label.description for label in labels],
        }
    )
    version = st.session_state.setdefault("labels_version", 0)
    edited = st.data_editor(
        table,
        key=f"labels_{here.project.id if here.project else 0}_{len(labels)}_{version}",
        hide_index=True,
        disabled=["Label"],
        column_config={
            "Key": st.column_config.TextColumn(width="small", max_chars=1),
            "Label": st.column_config.TextColumn(width="medium"),
            "Description": st.column_config.TextColumn(width="large"),
        },
    )
    if edited.equals(table):
        st.caption("Click a key or a description to change it.")
    elif st.button("Save changes", type="primary", key="save_labels"):
        with shown_errors():
            save(here, labels, edited)
            st.session_state["labels_version"] = version + 1
            st.rerun()


def save(here: Context, labels: list[Label], edited: pd.DataFrame) -> None:
    """All changed rows or none; keys are freed first, so that two labels can swap theirs."""
    rows = list(
        zip(labels, edited["Key"].fillna(""), edited["Description"].fillna(""), strict=True)
    )
    changed = [row for row in rows if (row[0].key or "", row[0].description) != row[1:]]
    with here.store.write() as session:
        for label, _, description in changed:
            describe_label(session, label.id, description=description, key=None)
        session.flush()
        for label, key, description in changed:
            describe_label(session, label.id, description=description, key=key.strip().lower())


def draw_adding(here: Context, project: Project, *, is_first: bool) -> None:
    """A box with one label per line."""
    with st.form("add_labels", clear_on_submit=False):
        typed = st.text_area(
            "Add labels, one per line" if not is_first else "Your first labels, one per line",
            placeholder="billing: about an invoice, a payment or a price\nrefund: wants money back",
            help="A name, and after a colon and a space what it means. The description may wait.",
            key=f"new_labels_{st.session_state.setdefault('labels_added', 0)}",
        )
        if not is_first:
            st.caption(
                "Documents judged so far stay unjudged for a new label; they are asked about again."
            )
        if st.form_submit_button("Add", type="primary" if is_first else "secondary"):
            with shown_errors():
                add(here, project.id, typed)


def add(here: Context, project_id: int, typed: str) -> None:
    """Add what was typed, or say why not and leave it in the box."""
    new = [parsed(line) for line in typed.splitlines() if line.strip()]
    with here.store.write() as session:
        n_added = len(add_labels(session, project_id, new))
    if not n_added:
        st.warning("Type at least one label first.")
        return
    st.session_state["labels_added"] += 1
    st.toast(f"{counted(n_added, 'label')} added.")
    st.rerun()


def parsed(line: str) -> NewLabel:
    """`name: description`; a colon without a space after it belongs to the name."""
    name, _, description = line.strip().removesuffix(":").partition(": ")
    return NewLabel(name, description)


def draw_retiring(here: Context, labels: list[Label]) -> None:
    """Taking a label out of use."""
    with st.expander("Retire a label"):
        st.markdown("It is no longer offered or trained. What was judged under it is kept.")
        label = st.selectbox("Label", labels, format_func=lambda label: label.name, key="retiring")
        if st.button("Retire it", key="retire") and label is not None:
            with here.store.write() as session:
                retire_label(session, label.id)
            st.toast(f"{escaped(label.name)} is retired.")
            st.rerun()


def draw_restoring(here: Context, retired: list[Label]) -> None:
    """Bringing a label back into use."""
    with st.expander("Bring back a retired label"):
        st.markdown("It is offered and trained again, with what was judged under it before.")
        label = st.selectbox(
            "Label", retired, format_func=lambda label: label.name, key="restoring"
        )
        if st.button("Bring it back", key="restore") and label is not None:
            with shown_errors():
                with here.store.write() as session:
                    restore_label(session, label.id)
                st.toast(f"{escaped(label.name)} is back.")
                st.rerun()


main()
