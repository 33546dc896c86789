"""The judgements to look at again, a page at a time, as the round in force found them.

A cell that was looked at before, or judged anew since the round began, is left out;
so is one whose judgement has been taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from core.domain import JudgementState, ReviewKind, SubmissionKind
from core.services.diagnoses import COMPANIONS, COPIES, PAIRS, SUSPECTS, Cells, read_cells
from core.services.documents import DocumentInBrief, documents_in_brief
from core.services.judgement_matrix import LabelSpan, active_spans
from core.services.predictions import folder_in_force
from core.services.projects import get_project
from core.settings import Settings
from core.store.tables import Annotator, Judgement, Review, Round, Submission

LONGEST_TEXT = 20_000  # characters
LARGEST_PAGE = 100

Cell = tuple[int, int]  # document id, label id
Loader = Callable[[Session, Settings, int], Cells | None]


@dataclass(frozen=True)
class Word:
    """The newest word on a cell: what it says, whose it is, and when it was said."""

    is_present: bool
    annotator: str
    at: datetime


@dataclass(frozen=True)
class Beside:
    """The text nearly alike that was judged the other way."""

    document: DocumentInBrief
    cosine: float  # 1: the same words


@dataclass(frozen=True)
class ToReview:
    """One judgement to look at again."""

    place: int  # in the round's list
    document: DocumentInBrief
    label_id: int
    said: Word
    proba: float | None  # by a model that did not see the document
    suspicion: float | None  # probability that the judgement is wrong; see `with_id`
    # The label of the same document that makes it doubtful; `suspicion` is then the share of
    # that label's documents that are judged the other way.
    with_id: int | None
    instead_id: int | None  # where one label applies: the most probable other one
    beside: Beside | None


@dataclass(frozen=True)
class ReviewPage:
    """Some of the queue. Without a round, or with one of an earlier version, `is_ready` is false.

    `next_after` goes on behind the last; None at the end. Places belong to `round_id`.
    """

    items: tuple[ToReview, ...]
    next_after: int | None
    n_left: int
    round_id: int | None
    is_ready: bool


def of_file(name: str) -> Loader:
    """Reads one of the files of the round in force."""

    def load(session: Session, settings: Settings, project_id: int) -> Cells | None:
        if get_project(session, project_id).active_round_id is None:
            return None  # the cold start has a folder, but nothing was judged then
        folder = folder_in_force(session, settings, project_id)
        return None if folder is None else read_cells(folder / name)

    return load


# One loader for each kind of queue; a kind without one has no queue of its own.
LOADERS: dict[ReviewKind, Loader] = {
    ReviewKind.SUSPECT: of_file(SUSPECTS),
    ReviewKind.COPIES: of_file(COPIES),
    ReviewKind.PAIR: of_file(PAIRS),
    ReviewKind.COMPANION: of_file(COMPANIONS),
}


def suspect_queue(
    session: Session,
    settings: Settings,
    project_id: int,
    *,
    kind: ReviewKind = ReviewKind.SUSPECT,
    after: int | None = None,
    n: int = 20,
    round_id: int | None = None,
) -> ReviewPage:
    """The next `n` judgements to look at again, behind the place `after`.

    Places of another round than the one in force (`round_id`) begin anew.
    """
    active_id = get_project(session, project_id).active_round_id
    waiting_for = _waiting(session, settings, project_id, kind)
    if waiting_for is None:
        return ReviewPage((), None, 0, active_id, is_ready=False)
    cells, places = waiting_for
    spans = {span.id: span for span in active_spans(session, project_id)}
    is_same = round_id is None or round_id == active_id
    start = -1 if after is None or not is_same else after
    items: list[ToReview] = []
    waiting = [place for place in places if place > start]
    n = min(n, LARGEST_PAGE)
    n_looked_at = 0
    for chunk in _chunks(waiting, n):
        n_looked_at += len(chunk)
        items += _described(session, cells, chunk, spans)
        if len(items) >= n:
            break
    items = items[:n]
    is_end = n_looked_at >= len(waiting) and (not items or items[-1].place >= waiting[-1])
    last = items[-1].place if items else None
    return ReviewPage(tuple(items), None if is_end else last, len(places), active_id, is_ready=True)


def expected_left(session: Session, settings: Settings, project_id: int) -> float | None:
    """How many of the suspects that nobody looked at again are probably wrong; None: no round."""
    found = _waiting(session, settings, project_id, ReviewKind.SUSPECT)
    return None if found is None else float(found[0].suspicion[found[1]].sum())


def _waiting(
    session: Session, settings: Settings, project_id: int, kind: ReviewKind
) -> tuple[Cells, list[int]] | None:
    """What the round in force found, and which places of it wait for a second look."""
    cells = LOADERS[kind](session, settings, project_id) if kind in LOADERS else None
    if cells is None:
        return None
    active_id = get_project(session, project_id).active_round_id
    known = {span.id for span in active_spans(session, project_id)}
    settled = _Settled(session, project_id, since=_up_to_submission(session, active_id))
    places = [
        place
        for place, cell in enumerate(_cells(cells))
        if cell[1] in known and not settled.has(cell) and not settled.has(_other(cells, place))
    ]
    return cells, places


def suspicion_of(
    session: Session, settings: Settings, project_id: int, kind: ReviewKind, cell: Cell
) -> float | None:
    """The probability with which the round in force finds this judgement wrong, if it says so."""
    cells = LOADERS[kind](session, settings, project_id) if kind in LOADERS else None
    if cells is None:
        return None
    is_it = (cells.document_ids == cell[0]) & (cells.label_ids == cell[1])
    return float(cells.suspicion[is_it][0]) if is_it.any() else None


def words_on(
    session: Session, document_ids: Collection[int], spans: Mapping[int, LabelSpan]
) -> dict[Cell, Word]:
    """The newest word on each judged cell of these documents, of active labels."""
    undo = aliased(Submission)
    said = (
        select(
            Submission.id,
            Submission.document_id,
            Submission.kind,
            Submission.schema_version,
            Submission.created_at,
            Annotator.name,
            Judgement.label_id,
            Judgement.state,
        )
        .join(Annotator, Annotator.id == Submission.annotator_id)
        .outerjoin(Judgement, Judgement.submission_id == Submission.id)
        .outerjoin(undo, undo.undoes_id == Submission.id)
        .where(
            Submission.document_id.in_(document_ids),
            Submission.kind.in_([SubmissionKind.COMPLETE, SubmissionKind.PARTIAL]),
            undo.id.is_(None),
        )
        .order_by(Submission.id)
    )
    words: dict[Cell, Word] = {}
    before: int | None = None
    for row in session.execute(said):
        if row.id != before and row.kind is SubmissionKind.COMPLETE:
            for span in spans.values():
                if span.is_active_at(row.schema_version):
                    words[row.document_id, span.id] = Word(False, row.name, row.created_at)
        before = row.id
        if row.label_id in spans:
            cell = (row.document_id, row.label_id)
            words.pop(cell, None)
            if row.state in (JudgementState.PRESENT, JudgementState.ABSENT):
                is_present = row.state == JudgementState.PRESENT
                words[cell] = Word(is_present, row.name, row.created_at)
    return words


class _Settled:
    """Cells that need no second look: looked at before, or judged anew since."""

    def __init__(self, session: Session, project_id: int, *, since: int) -> None:
        undo = aliased(Submission)
        in_force = (
            select(Submission.document_id, Submission.kind, Judgement.label_id)
            .outerjoin(Judgement, Judgement.submission_id == Submission.id)
            .outerjoin(undo, undo.undoes_id == Submission.id)
            .where(Submission.project_id == project_id, Submission.id > since, undo.id.is_(None))
        )
        self._documents: set[int] = set()
        self._cells: set[Cell] = set()
        for row in session.execute(in_force):
            if row.kind is SubmissionKind.COMPLETE:
                self._documents.add(row.document_id)
            elif row.kind is SubmissionKind.PARTIAL and row.label_id is not None:
                self._cells.add((row.document_id, row.label_id))
        reviewed = (
            select(Review.document_id, Review.label_id)
            .outerjoin(undo, undo.undoes_id == Review.submission_id)
            .where(Review.project_id == project_id, undo.id.is_(None))
        )
        self._cells |= {(row.document_id, row.label_id) for row in session.execute(reviewed)}

    def has(self, cell: Cell) -> bool:
        return cell[0] in self._documents or cell in self._cells


def _cells(cells: Cells) -> Iterator[Cell]:
    return zip(cells.document_ids.tolist(), cells.label_ids.tolist(), strict=True)


def _other(cells: Cells, place: int) -> Cell:
    """The judgement that this one contradicts; document 0, which there is not, for none."""
    return int(cells.others[place]), int(cells.label_ids[place])


def _is_present(word: Word | None) -> bool:
    return word is not None and word.is_present


def _chunks(places: list[int], n: int) -> Iterator[list[int]]:
    for start in range(0, len(places), max(n, 1)):
        yield places[start : start + max(n, 1)]


def _up_to_submission(session: Session, round_id: int | None) -> int:
    round_ = None if round_id is None else session.get(Round, round_id)
    return 0 if round_ is None else int(round_.config.get("up_to_submission") or 0)


def _described(
    session: Session, cells: Cells, places: list[int], spans: Mapping[int, LabelSpan]
) -> list[ToReview]:
    """Those of these places whose judgement still stands, with all that is shown of them."""
    others = {int(cells.others[place]) for place in places} - {0}
    ids = {int(cells.document_ids[place]) for place in places} | others
    texts = documents_in_brief(session, sorted(ids), length=LONGEST_TEXT)
    words = words_on(session, ids, spans)
    items = []
    for place in places:
        cell = (int(cells.document_ids[place]), int(cells.label_ids[place]))
        other_id = int(cells.others[place])
        said, other = words.get(cell), words.get((other_id, cell[1]))
        if said is None or said.is_present != bool(cells.is_present[place]):
            continue
        with_id = int(cells.with_ids[place])
        if with_id and not _is_present(words.get((cell[0], with_id))):
            continue  # the label that made it doubtful was taken away
        if cell[0] not in texts or (other_id and (other_id not in texts or other is None)):
            continue
        proba, instead = float(cells.proba[place]), int(cells.alternatives[place])
        items.append(
            ToReview(
                place=place,
                document=texts[cell[0]],
                label_id=cell[1],
                said=said,
                proba=None if proba != proba else proba,
                suspicion=float(cells.suspicion[place]),
                with_id=with_id or None,
                instead_id=instead if instead in spans else None,
                beside=Beside(texts[other_id], float(cells.cosine[place])) if other_id else None,
            )
        )
    return items
