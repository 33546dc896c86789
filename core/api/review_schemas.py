"""The shapes of looking at judgements again, as they travel over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from core.api.schemas import LARGEST_BATCH, ClientId, Id, Number
from core.domain import JudgementState, ReviewKind, SubmissionSource, Verdict

Seen = Literal[JudgementState.PRESENT, JudgementState.ABSENT]


class _Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="forbid")


class BesideBody(_Shape):
    """A text nearly alike that was judged the other way."""

    document_id: int
    external_id: str
    text: str
    cosine: float  # 1: the same words


class ToReviewBody(_Shape):
    """A judgement to look at again."""

    place: int  # in the queue of this round
    document_id: int
    external_id: str
    text: str
    label_id: int
    state: Seen  # as it is judged now
    judged_by: str
    judged_at: datetime
    proba: float | None  # by a model that did not see the document
    suspicion: float | None = Field(
        description=(
            "The probability that the judgement is wrong; of a pair or companion, the share of "
            "the documents with the label `with_id` that are judged the other way."
        )
    )
    with_id: int | None  # the label of the same document that makes the judgement doubtful
    instead_id: int | None  # where one label applies: the most probable other one
    beside: BesideBody | None


class ReviewPageBody(_Shape):
    """A part of the queue; go on with `next_after`, null at its end."""

    kind: ReviewKind
    is_ready: bool  # the round in force has looked for such
    round_id: int | None
    n_left: int
    next_after: int | None
    items: list[ToReviewBody]


class VerdictBody(_Shape):
    """A verdict; or, with `undoes_sequence`, that one does not count any more."""

    client_id: ClientId
    sequence: Number = Field(description="Never used twice by one client, submissions included.")
    document_id: Id
    label_id: Id | None = None
    kind: ReviewKind = ReviewKind.SUSPECT
    verdict: Verdict | None = None
    seen: Seen | None = Field(
        default=None, description="The judgement you looked at; that of this moment unless given."
    )
    instead_id: Id | None = Field(
        default=None,
        description="Where one label applies: the one that does, for a flip of one that does not.",
    )
    undoes_sequence: Number | None = None
    undoes_client_id: ClientId | None = None

    @model_validator(mode="after")
    def _is_a_verdict_or_an_undo(self) -> VerdictBody:
        is_undo = self.undoes_sequence is not None
        if is_undo == (self.verdict is not None and self.label_id is not None):
            raise PydanticCustomError(
                "verdict_or_undo",
                "Send a label_id with a verdict, or the undoes_sequence of one to take back",
            )
        return self


class VerdictBatch(_Shape):
    """Verdicts, stored together or not at all."""

    verdicts: list[VerdictBody] = Field(min_length=1, max_length=LARGEST_BATCH)
    source: Literal[SubmissionSource.API, SubmissionSource.CARD] = SubmissionSource.API


class RoundAfterBody(_Shape):
    """The latest round that knew flips which the round before it did not."""

    number: int
    number_before: int
    n_flipped: int
    micro_f1: float | None
    micro_f1_before: float | None
    is_comparable: bool  # both were measured on the audit set


class ReviewEffectBody(_Shape):
    """What looking again has brought."""

    n_confirmed: int
    n_flipped: int
    n_unsure: int
    precision: float | None  # share flipped of those decided
    precision_interval: tuple[float, float] | None  # 95 %
    expected_left: float | None  # suspects that are probably wrong and were not looked at again
    after: RoundAfterBody | None
