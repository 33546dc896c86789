"""Compare strategies: play labelling again on known documents, and see what asking saves."""

from __future__ import annotations

import streamlit as st

from core.rounds.heartbeat import worker_is_alive
from core.services.exclusive import is_exclusive
from core.services.replays import list_replays, request_replay
from core.store.tables import Project
from pages.widgets.compare_form import choose_comparison
from pages.widgets.compare_list import OPEN, chosen_replay, draw_list
from pages.widgets.compare_results import draw_results
from pages.widgets.compare_watch import watch_replay
from pages.widgets.context import Context, context, require_project
from pages.widgets.errors import shown_errors
from pages.widgets.job_watch import NO_WORKER
from pages.widgets.text import escaped


def main() -> None:
    """Draw the page."""
    here = context()
    project = require_project(here)
    st.title("Compare strategies")
    st.markdown(
        "Which way of asking would have saved you the most reading? A comparison plays labelling "
        "again on documents whose labels are known: every strategy begins with the same few and "
        "asks for the rest in its own way, and after each round the model is tested on documents "
        "nobody asked about. Your judgements are only read."
    )
    if is_exclusive(project):
        st.caption(
            "A comparison looks at every label on its own, as if several could hold. Which "
            "strategy comes first is worth knowing here too; its scores are not this project’s "
            "accuracy."
        )
    under_way = watch_replay(here, project.id)
    if under_way is None and not worker_is_alive(here.settings):
        st.warning(NO_WORKER, icon=":material/power_off:")
    with here.store.read() as session:
        replays = list_replays(session, project.id)
    ended = [replay for replay in replays if not replay.job.is_active]
    shown = chosen_replay(ended)
    if under_way is None:
        with st.expander("A new comparison", expanded=not ended, key="new_comparison"):
            draw_request(here, project)
    if shown is not None:
        st.subheader("What was found")
        with shown_errors():
            draw_results(here, project, shown)
    if ended:
        draw_list(here, ended, shown=shown)


def draw_request(here: Context, project: Project) -> None:
    """What to compare, and the button; or why it cannot be run as it stands."""
    choice = choose_comparison(here, project)
    is_ready = not choice.why_not
    if st.button("Run the comparison", type="primary", disabled=not is_ready, key="run_replay"):
        with shown_errors():
            request_replay(
                here.store, here.settings, project.id, choice.plan, title=choice.source.title
            )
            st.session_state.pop(OPEN, None)
            st.rerun()
    if not is_ready:
        st.caption(escaped(choice.why_not))


main()
