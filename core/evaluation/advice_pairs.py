"""What the pairs of labels suggest: which to judge more of, to merge, or to put in order."""

from __future__ import annotations

import numpy as np

from core.evaluation.cooccurrence import (
    FEW_TOGETHER,
    Cooccurrence,
    LabelPair,
    PairMeasure,
    companions_of,
    list_pairs,
)
from core.evaluation.counts import Counts
from core.evaluation.report import Evaluation
from core.evaluation.wording import NOTHING_MEASURED, caution, counted

NONE = "no measured document"
MANY_TOGETHER = 5
ALMOST_ALWAYS = 0.95
FAR_APART = 3.0  # standard deviations between two counts of documents
LARGE_DIFFERENCE = 0.25


def what_it_suggests_cooccurrence_heatmap(evaluation: Evaluation) -> str:
    """Which pair of labels to look at first."""
    if evaluation.n_documents == 0:
        return NOTHING_MEASURED
    if len(evaluation.names) < 2:
        return "A project with one label has no pairs."
    judged, predicted = evaluation.judged_pairs.counts, evaluation.predicted_pairs.counts
    apart = _largest_pair(np.where(predicted == 0, judged, 0))
    invented = _largest_pair(np.where(judged == 0, predicted, 0))
    names = evaluation.names
    if apart and judged[apart] >= MANY_TOGETHER:
        a, b = apart
        return caution(evaluation) + (
            f"“{names[a]}” and “{names[b]}” were judged together in {judged[apart]} documents but "
            "never predicted together; judge more documents that have both."
        )
    if invented and predicted[invented] >= MANY_TOGETHER:
        a, b = invented
        return caution(evaluation) + (
            f"“{names[a]}” and “{names[b]}” were predicted together in {predicted[invented]} "
            "documents but never judged so: if they exclude each other, say so in the guideline."
        )
    pairs = list_pairs(evaluation.judged_pairs, evaluation.predicted_pairs)
    if pairs and _is_far(pairs[0]):
        return caution(evaluation) + _on_difference(evaluation, pairs[0])
    return caution(evaluation) + _on_inclusion(evaluation)


def _is_far(pair: LabelPair) -> bool:
    spread = np.sqrt(pair.n_judged + pair.n_predicted)
    return abs(pair.n_too_many) >= MANY_TOGETHER and abs(pair.n_too_many) > FAR_APART * spread


def _on_difference(evaluation: Evaluation, pair: LabelPair) -> str:
    a, b = evaluation.names[pair.first], evaluation.names[pair.second]
    told = (
        f"“{a}” and “{b}” are predicted together in {counted(pair.n_predicted, 'document')} but "
        f"judged so in {pair.n_judged}: "
    )
    if pair.n_too_many > 0:
        return told + "look at the documents that have only one of them in people's eyes."
    return told + "look at the documents where the model misses one of them."


def _on_inclusion(evaluation: Evaluation) -> str:
    pairs, names = evaluation.judged_pairs, evaluation.names
    shares = np.where(pairs.counts >= MANY_TOGETHER, pairs.conditional, 0.0)
    np.fill_diagonal(shares, 0.0)
    a, b = (int(i) for i in np.unravel_index(np.argmax(shares), shares.shape))
    if shares[a, b] >= ALMOST_ALWAYS:
        if shares[b, a] >= ALMOST_ALWAYS:
            return (
                f"“{names[a]}” and “{names[b]}” were almost always judged together: they may be "
                "one label."
            )
        return (
            f"{shares[a, b]:.0%} of the documents with “{names[a]}” also have “{names[b]}”: the "
            "second may be the parent of the first."
        )
    top = _largest_pair(pairs.counts)
    if top is None:
        return "No two labels were judged together in these documents."
    return (
        f"The model pairs labels much as people do; “{names[top[0]]}” and “{names[top[1]]}” meet "
        f"most often, in {counted(int(pairs.counts[top]), 'document')}."
    )


def what_it_suggests_companion_bars(evaluation: Evaluation, label: int = 0) -> str:
    """What one label's companions suggest: where model and people differ most."""
    if evaluation.n_documents == 0:
        return NOTHING_MEASURED
    judged, predicted = evaluation.judged_pairs, evaluation.predicted_pairs
    name = evaluation.names[label]
    n_judged, n_predicted = (_n_with(pairs, label) for pairs in (judged, predicted))
    if n_judged < MANY_TOGETHER:
        return (
            f"Only {counted(n_judged, 'measured document')} judged to have “{name}”: too few to "
            "say what goes with it."
        )
    if n_predicted < MANY_TOGETHER:
        few = f"only {counted(n_predicted, 'measured document')}" if n_predicted else NONE
        return (
            f"“{name}” is predicted in {few}, so what the model puts beside it says nothing; "
            "first see why it is so seldom predicted."
        )
    found = [c for c in companions_of(label, judged, predicted) if c.of_judged and c.of_predicted]
    if not found:
        return f"Nothing goes with “{name}” in the measured documents."
    furthest = max(
        found, key=lambda c: abs(_gap(c.n_predicted, c.of_predicted, c.n_judged, c.of_judged))
    )
    gap = _gap(furthest.n_predicted, furthest.of_predicted, furthest.n_judged, furthest.of_judged)
    other = evaluation.names[furthest.label]
    if abs(gap) < LARGE_DIFFERENCE:
        return f"Beside “{name}” the model puts the same labels as people do, about as often."
    more_or_less = "more" if gap > 0 else "less"
    return (
        f"People put “{other}” beside “{name}” in {furthest.n_judged} of {furthest.of_judged} "
        f"documents, the model in {furthest.n_predicted} of {furthest.of_predicted}, "
        f"{more_or_less} often: open these documents to see who is right."
    )


def _gap(n: int, of: int, other_n: int, other_of: int) -> float:
    return n / of - other_n / other_of


def _n_with(pairs: Cooccurrence, label: int) -> int:
    return int(pairs.counts[label, label])


def _largest_pair(counts: Counts) -> tuple[int, int] | None:
    """The position above the diagonal of the largest count, or None if all are 0."""
    upper = np.triu(counts, k=1)
    a, b = (int(i) for i in np.unravel_index(np.argmax(upper), upper.shape))
    return (a, b) if upper[a, b] > 0 else None


HOW_TO_READ = {
    PairMeasure.COUNT: "how many of them have the column's label too",
    PairMeasure.CONDITIONAL: "what share of them has the column's label too",
    PairMeasure.LIFT: (
        "how many times as often the column's label is there as if the two had nothing to do with "
        "each other, in doublings: +1 is twice as often, −1 half as often, empty never"
    ),
    PairMeasure.PHI: (
        "how strongly the column's label goes with it, from −1 (never together) over 0 (nothing to "
        "do with each other) to 1 (always together)"
    ),
}


def how_to_read_cooccurrence_heatmap(measure: PairMeasure = PairMeasure.COUNT) -> str:
    """How to read `cooccurrence_heatmap`."""
    thin = measure in (PairMeasure.LIFT, PairMeasure.PHI)
    return (
        f"Each cell is about the documents that have the row's label: {HOW_TO_READ[measure]}. In "
        "the difference, positive cells are pairs the model predicts together more than people "
        "judged them so. Only documents in which both labels are judged count"
        + (f"; labels in fewer than {FEW_TOGETHER} of them stay empty." if thin else ".")
    )


def how_to_read_companion_bars() -> str:
    """How to read `companion_bars`."""
    return (
        "Of the documents that have the chosen label, the share that has each other label too: "
        "bars as people judged, with 95 % intervals, diamonds as the model predicts."
    )
