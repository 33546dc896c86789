"""What an answer to a reviewer's question is made of; `verdicts` and its kin have the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.evaluation.belief import Belief
from core.evaluation.counts import Floats
from core.evaluation.outlook import Outlook
from core.evaluation.report import Evaluation
from core.evaluation.wording import FEW_DOCUMENTS, NOTHING_MEASURED, counted

NO_FIGURE = "–"


class Question(StrEnum):
    """What somebody who looks at a model for the first time wants to know, in this order."""

    LABELS = "Which labels fail, and why?"
    THRESHOLD = "At what threshold to run?"
    PROBABILITIES = "Can the probabilities be believed?"
    SUSPECTS = "Which judgements are probably wrong?"
    TOGETHER = "Do labels go together as they should?"
    GOING_ON = "Is it worth going on labelling?"


class Severity(StrEnum):
    """How much an answer asks of its reader."""

    FINE = "fine"
    LOOK = "look"
    ACT = "act"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """One question in a sentence or two, with the figure behind it."""

    question: Question
    severity: Severity
    sentence: str
    figure: str = NO_FIGURE
    of_what: str = ""  # what the figure is, in a few words


@dataclass(frozen=True)
class SuspectCounts:
    """Judgements in doubt, and how many of them are probably wrong, by the label's name too."""

    expected: float
    n_in_doubt: int
    by_label: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Known:
    """What one round knows, as far as it knows it."""

    evaluation: Evaluation
    exclusive: bool = False  # exactly one label is predicted of each document
    thresholds: Floats | None = None  # (labels,) the round's own
    set_by_people: Floats | None = None  # (labels,) in force instead of the round's own
    suspects: SuspectCounts | None = None
    outlook: Outlook | None = None
    belief: Belief | None = None  # of all labels together, where documents were kept

    @property
    def n_documents(self) -> int:
        """Measured documents."""
        return self.evaluation.n_documents


def too_early(question: Question, known: Known) -> Answer | None:
    """The answer where too few documents were measured to give another."""
    n = known.n_documents
    if n >= FEW_DOCUMENTS:
        return None
    told = (
        NOTHING_MEASURED
        if n == 0
        else f"Too early to say: {counted(n, 'measured document')}, and below {FEW_DOCUMENTS} "
        "chance is larger than most differences; judge on and run another round."
    )
    return Answer(question, Severity.UNKNOWN, told, f"{n:,}", "measured documents")
