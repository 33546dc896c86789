"""The documents chosen on the map: opening them, and judging them at once.

The choice lives in the session by ids, so that it outlasts other colours and filters.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.domain import JudgementState
from core.evaluation.behind import Behind
from core.services.bulk import (
    MOST_AT_ONCE,
    BulkPlan,
    judge_in_bulk,
    plan_bulk,
    take_back_bulk,
)
from core.services.map_facts import MapFacts
from pages.widgets.dashboard.view import View
from pages.widgets.documents_behind import draw_behind
from pages.widgets.errors import shown_errors
from pages.widgets.text import counted, escaped

STATES = (JudgementState.PRESENT, JudgementState.ABSENT)


def chosen_ids(view: View) -> NDArray[np.int64]:
    """The chosen documents, ascending."""
    return np.array(st.session_state.get(_key(view), []), dtype=np.int64)


def take_selection(view: View, key: str, document_ids: Sequence[int]) -> None:
    """Take what is selected in a chart. A new chart has no selection, and takes nothing away."""
    now = sorted(set(document_ids))
    before = st.session_state.get("map_selection")
    st.session_state["map_selection"] = (key, now)
    is_let_go = before is not None and before[0] == key and bool(before[1]) and not now
    if is_let_go or (now and before != (key, now)):
        st.session_state[_key(view)] = now


def draw_choice(view: View, facts: MapFacts) -> None:
    """What can be done with them."""
    ids = chosen_ids(view)
    _draw_last(view)
    if not len(ids):
        st.caption("Nothing is chosen. Draw around some points to open or to judge them.")
        return
    with st.container(border=True, key="map_choice"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{counted(len(ids), 'document')} chosen**")
            st.button("Let them go", key="map_clear", on_click=_clear, args=(view,))
        what = st.segmented_control(
            "What to do",
            ["Open them", "Judge them at once"],
            key="map_do",
            label_visibility="collapsed",
        )
        if what == "Open them":
            rows = np.full(len(ids), -1, dtype=np.int64)
            draw_behind(view, Behind("Chosen on the map", rows, ids), key="map")
        elif what is not None:
            _draw_bulk(view, facts, ids)


def _draw_bulk(view: View, facts: MapFacts, ids: NDArray[np.int64]) -> None:
    """Choose a judgement, read what it would store, store it."""
    if len(ids) > MOST_AT_ONCE:
        st.info(f"Judge at most {MOST_AT_ONCE:,} documents at once; draw a smaller line.")
        return
    if not facts.names:
        st.info("This project has no labels yet.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        column = st.selectbox(
            "Label",
            range(len(facts.names)),
            format_func=facts.names.__getitem__,
            index=None,
            placeholder="Choose a label",
            key="map_bulk_label",
            width=260,
        )
        state = st.segmented_control(
            "is",
            STATES,
            format_func=str,
            default=STATES[0],
            required=True,
            key="map_bulk_state",
        )
    anew = st.checkbox("Also change what is judged otherwise", key="map_bulk_anew")
    if column is None or state is None:
        return
    with view.here.store.read() as session:
        plan = plan_bulk(
            session,
            view.project.id,
            ids.tolist(),
            label_id=facts.label_ids[column],
            state=JudgementState(state),
            changes_judged=anew,
        )
    st.markdown("  \n".join(in_words(plan)))
    n = len(plan.to_store)
    st.button(
        f"Judge {counted(n, 'document')}" if n else "There is nothing to store",
        key="map_bulk_store",
        type="primary",
        disabled=n == 0,
        on_click=_store,
        args=(view, plan, _new_id(plan)),
    )


def in_words(plan: BulkPlan) -> list[str]:
    """What would be stored, and of every other document why nothing is."""
    label, n = f"“{escaped(plan.label)}”", len(plan.to_store)
    told = [f"**{counted(n, 'document')}: {label} is {plan.state}.**" if n else "**Nothing.**"]
    if plan.is_whole and n:
        told.append("Exactly one label applies to each document, so all others become absent.")
    if plan.otherwise and plan.changes_judged:
        told.append(f"Of them {_number_are(plan.otherwise)} judged otherwise by now.")
    elif plan.otherwise:
        told.append(
            f"{_are(plan.otherwise)} judged otherwise and stay{_s(plan.otherwise)} as "
            f"{'it is' if len(plan.otherwise) == 1 else 'they are'}, unless you tick the box."
        )
    if plan.same:
        told.append(f"{_are(plan.same)} judged so already.")
    if plan.audited:
        told.append(
            f"{_are(plan.audited)} left out: the audit set is what the model is measured on, so "
            "its documents are read one by one."
        )
    if plan.impossible:
        told.append(
            f"{_are(plan.impossible)} left out: no label would be left, and exactly one applies."
        )
    if plan.gone:
        told.append(f"{_are(plan.gone)} not in the project any more.")
    return told


def _are(ids: Sequence[int]) -> str:
    return f"{counted(len(ids), 'document')} {'is' if len(ids) == 1 else 'are'}"


def _number_are(ids: Sequence[int]) -> str:
    return f"{len(ids):,} {'is' if len(ids) == 1 else 'are'}"


def _s(ids: Sequence[int]) -> str:
    return "s" if len(ids) == 1 else ""


def _draw_last(view: View) -> None:
    """What was stored last, and a way back."""
    last = st.session_state.get(_key(view, "bulk"))
    if last is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="map_bulk_done"):
        st.success(last["told"], icon=":material/done_all:")
        if last["can_go_back"]:
            st.button("Take back", key="map_bulk_undo", on_click=_take_back, args=(view,))


def _store(view: View, plan: BulkPlan, bulk_id: str) -> None:
    with shown_errors():
        with view.here.store.write() as session:
            done = judge_in_bulk(
                session, view.project.id, view.here.annotator, plan, bulk_id=bulk_id
            )
        st.session_state.pop("map_bulk_id", None)  # judged so again later, it is another lot
        n_stored = counted(done.n_stored, "document")
        st.session_state[_key(view, "bulk")] = {
            "id": done.bulk_id,
            "who": view.here.annotator,
            "told": f"{n_stored}: “{escaped(plan.label)}” is {plan.state}.",
            "can_go_back": True,
        }


def _take_back(view: View) -> None:
    last = st.session_state[_key(view, "bulk")]
    with shown_errors():
        with view.here.store.write() as session:
            n = take_back_bulk(session, view.project.id, last["who"], bulk_id=last["id"])
        told = f"{counted(n, 'judgement')} taken back."
        st.session_state[_key(view, "bulk")] = {**last, "told": told, "can_go_back": False}


def _new_id(plan: BulkPlan) -> str:
    """One id for one plan while it is looked at: pressed twice, it is stored once."""
    asked = (plan.label_id, str(plan.state), plan.to_store)
    before = st.session_state.get("map_bulk_id")
    if before is None or before[0] != asked:
        st.session_state["map_bulk_id"] = before = (asked, secrets.token_hex(12))
    return str(before[1])


def _clear(view: View) -> None:
    st.session_state[_key(view)] = []


def _key(view: View, what: str = "chosen") -> str:
    return f"map_{what}_{view.project.id}"
