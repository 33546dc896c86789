"""The shapes that travel over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from core.domain import (
    JobStatus,
    JudgementState,
    QueryKind,
    RoundKind,
    SubmissionKind,
    SubmissionSource,
)
from core.services.seeding import MOST_FOUND, USUAL_FOUND

LARGEST_BATCH = 500
LARGEST_LEASE = 100
LARGEST_NUMBER = 2**31 - 1  # what an integer column holds on every database

ClientId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[^\x00-\x1f\x7f]+$",  # PostgreSQL stores no NUL
        description="One per open card; no control characters.",
    ),
]
Number = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Id = Number


class _Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="forbid")


class Failure(_Shape):
    """What went wrong, for a program and for a person."""

    kind: str
    message: str


class FailureAnswer(_Shape):
    """The body of every answer that is not a success."""

    error: Failure


class Health(_Shape):
    """Whether the app is well."""

    version: str
    is_worker_alive: bool
    heavy_modules: list[str]  # learning libraries in the server process: none, if all is well


class NewProject(_Shape):
    """A project to be made."""

    name: str
    description: str = ""
    exclusive: bool = Field(
        default=False, description="Whether exactly one label applies to each document."
    )


class ProjectLine(_Shape):
    """A project in the list."""

    id: int
    name: str
    description: str
    is_demo: bool
    n_documents: int
    n_judged: int


class ProjectDetail(_Shape):
    """A project."""

    id: int
    name: str
    description: str
    guidelines: str
    is_demo: bool
    exclusive: bool  # exactly one label applies to each document
    schema_version: int
    active_round_id: int | None
    created_at: datetime


class DocumentLine(_Shape):
    """A document."""

    id: int
    external_id: str
    text: str
    is_audited: bool
    details: dict[str, Any] | None


class DocumentPage(_Shape):
    """A page of documents; `next_cursor` is null on the last one."""

    documents: list[DocumentLine]
    next_cursor: int | None


class NewLabelBody(_Shape):
    """A label to be added."""

    name: str
    description: str = ""


class LabelBody(_Shape):
    """A label of the schema."""

    id: int
    name: str
    description: str
    colour: str
    key: str | None


class LabelSchema(_Shape):
    """All active labels, in order."""

    schema_version: int
    exclusive: bool  # exactly one of them applies to each document
    labels: list[LabelBody]


class LeaseRequest(_Shape):
    """Ask for documents to judge."""

    client_id: ClientId
    n: int = Field(ge=1, le=LARGEST_LEASE, description="In all, with those in hand.")
    have: list[Id] = Field(
        default=[], max_length=1000, description="Documents whose text need not be sent again."
    )
    release: list[Id] = Field(
        default=[], max_length=1000, description="Documents to let go unjudged, before the lease."
    )


class DrivingLabelBody(_Shape):
    """A label that decided."""

    label_id: int
    share: float  # of all that the labels contributed
    proba: float


class NeighbourBody(_Shape):
    """A judged document that reads alike, as it is judged now."""

    document_id: int
    similarity: float  # cosine
    excerpt: str
    present: list[int]  # label ids


class BecauseBody(_Shape):
    """What the choice of a document rests on."""

    labels: list[DrivingLabelBody] = []  # the strongest first
    neighbours: list[NeighbourBody] = []  # the nearest first
    wanted_label_id: int | None = None  # the label that examples were sought of
    search: str | None = None  # the words somebody looked for


class Chosen(_Shape):
    """A document to judge, and why."""

    document_id: int
    external_id: str
    text: str
    query_id: int | None = None
    kind: QueryKind | None = None
    strategy: str = ""
    reason: str = ""  # a sentence
    because: BecauseBody | None = None  # its parts
    score: float | None = None
    selection_probability: float | None = None
    round_number: int | None = None
    suggestions: dict[int, float] = {}  # label id → probability
    predicted: list[int] = Field(
        default=[], description="Labels at or above the thresholds in force, the surest first."
    )
    said_kind: SubmissionKind | None = None  # what the caller said of it before
    said: dict[int, JudgementState] = {}


class ThresholdsBody(_Shape):
    """From which probability on a label is predicted."""

    shared: float  # of labels that have none of their own
    own: dict[int, float] = {}  # by label id


class Lease(_Shape):
    """Documents in the client's hands."""

    schema_version: int
    round_number: int | None  # in force
    is_ordered: bool  # by a round or the cold start; until then documents come by chance
    newest_finds: int | None  # the newest search; when it changes, there are better questions
    thresholds: ThresholdsBody  # in force now, for documents in hand too
    lease_s: int
    in_hand: list[int]  # all of them, in the order to judge
    documents: list[Chosen]  # those the client did not have yet


