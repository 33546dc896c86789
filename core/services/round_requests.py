"""Whether a round can be run, and as what: the checks that come before any work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain import ABSENT, PRESENT, UNJUDGED, Posterior, RoundKind
from core.errors import Conflict, InputError, NotReady
from core.services.jobs import ACTIVE, ROUND
from core.services.judgement_matrix import JudgementMatrix
from core.services.learner_choice import checked_learner, usable_learner
from core.services.projects import ProjectSettings, get_project
from core.store.tables import Job
from core.strategies.catalogue import DEFAULT_STRATEGY
from core.strategies.recipe import Recipe

FEWEST_FOR_DEEP = 30  # judged documents: ten to measure on, twice as many to train on
NOTHING_ABSENT = (
    "Nothing was judged absent yet: only labels that are present were named. Press Enter on some "
    "documents, which judges all their other labels absent."
)
LARGEST_SEED = 2**31 - 1
MOST_HEADS = 20  # of an ensemble: each is trained


@dataclass(frozen=True)
class RoundRequest:
    """What somebody wants to be run."""

    kind: RoundKind = RoundKind.QUICK
    strategy: str = DEFAULT_STRATEGY
    n_passes: int = 20  # Monte Carlo passes, or heads of an ensemble
    query_size: int = 100  # documents put in the queue
    seed: int | None = None  # drawn where none is given
    learner: dict[str, Any] = field(default_factory=dict)  # its "kind", and changes to its options
    recipe: dict[str, Any] = field(default_factory=dict)  # changes to the strategy's own recipe

    @property
    def full_recipe(self) -> Recipe:
        """How the next questions are chosen; raises InputError for what cannot be."""
        return Recipe.of(self.strategy, {**self.recipe, "n_passes": self.n_passes})

    @property
    def full_learner(self) -> dict[str, Any]:
        """The learner by name, with what is changed of it; raises InputError for what cannot be."""
        return checked_learner(self.kind, self.learner)


def usual_request(
    session: Session, project_id: int, kind: RoundKind = RoundKind.QUICK
) -> RoundRequest:
    """The request that a project's settings describe."""
    settings = ProjectSettings.of(get_project(session, project_id))
    return RoundRequest(
        kind=kind,
        strategy=settings.strategy,
        n_passes=settings.n_passes,
        query_size=settings.query_size,
        recipe=settings.recipe,
        learner=usable_learner(kind, settings.learner.get(kind, {})),
    )


def check_request(request: RoundRequest) -> None:
    """Raise InputError for a strategy, size or option that does not exist."""
    recipe = request.full_recipe
    if recipe.posterior is Posterior.ENSEMBLE:
        _check_range("n_passes", recipe.n_passes, (2, MOST_HEADS))
    _check_range("query_size", request.query_size, (1, 1_000))
    if request.seed is not None:
        _check_range("seed", request.seed, (0, LARGEST_SEED))
    checked_learner(request.kind, request.learner)


def _check_range(name: str, value: Any, limits: tuple[int, int]) -> None:
    low, high = limits
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not (is_whole and low <= value <= high):
        raise InputError(f"{name} is {value!r}; give a whole number from {low} to {high}.")


def check_nothing_runs(session: Session, project_id: int) -> None:
    """Raise Conflict while another round of the project waits or runs."""
    other = session.scalar(
        select(Job.id).where(
            Job.project_id == project_id, Job.kind == ROUND, Job.status.in_(ACTIVE)
        )
    )
    if other is not None:
        raise Conflict(
            "A round of this project is already under way; wait until it is done, or cancel it."
        )


def check_judgements(matrix: JudgementMatrix, kind: RoundKind) -> None:
    """Raise NotReady where there is too little to learn from, and say what to do."""
    if not matrix.label_ids:
        raise NotReady("This project has no labels; add some under Labels, then judge documents.")
    truth = matrix.truth[~matrix.is_audited]
    judged = (truth != UNJUDGED).any(axis=1)
    if not judged.any():
        audited = int((matrix.truth != UNJUDGED).any(axis=1).sum())
        kept = f" ({audited} of the audit set are, but those are never trained on)"
        raise NotReady(
            f"No document has been judged yet{kept if audited else ''}; "
            "judge a few under Label, then run a round."
        )
    varies = (truth == PRESENT).any(axis=0) & (truth == ABSENT).any(axis=0)
    if not varies.any():
        if not np.any(truth == ABSENT) and not matrix.is_complete[~matrix.is_audited].all():
            raise NotReady(NOTHING_ABSENT)
        raise NotReady(_all_alike(int(judged.sum()), bool(np.any(truth == PRESENT))))
    if kind is RoundKind.DEEP and judged.sum() < FEWEST_FOR_DEEP:
        raise NotReady(
            f"{judged.sum()} judged documents are too few for a deep round, which trains on some "
            f"and measures on the others; judge {FEWEST_FOR_DEEP - judged.sum()} more, or run a "
            "quick round."
        )


def _all_alike(n_documents: int, any_present: bool) -> str:
    if not any_present:
        return (
            f"Not one label is present in the {n_documents} judged documents, so there is nothing "
            "to tell apart; judge a document that has a label."
        )
    return (
        f"The {n_documents} judged documents are all judged alike, so there is nothing to tell "
        "apart; judge documents that differ."
    )
