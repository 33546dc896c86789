"""What to compare, and on what: the usual choices made, the rest behind a fold."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from sqlalchemy import func, select

from core.services.projects import ProjectSettings
from core.services.replay_sources import (
    Source,
    demo_source,
    own_source,
    public_names,
    public_source,
)
from core.services.replays import n_trainings, seconds_per_round, usual_arm, usual_sizes
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Project, Submission
from core.strategies.catalogue import DEFAULT_STRATEGY, STRATEGIES, strategy_info
from core.strategies.plan import BASELINE, ReplayPlan
from pages.widgets.compare_words import arm_title
from pages.widgets.context import Context
from pages.widgets.job_watch import in_words
from pages.widgets.text import counted, escaped

OWN, DEMO, PUBLIC = "own", "demo", "public"
PLACES = {
    OWN: "This project's judged documents",
    DEMO: "The demo texts",
    PUBLIC: "A public data set",
}
PUBLIC_TOLD = "From the optional folder of data sets."
LEARNERS = {
    "quick": "Quick: a small network on the meaning of each text. Minutes.",
    "deep": "Deep: the language model is trained anew in every round, as papers do it. "
    "Hours, and it wants a GPU.",
}
WHY_RANDOM = (
    "Random is always played as well: it is the yardstick, and without it nobody can say whether "
    "asking cleverly saved anything."
)


@dataclass(frozen=True)
class Choice:
    """What stands in the form."""

    source: Source
    plan: ReplayPlan
    why_not: str  # why it cannot be run as it stands; empty where it can


def choose_comparison(here: Context, project: Project) -> Choice:
    """The comparison as it stands on the page, with what it will cost."""
    source = _choose_source(here, project)
    usual = ProjectSettings.of(project)
    first = usual.strategy if usual.strategy != BASELINE else DEFAULT_STRATEGY
    names = [strategy.name for strategy in STRATEGIES if strategy.name != BASELINE]
    chosen = st.multiselect(
        "Strategies to compare with random",
        names,
        default=[first] if first in names else [],
        format_func=arm_title,
        key="compare_strategies",
        placeholder="Choose some",
    )
    st.caption(WHY_RANDOM)
    for name in chosen[-1:]:
        st.caption(f"{arm_title(name)}: {strategy_info(name).description}")
    plan = _choose_options(here, usual, source, chosen)
    _draw_cost(here, plan, source)
    return Choice(source, plan, source.why_not or _why_not(plan, source, chosen))


def _choose_source(here: Context, project: Project) -> Source:
    public = public_names(here.settings)
    own = _own(here, project)
    places = [OWN, DEMO, *([PUBLIC] if public else [])]
    place = st.radio(
        "Compare on",
        places,
        index=places.index(DEMO if own.why_not else OWN),
        format_func=PLACES.__getitem__,
        captions=[escaped(told) for told in (own.why_not or own.told, _demo().told, PUBLIC_TOLD)][
            : len(places)
        ],
        key="compare_on",
    )
    source = own
    if place == DEMO:
        source = _demo()
    elif place == PUBLIC:
        name = st.selectbox("Data set", public, key="compare_public")
        source = _public(here.settings, name)
        st.caption(escaped(source.told))
    return source


def _choose_options(
    here: Context, usual: ProjectSettings, source: Source, chosen: list[str]
) -> ReplayPlan:
    """The rest of the plan; the numbers suit the documents, and are asked anew for others."""
    n_initial, batch_size, n_rounds = usual_sizes(source.n_pool)
    with st.expander("Options"):
        learner = st.radio(
            "Learner", list(LEARNERS), format_func=LEARNERS.__getitem__, key="compare_learner"
        )
        first, batch, rounds, seeds = st.columns(4)
        n_initial = first.number_input(
            "First documents",
            *(1, 100_000, n_initial),
            key=f"n_initial_{source.data}",
            help="Judged before the first question; the same for all strategies of a seed.",
        )
        batch_size = batch.number_input(
            "Per round",
            *(1, 10_000, batch_size),
            key=f"batch_{source.data}",
            help="Documents asked about before the next training.",
        )
        n_rounds = rounds.number_input("Rounds", 1, 1_000, n_rounds, key=f"rounds_{source.data}")
        n_seeds = seeds.number_input(
            "Seeds",
            *(1, 30, 3),
            key="compare_seeds",
            help="How often everything is played from other first documents. Three give a first "
            "impression; five or more tell small differences from chance.",
        )
    return ReplayPlan(
        name="comparison",
        data=source.data,
        arms=tuple(usual_arm(usual, name) for name in [BASELINE, *chosen]),
        seeds=tuple(range(int(n_seeds))),
        n_initial=int(n_initial),
        batch_size=int(batch_size),
        n_rounds=int(n_rounds),
        n_folds=0 if learner == "deep" else ReplayPlan.n_folds,
        learner=learner,
        encoder=usual.encoder or here.settings.encoder,
    )


def _draw_cost(here: Context, plan: ReplayPlan, source: Source) -> None:
    """How much is judged in the play, and how long it may take."""
    with here.store.read() as session:
        seconds = seconds_per_round(session, plan)
    n = n_trainings(plan, source.n_pool)
    told = (
        f"Each strategy judges {min(plan.budget, source.n_pool):,} of "
        f"{counted(source.n_pool, 'document')}; {counted(n, 'training')} in all."
    )
    if seconds is None:
        told += " How long that takes is not known before the first comparison is done."
    else:
        told += f" About {in_words(n * seconds)}, going by the {seconds:.1f} s of a round lately."
    st.caption(f":material/schedule: {told} Rounds go first: a comparison holds still for them.")


def _why_not(plan: ReplayPlan, source: Source, chosen: list[str]) -> str:
    if not chosen:
        return "Choose at least one strategy to compare with random."
    if plan.n_initial >= source.n_pool:
        return (
            f"There are {source.n_pool:,} documents to ask about, so beginning with "
            f"{plan.n_initial:,} leaves nothing to ask; begin with fewer."
        )
    return ""


def _own(here: Context, project: Project) -> Source:
    """Counted once per change: reading all judgements of a large project takes a while."""
    of_project = Document.project_id == project.id
    with here.store.read() as session:
        revision = (
            session.scalar(
                select(func.max(Submission.id)).where(Submission.project_id == project.id)
            ),
            session.scalar(select(func.count()).where(of_project, Document.is_audited.is_(True))),
            project.schema_version,
        )
    born = project.created_at.isoformat()
    return _counted(here.store, (here.store.url, born), project.id, revision)


@st.cache_data(max_entries=64, show_spinner=False)
def _counted(
    _store: Store, where: tuple[str, str], project_id: int, revision: tuple[int | None, ...]
) -> Source:
    with _store.read() as session:
        return own_source(session, project_id)


@st.cache_data(max_entries=1, show_spinner=False)
def _demo() -> Source:
    return demo_source()


@st.cache_data(max_entries=32, ttl=3600, show_spinner="Counting its texts")
def _public(_settings: Settings, name: str) -> Source:
    return public_source(_settings, name)
