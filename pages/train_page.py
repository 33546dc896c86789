"""Run a round, watch it, see what it changed, go back to an earlier one."""

from __future__ import annotations

import streamlit as st

from core.domain import JobStatus, RoundKind
from core.rounds.heartbeat import worker_is_alive
from core.services.jobs import ROUND, JobInfo, latest_job
from core.services.labels import active_labels
from core.services.projects import change_settings
from core.services.round_requests import LARGEST_SEED, usual_request
from core.services.rounds import (
    RoundInfo,
    RoundRequest,
    list_rounds,
    request_round,
    roll_back,
    round_freshness,
)
from core.store.tables import Project
from core.strategies.catalogue import STRATEGIES
from pages.widgets.context import Context, context, go_to, require_project
from pages.widgets.errors import shown_errors
from pages.widgets.job_watch import NO_WORKER, watch_job
from pages.widgets.round_words import freshness, rounds_table, what_changed

KINDS = {RoundKind.QUICK: "Quick, seconds", RoundKind.DEEP: "Deep, minutes"}
KIND_WORDS = {
    RoundKind.QUICK: "Trains a small network on the meaning of each text, read once and kept.",
    RoundKind.DEEP: "Trains the language model itself. Slower, and often better once a few "
    "hundred documents are judged; quick rounds go on from it.",
}


def main() -> None:
    """Draw the page."""
    here = context()
    project = require_project(here)
    with here.store.read() as session:
        told = freshness(session, project.id)
        rounds = list_rounds(session, project.id)
        last = latest_job(session, project.id, kind=ROUND)
    st.title("Train")
    st.markdown(f"A round learns from all judgements so far and chooses what to ask next. {told}")
    if not worker_is_alive(here.settings):
        st.warning(NO_WORKER, icon=":material/power_off:")
    draw_request(here, project, last)
    watch_job(here, project.id, in_full=True)
    if last is not None and not last.is_active:
        draw_outcome(here, project, last=last, rounds=rounds)
    if rounds:
        draw_rounds(here, project, rounds)


def draw_request(here: Context, project: Project, last: JobInfo | None) -> None:
    """What to run, with the usual choices made and the rest behind a fold."""
    why_not = hindrance(here, project.id, last)
    with st.container(border=True, key="request"):
        kind = st.radio(
            "Kind of round",
            list(KINDS),
            format_func=KINDS.__getitem__,
            captions=[KIND_WORDS[kind] for kind in KINDS],
            key="kind",
            horizontal=True,
        )
        request = draw_options(here, project.id, kind)
        if st.button("Run a round", type="primary", disabled=bool(why_not), key="run_round"):
            with shown_errors():
                request_round(here.store, here.settings, project.id, request)
                remember(here, project.id, request)
                st.rerun()
        if why_not:
            st.caption(why_not)


def hindrance(here: Context, project_id: int, last: JobInfo | None) -> str:
    """Why no round can be run now, and the way out; empty where one can."""
    if last is not None and last.is_active:
        return "A round is under way; wait for it or cancel it."
    with here.store.read() as session:
        if not active_labels(session, project_id):
            return "There are no labels yet. Add some under Labels, then judge a few documents."
        if round_freshness(session, project_id)[1] == 0:
            return "Nothing to learn from yet. Judge a few documents under Annotate first."
    return ""


def draw_options(here: Context, project_id: int, kind: RoundKind) -> RoundRequest:
    """The rest of the request; what was run last time is offered again."""
    with here.store.read() as session:
        usual = usual_request(session, project_id)
    names = [strategy.name for strategy in STRATEGIES]
    with st.expander("Options"):
        strategy = st.selectbox(
            "Ask next about",
            STRATEGIES,
            index=names.index(usual.strategy) if usual.strategy in names else 0,
            format_func=lambda strategy: strategy.title,
            key="strategy",
        )
        st.caption(strategy.description)
        left, middle, right = st.columns(3)
        query_size = left.number_input("Documents to ask about", 1, 10_000, usual.query_size)
        n_passes = middle.number_input(
            "Dropout passes",
            *(2, 200, usual.n_passes),
            disabled=not strategy.needs_samples,
            help="How often the model answers with random parts switched off; where the answers "
            "differ, it does not know. More passes, finer scores, more time.",
        )
        seed = right.number_input(
            "Seed",
            *(0, LARGEST_SEED, None),
            placeholder="drawn",
            help="The same judgements, options and seed give the same round on the same device.",
        )
    return RoundRequest(
        kind=kind,
        strategy=strategy.name,
        n_passes=int(n_passes),
        query_size=int(query_size),
        seed=None if seed is None else int(seed),
    )


def remember(here: Context, project_id: int, request: RoundRequest) -> None:
    """Offer the same choices next time."""
    with here.store.write() as session:
        change_settings(
            session,
            project_id,
            strategy=request.strategy,
            n_passes=request.n_passes,
            query_size=request.query_size,
        )


def draw_outcome(
    here: Context, project: Project, *, last: JobInfo, rounds: list[RoundInfo]
) -> None:
    """What became of the round asked for last, and where to go from here."""
    round_ = next((r for r in rounds if r.id == last.round_id), None)
    if round_ is None:
        return
    if last.status is JobStatus.FAILED:
        st.error(f"Round {round_.number} failed: {last.error or 'no reason was given'}")
    elif last.status is JobStatus.CANCELLED:
        st.info(f"Round {round_.number} was cancelled; the round in force is as before.")
    elif last.status is JobStatus.DONE:
        with st.container(border=True, key="outcome"):
            st.markdown(f"**Round {round_.number} is done.** {what_changed(rounds, round_)}")
            with st.container(horizontal=True):
                if st.button("Judge what it asks about", key="to_annotate", type="primary"):
                    go_to("annotate", project_id=project.id)
                if st.button("See the dashboards", key="to_dashboards"):
                    go_to("dashboards", project_id=project.id)


def draw_rounds(here: Context, project: Project, rounds: list[RoundInfo]) -> None:
    """Every round, and the way back to an earlier one."""
    st.subheader("Rounds")
    st.dataframe(
        rounds_table(rounds),
        hide_index=True,
        column_config={"Finished": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
    )
    others = [r for r in rounds if r.status is JobStatus.DONE and not r.is_active]
    if not others:
        return
    with st.expander("Go back to an earlier round"):
        st.markdown(
            "Its suggestions, threshold and questions come into force again. No judgement and "
            "no round is lost; you can return the same way."
        )
        chosen = st.selectbox(
            "Round", others, format_func=lambda r: f"Round {r.number}", key="earlier"
        )
        if st.button("Put it in force", key="roll_back"):
            with shown_errors():
                with here.store.write() as session:
                    roll_back(session, project.id, chosen.id)
                st.toast(f"Round {chosen.number} is in force.")
                st.rerun()


main()