class SubmissionBody(_Shape):
    """One press of a submit key."""

    client_id: ClientId
    sequence: Number = Field(description="Never used twice by one client.")
    document_id: Id
    kind: SubmissionKind
    states: dict[Id, JudgementState] = {}
    query_id: Id | None = None
    undoes_sequence: Number | None = None
    undoes_client_id: ClientId | None = None
    schema_version: Number | None = Field(
        default=None, description="Of the labels you looked at; a complete submission needs it."
    )
    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _says_which_labels_were_seen(self) -> SubmissionBody:
        if self.kind is SubmissionKind.COMPLETE and self.schema_version is None:
            raise PydanticCustomError(
                "schema_version_missing",
                "A complete submission names the schema_version you looked at, as the lease "
                "and the list of labels tell it; labels added later stay unjudged",
            )
        return self


class SubmissionBatch(_Shape):
    """Submissions, stored together or not at all."""

    submissions: list[SubmissionBody] = Field(min_length=1, max_length=LARGEST_BATCH)
    source: Literal[SubmissionSource.API, SubmissionSource.CARD] = SubmissionSource.API


class AcknowledgementBody(_Shape):
    """A submission that is safely stored."""

    client_id: str
    sequence: int
    submission_id: int
    is_repeat: bool


class Acknowledgements(_Shape):
    """One acknowledgement per submission, in order."""

    acknowledged: list[AcknowledgementBody]


class NewSearch(_Shape):
    """Texts to be found and put first in the queue."""

    text: str = Field(description="A typical sentence, some words, or a name.")
    n: int = Field(default=USUAL_FOUND, description=f"How many, at most {MOST_FOUND}.")


class SearchBody(_Shape):
    """A search, and how it went."""

    job_id: int
    status: JobStatus
    text: str
    n_wanted: int
    n_found: int
    n_with_words: int  # of those found
    n_unread: int  # documents without a vector: compared by their words alone
    note: str
    error: str | None
    fraction: float


class NewRound(_Shape):
    """A round to be run; what is left out follows the project's settings."""

    kind: RoundKind = RoundKind.QUICK
    strategy: str | None = None
    seed: Number | None = None
    n_passes: Number | None = None
    query_size: Number | None = None
    learner: dict[str, Any] | None = Field(
        default=None,
        description="Its name under `kind`, such as 'mlp', and what to change of its options.",
    )
    recipe: dict[str, Any] | None = Field(
        default=None, description="Changes to the strategy's own way of making a batch."
    )


class NewThresholds(_Shape):
    """Thresholds to be put in force for a round."""

    shared: float = Field(ge=0.0, le=1.0, description="Of labels without one of their own.")
    own: dict[int, Annotated[float, Field(ge=0.0, le=1.0)]] = Field(
        default={}, description="Label id → threshold."
    )
    aim: dict[str, Any] | None = Field(
        default=None,
        description="What they were chosen for, such as {'goal': 'f1', 'scope': 'per-label'}; "
        "left out, they were set by hand.",
    )


class OperatingPointBody(_Shape):
    """The thresholds in force for a round, and where they come from."""

    thresholds: dict[int, float]  # by label id, every label of the round
    shared: float
    own: dict[int, float]  # of labels that have one of their own
    aim: dict[str, Any] | None  # what they were chosen for; null: set by hand
    set_by: str | None
    set_at: datetime | None
    is_own_of_round: bool  # the round chose them itself


class RoundLine(_Shape):
    """A round."""

    id: int
    number: int
    kind: RoundKind
    status: JobStatus
    strategy: str
    learner: dict[str, Any]
    is_exclusive: bool
    seed: int
    metrics: dict[str, Any] | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None
