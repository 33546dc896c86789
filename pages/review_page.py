"""Look at doubtful judgements again: the card, and what doing so has brought."""

from __future__ import annotations

import streamlit as st

from core.api.tokens import issue_token
from core.domain import ReviewKind
from core.services.exclusive import is_exclusive
from core.services.labels import active_labels
from core.services.review_effect import ReviewEffect, review_effect
from core.services.review_queue import LOADERS
from core.store.tables import Project
from pages.widgets.context import PAGE_FILES, Context, context, query_of, require_project
from pages.widgets.job_watch import watch_job
from pages.widgets.review_card import review_card
from pages.widgets.review_words import KINDS, told_of
from pages.widgets.text import counted

API_BASE = "/api/v1"
ABOUT = (
    "A verdict is a judgement like any other: the next round learns from it, and it can be taken "
    "back. Documents of the audit set are not asked about."
)


def draw(here: Context, project: Project) -> None:
    """The chooser, the card, and the effect."""
    st.title("Review")
    watch_job(here, project.id, in_full=False)
    if project.active_round_id is None:
        st.info("Run a round first: it finds the judgements that are worth looking at again.")
        st.page_link(
            PAGE_FILES["train"],
            label="Go to Train",
            icon=":material/model_training:",
            query_params=query_of(project.id),
        )
        return
    kind = choose_kind(project)
    st.caption(f"{KINDS[kind].about} {ABOUT}")
    draw_card(here, project, kind)
    draw_effect(here, project)


def choose_kind(project: Project) -> ReviewKind:
    """Which doubt to look at; where one label applies there are no pairs."""
    of_pairs = {ReviewKind.PAIR, ReviewKind.COMPANION} if is_exclusive(project) else set()
    kinds = [str(kind) for kind in LOADERS if kind in KINDS and kind not in of_pairs]
    chosen = st.segmented_control(
        "Why",
        kinds,
        format_func=lambda kind: KINDS[ReviewKind(kind)].title,
        default=kinds[0],
        key="kind",
        required=True,
        bind="query-params",
        label_visibility="collapsed",
    )
    return ReviewKind(chosen or kinds[0])


def draw_card(here: Context, project: Project, kind: ReviewKind) -> None:
    """The card talks to the API by itself; a verdict causes no page run."""
    with here.store.read() as session:
        labels = [
            {
                "id": label.id,
                "name": label.name,
                "description": label.description,
                "colour": label.colour,
            }
            for label in active_labels(session, project.id)
        ]
    review_card(
        api_base=API_BASE,
        token=issue_token(here.settings, annotator=here.annotator, project_id=project.id),
        project={
            "id": project.id,
            # Another database may have a project of this number; its verdicts are not ours.
            "storage": f"{project.id}-{project.created_at.timestamp():.0f}",
            "exclusive": is_exclusive(project),
        },
        labels=labels,
        annotator=here.annotator,
        kind=str(kind),
        key=f"review_card_{kind}",
    )


@st.fragment(run_every=10)
def draw_effect(here: Context, project: Project) -> None:
    """What looking again has brought, counted anew now and then."""
    with here.store.read() as session:
        effect = review_effect(session, here.settings, project.id)
    with st.container(border=True, key="effect"):
        st.markdown("#### What looking again has brought")
        _draw_counts(effect)
        for sentence in told_of(effect):
            st.markdown(sentence)


def _draw_counts(effect: ReviewEffect) -> None:
    with st.container(horizontal=True, gap="medium"):
        for title, n in (
            ("Kept", effect.n_confirmed),
            ("Changed", effect.n_flipped),
            ("Unsure", effect.n_unsure),
        ):
            with st.container(width=110, gap=None):
                st.metric(title, f"{n:,}")
    if not effect.n_reviewed:
        st.caption("Nothing has been looked at again yet.")
    elif effect.expected_left is not None:
        left = counted(round(effect.expected_left), "doubtful judgement")
        st.caption(f"Very roughly {left} that nobody looked at again are still wrong.")


page = context()
draw(page, require_project(page))
