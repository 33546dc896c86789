"""What round to run: the usual choices made, the rest behind a fold, and why none can be run."""

from __future__ import annotations

import streamlit as st

from core.domain import RoundKind
from core.errors import InputError, NotReady
from core.services.jobs import JobInfo
from core.services.labels import active_labels
from core.services.learner_choice import (
    check_learner_is_ready,
    checked_learner,
    usable_learner,
)
from core.services.projects import ProjectSettings, change_settings, get_project
from core.services.round_requests import LARGEST_SEED, check_request, usual_request
from core.services.rounds import RoundRequest, round_freshness
from core.strategies.catalogue import STRATEGIES, strategy_info
from pages.widgets.context import Context
from pages.widgets.learner_form import choose_learner
from pages.widgets.recipe_form import choose_recipe

KINDS = {RoundKind.QUICK: "Quick, seconds", RoundKind.DEEP: "Deep, minutes"}
KIND_WORDS = {
    RoundKind.QUICK: "Learns from the meaning and the words of each text, read once and kept.",
    RoundKind.DEEP: "Trains the language model itself. Slower, and often better once a few "
    "hundred documents are judged; quick rounds go on from it.",
}


def choose_request(here: Context, project_id: int) -> RoundRequest:
    """The request as it stands on the page."""
    kind = st.radio(
        "Kind of round",
        list(KINDS),
        format_func=KINDS.__getitem__,
        captions=[KIND_WORDS[kind] for kind in KINDS],
        key="kind",
        horizontal=True,
    )
    return _choose_options(here, project_id, kind)


def hindrance(here: Context, project_id: int, last: JobInfo | None, request: RoundRequest) -> str:
    """Why this round cannot be run now, and the way out; empty where it can."""
    if last is not None and last.is_active:
        return "A round is under way; wait for it or cancel it."
    with here.store.read() as session:
        if not active_labels(session, project_id):
            return "There are no labels yet. Add some under Labels, then judge a few documents."
        if round_freshness(session, project_id)[1] == 0:
            return "Nothing to learn from yet. Judge a few documents under Annotate first."
        try:
            check_request(request)
            check_learner_is_ready(session, project_id, request.kind, request.learner)
        except (InputError, NotReady) as error:
            return str(error)
    return ""


def _choose_options(here: Context, project_id: int, kind: RoundKind) -> RoundRequest:
    """The rest of the request; what was run last time is offered again."""
    with here.store.read() as session:
        usual = usual_request(session, project_id)
        settings = ProjectSettings.of(get_project(session, project_id))
    names = [strategy.name for strategy in STRATEGIES]
    with st.expander("Options"):
        remembered = usable_learner(kind, settings.learner.get(kind, {}))
        learner = choose_learner(
            kind, remembered, exclusive=settings.exclusive, project_id=project_id
        )
        st.divider()
        strategy = st.selectbox(
            "Ask next about",
            names,
            index=names.index(usual.strategy) if usual.strategy in names else 0,
            format_func=lambda name: strategy_info(name).title,
            key=f"strategy_{project_id}",  # or another project's choice would stand here
        )
        about = strategy_info(strategy)
        st.caption(about.description)
        left, middle, right = st.columns(3)
        query_size = left.number_input("Documents to ask about", 1, 1_000, usual.query_size)
        n_passes = middle.number_input(
            "Passes or heads",
            *(2, 200, usual.n_passes),
            disabled=not about.needs_samples,
            help="How often the model answers with random parts switched off, or how many heads "
            "are trained; where the answers differ, it does not know. More passes, finer scores, "
            "more time. Of heads, 5 do.",
        )
        recipe = choose_recipe(about, usual.recipe, project_id=project_id)
        seed = right.number_input(
            "Seed",
            *(0, LARGEST_SEED, None),
            placeholder="drawn",
            help="The same judgements, options and seed give the same round on the same device.",
        )
    return RoundRequest(
        kind=kind,
        strategy=strategy,
        n_passes=int(n_passes),
        query_size=int(query_size),
        recipe=recipe,
        seed=None if seed is None else int(seed),
        learner=learner,
    )


def remember(here: Context, project_id: int, request: RoundRequest) -> None:
    """Offer the same choices next time."""
    with here.store.write() as session:
        learners = ProjectSettings.of(get_project(session, project_id)).learner
        change_settings(
            session,
            project_id,
            strategy=request.strategy,
            recipe=request.recipe,
            n_passes=request.n_passes,
            query_size=request.query_size,
            learner={**learners, str(request.kind): checked_learner(request.kind, request.learner)},
        )
