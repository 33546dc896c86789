"""How far along a project is, in words: what the evidence says, and what would change it.

It never says to stop: whether a gain is worth its hours is the reader's to say.
"""

from __future__ import annotations

from core.domain import EvaluationSource
from core.evaluation.forecast import OUT_OF_SIGHT, STEP_F1, Forecast, Range
from core.evaluation.outlook import FEW, LabelOutlook, Outlook
from core.evaluation.stopping import Criterion, Reading, StoppingState
from core.evaluation.wording import counted, listed, number

TOO_WIDE = 10.0  # times: an interval whose ends differ by more tells nobody when to come back
MOVING = 0.9  # kappa below which a label still changes noticeably
NAMED = 3

MEANINGS = {
    Criterion.KAPPA: (
        "Kappa, mean over labels",
        "how well successive rounds agree label by label, chance agreement taken off; 1 is full",
    ),
    Criterion.DELTA_F: (
        "Predicted change of F1",
        "how little the labels given by successive rounds overlap, all labels together",
    ),
    Criterion.CHANGE: (
        "Changed decisions",
        "the largest share of yes-or-no decisions that one round changed; small from the start "
        "where most labels are rare",
    ),
    Criterion.UNCERTAINTY: (
        "Remaining uncertainty",
        "the mean entropy of a yes-or-no decision, in bits; small from the start where most "
        "labels are rare",
    ),
}


def what_more_would_bring(outlook: Outlook) -> str:
    """The forecast of micro-F1 in a sentence or two, or why there is none."""
    ahead = outlook.forecast
    if ahead is None:
        return outlook.note
    if ahead.gain.value is None or ahead.gain.high is None:
        return (
            "There is no forecast yet: too few labels were judged present to draw a curve from; "
            "judge on until more are."
        )
    needed, step = ahead.needed, f"+{STEP_F1:g} micro-F1"
    if is_flat(needed):
        return (
            f"The curve is nearly flat: {step} is out of sight within {OUT_OF_SIGHT} times the "
            f"judgements so far, if documents are chosen as until now. {_gain(ahead)}"
        )
    if is_telling(needed):
        return (
            f"About {roughly(needed.value)} more judgements for {step} "
            f"({roughly(needed.low)} to {roughly(needed.high)}). {_gain(ahead)}"
        )
    return (
        f"The curve cannot tell yet what {step} would cost: it may take as few as "
        f"{roughly(needed.low)} more judgements, or "
        + ("never come" if needed.high is None else f"as many as {roughly(needed.high)}")
        + f". {_gain(ahead)}"
    )


def is_telling(needed: Range) -> bool:
    """Whether a number of judgements is known well enough to plan by."""
    if needed.value is None or needed.low is None or needed.high is None:
        return False
    return needed.high <= TOO_WIDE * max(needed.low, 1.0)


def is_flat(needed: Range) -> bool:
    """Whether not even the kind end of the interval is in sight."""
    return needed.value is None and needed.low is None


def _gain(ahead: Forecast) -> str:
    low, high = ahead.gain.low or 0.0, ahead.gain.high or 0.0
    more = counted(ahead.n_more, "judgement")
    if high < STEP_F1 / 2:
        return f"The next {more} are expected to add less than {STEP_F1 / 2:g}."
    return (
        f"The next {more} are expected to add {number(ahead.gain.value)} ({number(low)} to "
        f"{number(high)})."
    )


def roughly(n: float | None) -> str:
    """A number of judgements, to the precision it can have."""
    if n is None:
        return "an unknown number of"
    step = 10 if n < 200 else 50 if n < 1000 else 500
    return f"{max(round(n / step) * step, 10):,}"


def what_was_assumed(outlook: Outlook) -> str:
    """What the forecast rests on; nothing where there is none."""
    ahead = outlook.forecast
    if ahead is None:
        return ""
    sizes = [f"{n:,}" for n in ahead.n_trained]
    where = {
        EvaluationSource.AUDIT: "audit documents",
        EvaluationSource.OUT_OF_FOLD: "judged documents that the learner had not seen",
    }[ahead.source]
    return (
        f"A curve through learners trained on {', '.join(sizes[:-1])} and {sizes[-1]} judged "
        f"documents, measured on {ahead.n_measured:,} {where}. It supposes that the next "
        "documents are chosen as those so far. The interval, 95 %, covers chance in documents "
        "and training, not a curve that bends otherwise."
    )


