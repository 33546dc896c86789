"""The label schema: which labels there are, in which order, under which keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.domain import SubmissionKind
from core.errors import Conflict, InputError, NotFound
from core.palette import label_colour
from core.services.projects import get_project
from core.store.tables import Label, Project, Submission

# Streamlit keeps c and r for itself; b, h, s, u and z are commands of the card.
KEYS = "123456789" + "adefgijklmnopqtvwxy"


@dataclass(frozen=True)
class NewLabel:
    """A label to be added."""

    name: str
    description: str = ""


def active_labels(session: Session, project_id: int) -> list[Label]:
    """Labels that count now, in schema order."""
    return list(
        session.scalars(
            select(Label)
            .where(Label.project_id == project_id, Label.retired_in.is_(None))
            .order_by(Label.position, Label.id)
        )
    )


def retired_labels(session: Session, project_id: int) -> list[Label]:
    """Labels that were taken out of use, in schema order."""
    return list(
        session.scalars(
            select(Label)
            .where(Label.project_id == project_id, Label.retired_in.is_not(None))
            .order_by(Label.position, Label.id)
        )
    )


def add_labels(session: Session, project_id: int, labels: Iterable[NewLabel]) -> list[Label]:
    """Add labels at the end of the schema, with the next free keys and colours."""
    project = get_project(session, project_id)
    existing = list(session.scalars(select(Label).where(Label.project_id == project_id)))
    taken = {label.name: label.retired_in is not None for label in existing}
    free_keys = iter([key for key in KEYS if key not in {label.key for label in existing}])
    position = max((label.position for label in existing), default=-1)
    added = []
    for new in labels:
        name = _checked(new.name, taken, project)
        taken[name] = False
        position += 1
        added.append(
            Label(
                project_id=project_id,
                name=name,
                description=new.description.strip(),
                colour=label_colour(position),
                key=next(free_keys, None),
                position=position,
                added_in=project.schema_version + 1,
            )
        )
    if added:
        project.schema_version += 1
        session.add_all(added)
        session.flush()
    return added


def _checked(name: str, taken: dict[str, bool], project: Project) -> str:
    """The name as it is kept; `taken` says of each name there is whether it is retired."""
    name = name.strip()
    if not name:
        raise InputError("A label needs a name; remove the empty line or type one.")
    if len(name) > 300:
        raise InputError(f"Label '{name[:40]}…' has {len(name)} characters; use at most 300.")
    if taken.get(name):
        raise Conflict(
            f"Label '{name}' is retired in project '{project.name}'; bring it back under Labels, "
            "or choose another name."
        )
    if name in taken:
        raise Conflict(f"Label '{name}' is already in project '{project.name}'.")
    return name


def describe_label(session: Session, label_id: int, *, description: str, key: str | None) -> Label:
    """Change what a label is said to mean and the key that sets it."""
    label = session.get(Label, label_id)
    if label is None:
        raise NotFound(f"There is no label {label_id}; reload the page.")
    key = key or None
    if key is not None and key not in KEYS:
        raise InputError(f"'{key}' cannot be a label's key; use one of {KEYS}.")
    if key is not None:
        taken = session.scalar(
            select(Label.name).where(
                Label.project_id == label.project_id, Label.key == key, Label.id != label_id
            )
        )
        if taken is not None:
            raise Conflict(f"Key '{key}' already belongs to label '{taken}'; choose another.")
    label.description, label.key = description.strip(), key
    return label


def retire_label(session: Session, label_id: int) -> None:
    """Take a label out of use; its judgements are kept."""
    label = session.get(Label, label_id)
    if label is None:
        raise NotFound(f"There is no label {label_id}; reload the page.")
    project = get_project(session, label.project_id)
    project.schema_version += 1
    label.retired_in, label.key = project.schema_version, None


def restore_label(session: Session, label_id: int) -> None:
    """Bring a retired label back, at the end of the keys; its judgements count again.

    A label has one span of schema versions, so this is refused once a document has been judged
    whole without it: that judgement would then read as "absent", which nobody said. A card that
    was opened while the label was retired and hands in afterwards is not told apart.
    """
    label = session.get(Label, label_id)
    if label is None:
        raise NotFound(f"There is no label {label_id}; reload the page.")
    if label.retired_in is None:
        return
    project = get_project(session, label.project_id)
    undo = aliased(Submission)
    n_without = session.scalar(
        select(func.count(func.distinct(Submission.document_id)))
        .outerjoin(undo, undo.undoes_id == Submission.id)
        .where(
            Submission.project_id == project.id,
            Submission.kind == SubmissionKind.COMPLETE,
            Submission.schema_version >= label.retired_in,
            undo.id.is_(None),
        )
    )
    if n_without:
        raise Conflict(
            f"Label '{label.name}' is retired, and {_documents(n_without)} been judged "
            f"without it since; add it under another name, such as '{label.name} 2', "
            "and what is judged is asked about again."
        )
    keys = set(session.scalars(select(Label.key).where(Label.project_id == project.id)))
    project.schema_version += 1
    label.retired_in, label.key = None, next((key for key in KEYS if key not in keys), None)


def _documents(n: int) -> str:
    return "1 document has" if n == 1 else f"{n:,} documents have"
