"""The words everyone shares: closed choices and array shapes.

Nothing here knows about databases, pages or learners.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Proba = NDArray[np.float32]  # (documents, labels), each cell its own Bernoulli
Samples = NDArray[np.float32]  # (documents, passes, labels), one posterior draw per pass
Truth = NDArray[np.int8]  # (documents, labels): 1 present, 0 absent, -1 unjudged
Embeddings = NDArray[np.float16] | NDArray[np.float32]  # (documents, width), unit length

PRESENT, ABSENT, UNJUDGED = 1, 0, -1


class JudgementState(StrEnum):
    """What one annotator says of one (document, label)."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "unsure"  # looked at, undecided: masked like an unjudged cell
    WITHDRAWN = "withdrawn"  # an undo: the cell is unjudged again


class SubmissionKind(StrEnum):
    """What pressing a key on the card meant for the whole document."""

    COMPLETE = "complete"  # every label active at that moment is judged; unnamed ones are absent
    PARTIAL = "partial"  # only the named labels are judged
    SKIP = "skip"  # nothing is judged; do not offer it to this annotator again
    UNDO = "undo"  # takes back an earlier submission


class SubmissionSource(StrEnum):
    """Where a submission came from."""

    CARD = "card"
    API = "api"
    IMPORT = "import"


class RoundKind(StrEnum):
    """The two speeds of learning."""

    QUICK = "quick"  # a head on cached embeddings: seconds
    DEEP = "deep"  # the encoder itself is fine-tuned: minutes


class JobStatus(StrEnum):
    """Where a background job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RoundStep(StrEnum):
    """The steps of a round, in order, then those of jobs that export, draw a map or report."""

    SNAPSHOT = "snapshot"
    ENCODE = "encode"
    TRAIN = "train"
    CALIBRATE = "calibrate"
    THRESHOLDS = "thresholds"
    SCORE = "score"
    QUERY = "query"
    FORECAST = "forecast"
    DIAGNOSE = "diagnose"
    PUBLISH = "publish"
    EXPORT = "export"
    PROJECT = "project"
    REPORT = "report"


class QueryKind(StrEnum):
    """Who chose a document for judging."""

    MODEL = "model"  # the round's strategy
    COLD_START = "cold_start"  # similarity to label names, before any judgement
    COVERAGE = "coverage"  # unlike anything judged so far
    RARE = "rare"  # a likely example of a label with few
    SEARCH = "search"  # somebody looked for texts like these
    RANDOM = "random"
    AUDIT = "audit"  # belongs to the audit set


class ReviewKind(StrEnum):
    """Why a judgement is looked at again."""

    SUSPECT = "suspect"  # a model that did not see it finds it unlikely
    COPIES = "copies"  # texts nearly alike, judged differently
    PAIR = "pair"  # two labels together that hardly ever go together
    COMPANION = "companion"  # a label without the one that nearly always goes with it
    MAP = "map"  # chosen together on the map


class Verdict(StrEnum):
    """What came of looking again."""

    CONFIRMED = "confirmed"
    FLIPPED = "flipped"
    UNSURE = "unsure"


class EvaluationSource(StrEnum):
    """Which documents a number was measured on."""

    AUDIT = "audit"  # the random audit set, never trained on
    OUT_OF_FOLD = "out_of_fold"  # each document predicted by a model that did not see it
    HELD_OUT = "held_out"  # a random part of the judged documents kept out of training
    NONE = "none"  # too little to measure on


class Aggregation(StrEnum):
    """How the labels' doubts make one score for a document."""

    MEAN = "mean"
    SUM = "sum"
    MAX = "max"
    TOP = "top"  # mean of the few largest
    RARITY = "rarity"  # mean weighted by how seldom a label was judged present
    NEED = "need"  # mean weighted by how badly a label is predicted so far


class Batching(StrEnum):
    """How a batch is made of scores."""

    TOP = "top"  # the highest scores
    SOFT = "soft"  # drawn by lot in proportion to the score
    GROUPS = "groups"  # the best of each of so many groups among the highest scores
    SOFT_GROUPS = "soft-groups"  # the best of each group among candidates drawn by lot
    SPREAD = "spread"  # k-means++: each drawn by score times distance from those before
    GREEDY = "greedy"  # highest score first, lowered by likeness to those before


class Posterior(StrEnum):
    """Where several opinions about one document come from."""

    DROPOUT = "dropout"  # the learner's own: random parts switched off, or weights drawn
    ENSEMBLE = "ensemble"  # several heads, each trained from another seed