def has_it_settled(outlook: Outlook) -> str:
    """Whether successive rounds still predict differently."""
    state = outlook.agreement
    if state.n_steps == 0:
        return (
            "Whether predictions have settled shows once another round has learnt from new "
            "judgements."
        )
    agreed, overlap = _share_agreed(state), state.reading(Criterion.DELTA_F).value
    told = (
        f"The last {counted(state.n_steps + 1, 'round')} agree on {agreed} of the yes-or-no "
        f"decisions about {counted(state.n_documents, 'document')}"
    )
    if overlap is None:
        return f"{told}, but hardly give a label yet, so that says little."
    told += f", and {_percent(1 - overlap)} of the labels they give are the same"
    if state.is_settled:
        return f"{told}: more judgements of this kind are unlikely to change much."
    if state.reading(Criterion.DELTA_F).is_met:
        return f"{told}: what is predicted changes little, though not every label has settled."
    if state.reading(Criterion.DELTA_F).n_steps < state.reading(Criterion.DELTA_F).n_steps_needed:
        return f"{told}; it takes four rounds to say whether they have settled."
    return f"{told}: predictions are still moving."


def _share_agreed(state: StoppingState) -> str:
    changed = state.reading(Criterion.CHANGE).value
    return "an undefined share" if changed is None else _percent(1 - changed)


def _percent(share: float) -> str:
    """Rounded down, so that 100 % means all."""
    return f"{int(share * 1000) / 10:g} %"


def what_labels_need(outlook: Outlook) -> str:
    """Which labels have too few positives for anything to be said of them."""
    few = [label for label in outlook.labels if label.n_present < FEW]
    if not few:
        return ""
    named = few[:NAMED]
    at = ", ".join(f"“{label.name}” at {label.n_present:,}" for label in named)
    more = outlook.n_few - len(named)
    told = f"Still at few positives: {at}" + (
        f", and {counted(more, 'more label')}" if more else ""
    )
    return f"{told}. Figures at so few are mostly chance; finding more examples would tell most."


def what_a_label_needs(label: LabelOutlook, outlook: Outlook) -> str:
    """One label in a line."""
    told = [counted(label.n_present, "positive"), f"F1 {number(label.f1)}"]
    ahead = outlook.forecast
    if label.n_present < FEW:
        told.append("too few to say more")
    elif ahead is not None and label.gain.value is not None:
        told.append(
            f"{number(label.gain.low)} to {number(label.gain.high)} more expected from "
            f"{counted(ahead.n_more, 'judgement')}"
        )
    else:
        told.append("its gain cannot be told")
    if label.kappa is not None and label.kappa < MOVING:
        told.append(f"predictions still moving (kappa {number(label.kappa)})")
    return ", ".join(told)


def what_a_criterion_says(reading: Reading) -> str:
    """A criterion's name, value, limit and meaning, in one line."""
    title, meaning = MEANINGS[reading.criterion]
    sign = "from" if reading.criterion is Criterion.KAPPA else "below"
    value = "undefined" if reading.value is None else f"{reading.value:.3f}"
    told = f"{title}: {value}, settled {sign} {reading.limit:g}"
    if reading.n_steps < reading.n_steps_needed:
        told += f" over {reading.n_steps_needed} steps between rounds, {reading.n_steps} so far"
    return f"{told}; {meaning}."


def in_one_sentence(outlook: Outlook) -> str:
    """The most that fits under the annotation card's status."""
    ahead, state = outlook.forecast, outlook.agreement
    few = [label for label in outlook.labels if label.n_present < FEW]
    rarest = ""
    if few:
        rarest = f"{listed([few[0].name])} is still at {counted(few[0].n_present, 'positive')}"
    end = f"; {rarest}." if few else "."
    if ahead is not None and is_telling(ahead.needed):
        needed = ahead.needed
        return (
            f"About {roughly(needed.value)} more judgements for +{STEP_F1:g} micro-F1 "
            f"({roughly(needed.low)} to {roughly(needed.high)}){end}"
        )
    if state.is_settled:
        return f"The last rounds agree; more judgements are unlikely to change much{end}"
    if ahead is not None and ahead.gain.value is not None and is_flat(ahead.needed):
        return f"The learning curve is nearly flat{end}"
    if ahead is not None:
        return f"What more judgements would bring cannot be told yet{end}"
    return f"{rarest}." if few else ""
