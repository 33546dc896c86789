"""Earlier comparisons: open one, go on with a stopped one, let one go."""

from __future__ import annotations

import streamlit as st

from core.domain import JobStatus
from core.services.replays import Replay, delete_replay, resume_replay
from pages.widgets.compare_words import arm_title
from pages.widgets.context import Context
from pages.widgets.errors import shown_errors
from pages.widgets.text import counted, escaped

OPEN = "open_comparison"  # in the session: the id of the one that is shown
ROWS_SHOWN = 6
ROW_HEIGHT = 96  # pixels, roughly
STRATEGIES_NAMED = 4


def chosen_replay(replays: list[Replay]) -> Replay | None:
    """The comparison to show: the one that was opened, else the newest that is done."""
    done = [replay for replay in replays if replay.is_done]
    opened = st.session_state.get(OPEN)
    return next((r for r in done if r.id == opened), next(iter(done), None))


def draw_list(here: Context, replays: list[Replay], *, shown: Replay | None) -> None:
    """Every comparison that is not under way, the newest first."""
    st.subheader("Comparisons")
    height = ROWS_SHOWN * ROW_HEIGHT if len(replays) > ROWS_SHOWN else "content"
    with st.container(height=height, border=False):
        for replay in replays:
            _draw_row(here, replay, is_shown=shown is not None and shown.id == replay.id)


def _draw_row(here: Context, replay: Replay, *, is_shown: bool) -> None:
    with st.container(border=True, key=f"comparison_{replay.id}"):
        about, actions = st.columns([3, 2], vertical_alignment="center")
        about.markdown(escaped(summary(replay)))
        if told := outcome(replay):
            about.caption(escaped(told))
        with actions.container(horizontal=True, horizontal_alignment="right"):
            if replay.is_done:
                st.button(
                    "Shown" if is_shown else "Open",
                    key=f"open_{replay.id}",
                    disabled=is_shown,
                    on_click=_open,
                    args=(replay.id,),
                )
            if replay.can_go_on:
                st.button("Go on", key=f"resume_{replay.id}", on_click=_go_on, args=(here, replay))
            st.button(
                "Delete",
                key=f"delete_{replay.id}",
                type="tertiary",
                on_click=_delete,
                args=(here, replay),
            )


def summary(replay: Replay) -> str:
    """`21 Nov 14:02, the demo texts: Random, BALD; 3 seeds`."""
    names = [arm_title(arm.name) for arm in replay.plan.arms]
    named = ", ".join(names[:STRATEGIES_NAMED])
    more = f" and {len(names) - STRATEGIES_NAMED} more" if len(names) > STRATEGIES_NAMED else ""
    where = str(replay.job.request.get("title") or replay.plan.data)
    when = f"{replay.created_at.day} {replay.created_at:%b %H:%M} UTC"
    return f"{when}, {where}: {named}{more}; {counted(len(replay.plan.seeds), 'seed')}"


def outcome(replay: Replay) -> str:
    """Why there are no results; empty where there are."""
    if replay.job.status is JobStatus.CANCELLED:
        return "Cancelled. What was played is kept: it can go on from there."
    if replay.job.status is JobStatus.FAILED:
        return f"Failed: {replay.job.error or 'no reason was given'}"
    return ""


def _open(replay_id: int) -> None:
    st.session_state[OPEN] = replay_id


def _go_on(here: Context, replay: Replay) -> None:
    with shown_errors():
        resume_replay(here.store, here.settings, replay.id)


def _delete(here: Context, replay: Replay) -> None:
    with shown_errors():
        delete_replay(here.store, here.settings, replay.id)
