"""The documents behind a number that was clicked: exactly those, ten at a time."""

from __future__ import annotations

from html import escape
from zlib import crc32

import numpy as np
import streamlit as st

from core.domain import ABSENT, PRESENT, EvaluationSource
from core.evaluation.behind import Behind
from core.services.documents import documents_in_brief
from core.services.exclusive import is_exclusive
from core.services.seen_documents import Seen, SeenDocument, seen_documents, seen_in
from pages.widgets.chips import Chip, draw_chips
from pages.widgets.context import PAGE_FILES, query_of
from pages.widgets.dashboard.view import View
from pages.widgets.text import counted, escaped

PER_PAGE = 10
FEW, BOX_PX = 2, 640
CUT = 300  # characters shown of a text
WHOLE = 20_000  # characters shown of it when asked for more
MAX_CELLS = 5  # labels told about in full, where several of one document were counted


def draw_behind(view: View, behind: Behind, *, key: str) -> None:
    """The list; turning its pages runs nothing else."""
    with st.container(key=f"behind_{key}"):
        st.markdown(f"##### {escaped(behind.title)}: {_how_many(behind)}")
        if behind.document_ids is not None and len(behind):
            _warn_of_audit(view, behind)
            st.fragment(_draw_page)(view, behind, key=key)


def _warn_of_audit(view: View, behind: Behind) -> None:
    """Corrected where the model errs and nowhere else, the audit set would flatter it."""
    outputs = view.outputs()
    if outputs is None or outputs.source is not EvaluationSource.AUDIT:
        return
    n_audited = int(np.isin(behind.documents, outputs.document_ids).sum())
    if n_audited:
        whom = "They are" if n_audited == len(behind.documents) else f"{n_audited:,} of them are"
        st.caption(
            f"{whom} of the audit set. Read to understand, but do not judge again for what the "
            "model says: corrected only where it errs, the audit set would flatter it."
        )


def _how_many(behind: Behind) -> str:
    n_documents = len(behind.documents)
    if not len(behind):
        return "no document"
    if behind.labels is None or n_documents == len(behind):
        return counted(len(behind), "document")
    return f"{counted(len(behind), 'judgement')} in {counted(n_documents, 'document')}"


def _draw_page(view: View, behind: Behind, *, key: str) -> None:
    documents = behind.documents
    n_pages = -(-len(documents) // PER_PAGE)
    # another question begins at its first page
    asked = f"{key}_{crc32(f'{behind.title} {len(behind)}'.encode())}"
    page = int(st.session_state.get(f"page_{asked}", 1))
    ids = documents[(page - 1) * PER_PAGE : page * PER_PAGE].tolist()
    with view.here.store.read() as session:
        seen = seen_in(
            session,
            view.project.id,
            outputs=view.outputs(),
            folder=view.folder,
            threshold=view.round_.threshold,
            exclusive=is_exclusive(view.project),
        )
        found = seen_documents(session, seen, ids, length=CUT)
    # a box of its own, so that what is below stays where it is when pages are turned
    with st.container(height=BOX_PX if len(documents) > FEW else "content", border=False):
        for document in found:
            _draw_document(view, seen, document, behind=behind, key=asked)
    if len(found) < len(ids):
        st.caption(f"{counted(len(ids) - len(found), 'document')} of this page is gone by now.")
    if n_pages > 1:
        st.pagination(n_pages, key=f"page_{asked}", max_visible_pages=5)


def _draw_document(
    view: View, seen: Seen, document: SeenDocument, *, behind: Behind, key: str
) -> None:
    brief = document.brief
    with st.container(border=True, gap="small"):
        st.page_link(
            PAGE_FILES["annotate"],
            label=escaped(brief.external_id),
            icon=":material/edit_note:",
            help="Open this document on the card.",
            query_params={**query_of(view.project.id), "document": str(brief.id)},
        )
        st.markdown(escaped(brief.text) + ("…" if brief.n_characters > CUT else ""))
        if brief.n_characters > CUT:
            _draw_whole(view, brief.id, brief.n_characters, key=key)
        for line in _about(seen, document, behind.labels_of(brief.id)):
            st.markdown(line)
        _draw_labels(seen, document)


def _draw_whole(view: View, document_id: int, n_characters: int, *, key: str) -> None:
    whole = st.expander(
        f"The whole text, {n_characters:,} characters",
        key=f"whole_{key}_{document_id}",
        type="compact",
        on_change="rerun",
    )
    if not whole.open:
        return
    with view.here.store.read() as session:
        text = documents_in_brief(session, [document_id], length=WHOLE)[document_id].text
    with whole:
        st.html(f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">{escape(text)}</div>')
        if n_characters > WHOLE:
            st.caption(f"The first {WHOLE:,} characters.")


def _about(seen: Seen, document: SeenDocument, labels: list[int]) -> list[str]:
    """A line for each label that was counted: what the model says, and what people said."""
    lines = [_about_label(seen, document, label) for label in labels[:MAX_CELLS]]
    if len(labels) > MAX_CELLS:
        lines.append(f"and {counted(len(labels) - MAX_CELLS, 'more label')} of this document")
    return lines


def _about_label(seen: Seen, document: SeenDocument, label: int) -> str:
    state = {PRESENT: "judged present", ABSENT: "judged absent"}.get(
        int(document.truth[label]), "not judged"
    )
    is_predicted = bool(document.predicted[label])
    is_wrong = state != "not judged" and is_predicted != (state == "judged present")
    icon = ":material/close:" if is_wrong else ":material/check:"
    if state == "not judged":
        icon = ":material/help:"
    threshold = "" if seen.exclusive else f", threshold {seen.thresholds[label]:.2f}"
    guess = "predicted" if is_predicted else "not predicted"
    return (
        f"{icon} **{escaped(seen.names[label])}**: probability {document.proba[label]:.2f}"
        f"{threshold}, {guess}; {state}"
    )


def _draw_labels(seen: Seen, document: SeenDocument) -> None:
    draw_chips(
        "Judged",
        [Chip(seen.names[i], seen.colours[i]) for i in document.judged_present],
        nothing="no label" if document.is_judged else "not yet",
    )
    draw_chips(
        "Predicted",
        [
            Chip(seen.names[i], seen.colours[i], f"{document.proba[i]:.2f}", is_filled=False)
            for i in document.predicted_present
        ],
        nothing="no label",
    )
    if document.is_measured and document.is_judged_anew:
        now = [i for i in range(len(seen.names)) if document.truth_now[i] == PRESENT]
        draw_chips(
            "Judged since",
            [Chip(seen.names[i], seen.colours[i]) for i in now],
            nothing="no label",
        )
