"""Projects: make, list, open, settle their settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.domain import SubmissionKind
from core.errors import Conflict, InputError, NotFound
from core.evaluation.operating_points import Aim
from core.services.exclusive import check_can_be_exclusive
from core.store.tables import Document, Project, Submission
from core.strategies.catalogue import DEFAULT_STRATEGY
from core.strategies.recipe import Recipe


@dataclass(frozen=True)
class ProjectSettings:
    """What a project's people may change."""

    strategy: str = DEFAULT_STRATEGY
    recipe: dict[str, Any] = field(default_factory=dict)  # changes to the strategy's own recipe
    n_passes: int = 20  # Monte Carlo passes through the head
    query_size: int = 100  # documents a round puts in the queue
    audit_target: int = 100  # documents in the audit set
    audit_every: int = 10  # one in so many served documents belongs to the audit set
    show_suggestions: bool = True
    encoder: str = ""  # empty: the one in the app's settings
    keep_weights: int = 5  # newest rounds whose weights are kept; figures are kept for ever
    pinned_rounds: list[int] = field(default_factory=list)  # numbers of rounds kept whatever comes
    exclusive: bool = False  # exactly one label per document
    learner: dict[str, Any] = field(default_factory=dict)  # chosen last, by kind of round
    aim: dict[str, Any] = field(default_factory=dict)  # what rounds choose their thresholds for

    @property
    def full_aim(self) -> Aim:
        """The aim with what is left out of it; raises InputError for what cannot be."""
        return Aim.from_json(self.aim)

    @classmethod
    def of(cls, project: Project) -> ProjectSettings:
        """The settings of a project; entries this version does not know are left alone."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in project.settings.items() if key in known})


@dataclass(frozen=True)
class ProjectInfo:
    """A line in the list of projects."""

    id: int
    name: str
    description: str
    is_demo: bool
    n_documents: int
    n_judged: int  # documents with a complete judgement, imported ones included


def create_project(
    session: Session,
    name: str,
    *,
    description: str = "",
    is_demo: bool = False,
    exclusive: bool = False,
) -> Project:
    """Make an empty project; `exclusive` says that exactly one label applies to each document."""
    name = name.strip()
    if not name:
        raise InputError("A project needs a name; type one and try again.")
    if len(name) > 200:
        raise InputError(f"The project name has {len(name)} characters; use at most 200.")
    if session.scalar(select(Project.id).where(Project.name == name)) is not None:
        raise Conflict(f"There is already a project called '{name}'; choose another name.")
    settings = {"exclusive": True} if exclusive else {}
    project = Project(name=name, description=description, is_demo=is_demo, settings=settings)
    session.add(project)
    session.flush()
    return project


def get_project(session: Session, project_id: int) -> Project:
    """The project, or a clear error."""
    project = session.get(Project, project_id)
    if project is None:
        raise NotFound(f"There is no project {project_id}; it may have been deleted.")
    return project


def lock_project(session: Session, project_id: int) -> Project:
    """The project as it is now; until this transaction ends, no other one that asks so has it."""
    project = get_project(session, project_id)
    session.flush()  # refreshing forgets what is not written yet
    session.refresh(project, with_for_update=True)  # SQLite has one writer anyway
    return project


def project_named(session: Session, name: str) -> Project:
    """The project of this name, or a clear error."""
    project = session.scalar(select(Project).where(Project.name == name))
    if project is None:
        names = ", ".join(f"'{known}'" for known in session.scalars(select(Project.name)))
        raise NotFound(f"There is no project '{name}'; there are: {names or 'none yet'}.")
    return project


def list_projects(session: Session) -> list[ProjectInfo]:
    """All projects with their sizes, the newest first."""
    documents = (
        select(Document.project_id, func.count().label("n")).group_by(Document.project_id)
    ).subquery()
    undo = aliased(Submission)
    judged = (
        select(Submission.project_id, func.count(func.distinct(Submission.document_id)).label("n"))
        .outerjoin(undo, undo.undoes_id == Submission.id)
        .where(Submission.kind == SubmissionKind.COMPLETE, undo.id.is_(None))
        .group_by(Submission.project_id)
        .subquery()
    )
    rows = session.execute(
        select(Project, func.coalesce(documents.c.n, 0), func.coalesce(judged.c.n, 0))
        .outerjoin(documents, documents.c.project_id == Project.id)
        .outerjoin(judged, judged.c.project_id == Project.id)
        .order_by(Project.id.desc())
    )
    return [
        ProjectInfo(p.id, p.name, p.description, p.is_demo, n_documents, n_judged)
        for p, n_documents, n_judged in rows
    ]


def change_settings(session: Session, project_id: int, **changes: Any) -> ProjectSettings:
    """Change some settings and keep the rest."""
    project = get_project(session, project_id)
    before = ProjectSettings.of(project)
    settings = replace(before, **changes)
    if settings.exclusive and not before.exclusive:
        check_can_be_exclusive(session, project_id)
    if settings.exclusive != before.exclusive:
        project.schema_version += 1  # open cards look at the labels again
    for name, low, high in (
        ("n_passes", 2, 200),
        ("query_size", 1, 1_000),
        ("audit_target", 0, 100_000),
        ("audit_every", 2, 1_000),
        ("keep_weights", 1, 1_000),
    ):
        if not low <= (value := getattr(settings, name)) <= high:
            raise InputError(f"{name} is {value}; give a number from {low} to {high}.")
    Recipe.of(settings.strategy, settings.recipe)  # these refuse what cannot be
    _ = settings.full_aim
    project.settings = {**project.settings, **asdict(settings)}
    return settings


def choose_aim(session: Session, project_id: int, aim: Aim) -> ProjectSettings:
    """From the next round on, thresholds are chosen for this."""
    return change_settings(session, project_id, aim=aim.to_json())


def delete_project(session: Session, project_id: int) -> None:
    """Delete a project with everything in it. Its checkpoint folder is left to the caller."""
    project = get_project(session, project_id)
    project.active_round_id = None
    session.flush()
    session.delete(project)
