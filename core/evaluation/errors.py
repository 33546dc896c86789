"""Where the model is wrong: how sure it was, for which labels, in texts of what length and words.

An error is a judged (document, label) that was predicted otherwise. Everything is
made on demand from the outputs of an evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.behind import Behind, Outcome, outcome_mask
from core.evaluation.counts import Counts, Floats, Mask, ratio
from core.evaluation.intervals import wilson_interval
from core.evaluation.outputs import TEXT_LENGTH, EvaluationOutputs
from core.evaluation.words import Word, over_represented, words_in

N_LENGTHS = 5
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Errors:
    """Wrong predictions, those the model was surest of first; each array (errors,).

    confidence : the probability given to what is wrong: of a false alarm that of
        the label, of a missed one that of its absence
    """

    rows: Rows
    labels: Rows
    is_missed: Mask
    confidence: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def behind(self, outputs: EvaluationOutputs, title: str, keep: Mask | None = None) -> Behind:
        """The documents of these errors, or of a part, in their order."""
        at = np.arange(len(self)) if keep is None else np.flatnonzero(keep)
        rows = self.rows[at]
        ids = None if outputs.document_ids is None else outputs.document_ids[rows]
        return Behind(title, rows, ids, self.labels[at])


def find_errors(outputs: EvaluationOutputs) -> Errors:
    """Every judged cell that was predicted otherwise; equally sure ones in document order."""
    wrong = outcome_mask(outputs, Outcome.WRONG)
    rows, labels = np.nonzero(wrong)
    is_missed = ~outputs.guesses[rows, labels]
    proba = outputs.proba[rows, labels].astype(np.float64)
    confidence = np.where(is_missed, 1 - proba, proba)
    order = np.argsort(-confidence, kind="stable")
    return Errors(rows[order], labels[order], is_missed[order], confidence[order])


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """How often each label was missed and given wrongly, each array (labels,)."""

    n_missed: Counts
    n_false: Counts
    n_judged: Counts

    @property
    def total(self) -> Counts:
        """Of both kinds."""
        return self.n_missed + self.n_false


def errors_by_label(outputs: EvaluationOutputs) -> LabelErrors:
    """Count both kinds of error, label by label."""
    return LabelErrors(
        n_missed=outcome_mask(outputs, Outcome.FALSE_NEGATIVE).sum(axis=0),
        n_false=outcome_mask(outputs, Outcome.FALSE_POSITIVE).sum(axis=0),
        n_judged=outcome_mask(outputs, Outcome.JUDGED).sum(axis=0),
    )


@dataclass(frozen=True, eq=False)
class LengthGroups:
    """Measured documents by the length of their text, the shortest first; each array (groups,).

    shortest, longest : characters; texts are kept up to a length, and longer ones count as that
    n_wrong : documents with at least one error
    low, high : 95 % interval of the share
    group : (documents,) the group of each measured document, -1 for those without judgement
    """

    shortest: Counts
    longest: Counts
    n_documents: Counts
    n_wrong: Counts
    share: Floats
    low: Floats
    high: Floats
    group: Rows

    def __len__(self) -> int:
        return len(self.shortest)

    def name(self, position: int) -> str:
        """`41 to 80`, in characters."""
        first, last = int(self.shortest[position]), int(self.longest[position])
        if last >= TEXT_LENGTH:
            return f"{first:,} and more"
        return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def errors_by_length(outputs: EvaluationOutputs, *, n_groups: int = N_LENGTHS) -> LengthGroups:
    """The share of documents with an error, in groups of texts of about equally many documents.

    Texts of one length are never parted, so there may be fewer groups; none without texts.
    """
    judged, wrong = _judged_and_wrong(outputs)
    lengths = np.array([len(text) for text in outputs.texts], dtype=np.int64)
    group = np.full(len(outputs), -1, dtype=np.int64)
    if not len(lengths) or not judged.any():
        none = np.empty(0, dtype=np.int64)
        empty = np.empty(0)
        return LengthGroups(none, none, none, none, empty, empty, empty, group)
    edges = np.quantile(lengths[judged], np.arange(1, n_groups) / n_groups, method="lower")
    at = np.searchsorted(np.unique(edges), lengths[judged])
    used, group[judged] = np.unique(at, return_inverse=True)
    n = np.bincount(group[judged], minlength=len(used))
    n_wrong = np.bincount(group[judged & wrong], minlength=len(used))
    low, high = wilson_interval(n_wrong, n)
    ends = [lengths[group == i] for i in range(len(used))]
    return LengthGroups(
        shortest=np.array([some.min() for some in ends]),
        longest=np.array([some.max() for some in ends]),
        n_documents=n,
        n_wrong=n_wrong,
        share=ratio(n_wrong, n),
        low=low,
        high=high,
        group=group,
    )


def words_in_errors(outputs: EvaluationOutputs, n: int) -> list[Word]:
    """The words that documents with an error have more of than those without."""
    if not outputs.texts:
        return []
    judged, wrong = _judged_and_wrong(outputs)
    texts = np.array(outputs.texts, dtype=object)
    return over_represented(list(texts[judged & wrong]), list(texts[judged & ~wrong]), n)


def errors_with_word(outputs: EvaluationOutputs, errors: Errors, word: str) -> Mask:
    """(errors,) which of them are in a text that has the word."""
    has = np.array([word in words_in(text) for text in outputs.texts], dtype=bool)
    found: Mask = has[errors.rows] if len(has) else np.zeros(len(errors), dtype=bool)
    return found


def _judged_and_wrong(outputs: EvaluationOutputs) -> tuple[Mask, Mask]:
    """(documents,) with a judged cell, and with a wrong one."""
    judged = np.asarray(outcome_mask(outputs, Outcome.JUDGED).any(axis=1), dtype=np.bool_)
    wrong = np.asarray(outcome_mask(outputs, Outcome.WRONG).any(axis=1), dtype=np.bool_)
    return judged, wrong
