"""What the Calibration tab suggests: whether to believe probabilities, of one label or of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from core.evaluation.belief import BELIEVABLE_ECE, Belief, Compared, Verdict
from core.evaluation.recalibration import Method, Recalibration
from core.evaluation.wording import NOTHING_MEASURED, counted, listed, number

HALF = 0.5
MIN_SURE_CELLS = 20
LARGE_GAP = 0.1
CHANGED = 0.005  # calibration error that calibration must move to be worth a word
IN_WORDS = {
    Method.PLATT: "Platt",
    Method.BETA: "beta",
    Method.ISOTONIC: "isotonic, which may tie documents but never swaps them",
}
ACCUSED = (
    Verdict.OVERCONFIDENT,
    Verdict.UNDERCONFIDENT,
    Verdict.HIGH,
    Verdict.LOW,
    Verdict.UNEVEN,
    Verdict.COLLAPSED,
    Verdict.PEAKED,
)


def how_to_read_reliability_curves() -> str:
    """How to read `reliability_curves`."""
    return (
        "Each point gathers judgements given about the same probability: on the diagonal, labels "
        "predicted at 0.7 are present seven times in ten; below it they are rarer than "
        "claimed, above it more frequent. Whiskers are 95 % intervals, which take the judgements "
        "of one document as going together. Click a point or a bar to see its documents."
    )


def how_to_read_calibration_errors() -> str:
    """How to read `calibration_errors`."""
    return (
        "Each dot is how far a label's probabilities are from what came true, on average over ten "
        "bins that hold equally many documents. The grey bar is what a faultless model would "
        "show on as many documents, 19 times in 20, so a hollow dot inside it may be nothing but "
        "chance. A filled dot is off in a way that chance does not explain, such as always too "
        "high, which can show before the error does."
    )


def how_to_read_methods_compared() -> str:
    """How to read `methods_compared`."""
    return (
        "How much less surprise (log loss per judgement) each way of calibrating leaves than the "
        "temperature shared by all labels, on documents that were left out of fitting it: further "
        "right is better; what is much worse stands at the left edge. The filled mark is the way "
        "in force; it is the label's own only where it is better by more than one standard error."
    )


def what_it_suggests_reliability_curves(compared: Compared, name: str | None = None) -> str:
    """Whether to believe these probabilities, and what to do otherwise; `name` is the label's."""
    if compared.after.n_cells == 0:
        return NOTHING_MEASURED if name is None else f"“{name}” is not judged in these documents."
    return _on_belief(compared.after, name) + _on_calibrating(compared)


def _on_belief(belief: Belief, name: str | None) -> str:
    whose = "The model" if name is None else f"The model's “{name}”"
    off = f"off by {number(belief.ece)} on average"
    tendency = belief.tendency
    match belief.verdict:
        case Verdict.THIN:
            return _thin(belief)
        case Verdict.COLLAPSED:
            return (
                f"{whose} has collapsed: nearly all probabilities are {belief.mean_predicted:.2f}, "
                "whatever the document. It knows how frequent that is, not where; judge more "
                "documents of both kinds and run another round."
            )
        case Verdict.PEAKED:
            return (
                f"Probabilities are peaked: nearly all lie close to {belief.mean_predicted:.2f}, "
                f"but present ones stand above absent ones {belief.auc:.0%} of the time. They are "
                "in order, not useless: use the tuned threshold."
            )
        case Verdict.HIGH | Verdict.LOW:
            direction, remedy = ("high", "raising") if tendency.bias > 0 else ("low", "lowering")
            return (
                f"Probabilities are too {direction} nearly everywhere, by "
                f"{number(abs(tendency.bias))} on average{_where_it_says_yes(belief)}; read them "
                f"as an order, and prefer {remedy} the threshold to trusting 0.50."
            )
        case Verdict.OVERCONFIDENT:
            return (
                f"{whose} is overconfident ({off}): what it is sure of comes true less often than "
                f"it claims{_where_it_says_yes(belief)}; do not accept suggestions unread."
            )
        case Verdict.UNDERCONFIDENT:
            return (
                f"{whose} is underconfident ({off}): its probabilities lie too close together; "
                "trust its order beyond its numbers."
            )
        case Verdict.UNEVEN:
            return (
                f"Probabilities are {off}, in no one direction; judge more audit documents before "
                "acting on single values."
            )
    return _on_believing(belief)


def _thin(belief: Belief) -> str:
    n_absent = belief.n_cells - belief.n_present
    return (
        f"{belief.n_present:,} present and {n_absent:,} absent in "
        f"{counted(belief.n_documents, 'document')} are too few to tell whether probabilities can "
        "be believed; judge more of the audit set."
    )


def _on_believing(belief: Belief) -> str:
    if gap := _where_it_says_yes(belief):
        return (
            f"Probabilities are off by only {number(belief.ece)} on average, because most are "
            f"clearly absent{gap}; read those with care."
        )
    if belief.ece <= BELIEVABLE_ECE:
        return f"Probabilities can be believed: they are off by only {belief.ece:.3f} on average."
    relation = "no" if belief.ece <= belief.ece_by_chance else "hardly"
    return (
        f"As far as {counted(belief.n_documents, 'document')} can tell, probabilities can be "
        f"believed: they are off by {belief.ece:.3f} on average, {relation} more than the "
        f"{belief.ece_by_chance:.3f} that chance gives a faultless model."
    )


def _where_it_says_yes(belief: Belief) -> str:
    """What an average over mostly absent cells can hide; nothing where it holds or is thin."""
    binned = belief.binned
    sure = (binned.mean_predicted >= HALF) & (binned.count > 0)
    n_sure = int(binned.count[sure].sum())
    if n_sure < MIN_SURE_CELLS:
        return ""
    weights = binned.count[sure] / n_sure
    predicted = float((binned.mean_predicted[sure] * weights).sum())
    observed = float((binned.observed[sure] * weights).sum())
    doubt = 2 * np.sqrt(predicted * (1 - predicted) / n_sure)
    if predicted - observed < max(LARGE_GAP, doubt):
        return ""
    return f"; where it says yes it claims {predicted:.0%} and is right in {observed:.0%}"


def _on_calibrating(compared: Compared) -> str:
    if compared.before is None or compared.after.verdict is Verdict.THIN:
        return ""
    before, after = compared.before.ece, compared.after.ece
    if before - after > CHANGED:
        return f" Calibration helped: it was {before:.3f} before and is {after:.3f} now."
    if after - before > CHANGED:
        return (
            f" Calibration did not carry over to these documents ({before:.3f} before, "
            f"{after:.3f} now); it will settle with more judgements."
        )
    return ""


def what_it_suggests_calibration_errors(beliefs: Sequence[Belief], names: Sequence[str]) -> str:
    """Which labels' probabilities to believe; `names` follow `beliefs`."""
    by_verdict: dict[Verdict, list[str]] = {}
    for belief, name in zip(beliefs, names, strict=True):
        by_verdict.setdefault(belief.verdict, []).append(name)
    n_thin = len(by_verdict.get(Verdict.THIN, []))
    n_told = len(names) - n_thin
    if n_told == 0:
        return (
            "No label has judgements enough to tell whether its own probabilities can be "
            "believed; look at all labels together."
        )
    thin = (
        f" {counted(n_thin, 'label')} {'has' if n_thin == 1 else 'have'} too few judgements to "
        "tell."
        if n_thin
        else ""
    )
    accused = [_accusation(by_verdict[one], one) for one in ACCUSED if one in by_verdict]
    if not accused:
        whole = "one label" if n_told == 1 else f"{n_told} labels"
        return f"As far as these documents tell, probabilities of {whole} can be believed.{thin}"
    others = "; the others can be believed" if n_told > _n_accused(by_verdict) else ""
    return f"{'; '.join(accused)}. Choose one above to see where{others}.{thin}"


def _n_accused(by_verdict: dict[Verdict, list[str]]) -> int:
    return sum(len(names) for verdict, names in by_verdict.items() if verdict in ACCUSED)


def _accusation(names: Sequence[str], verdict: Verdict) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} {verdict}"


def what_it_suggests_methods_compared(found: Recalibration, names: Sequence[str]) -> str:
    """Which ways are in force, how many labels were refused one, and what the temperature says."""
    if not found.labels:
        return _on_temperature(found)
    own: Counter[Method] = Counter(
        choice.map.method for choice in found.labels if choice.map.method in IN_WORDS
    )
    n_refused = sum(not choice.losses for choice in found.labels)
    n_kept = len(found.labels) - sum(own.values()) - n_refused
    parts = []
    if own:
        ways = ", ".join(f"{n} {IN_WORDS[method]}" for method, n in own.most_common())
        parts.append(
            f"{counted(sum(own.values()), 'label')} of {len(names)} "
            f"{'has a way of its own' if sum(own.values()) == 1 else 'have a way of their own'} "
            f"({ways})"
        )
    if n_kept:
        parts.append(f"for {n_kept} no way of their own is clearly better than the temperature")
    if n_refused:
        have, keep = ("has", "keeps") if n_refused == 1 else ("have", "keep")
        few = f"{n_refused} {have} too few judgements for one"
        parts.append(f"{few} and {keep} the temperature too")
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}. {_on_temperature(found)}"


def _on_temperature(found: Recalibration) -> str:
    temperature = found.temperature
    if temperature.reason:
        return f"Nothing is calibrated: {temperature.reason}"
    if abs(temperature.value - 1) < 0.05:
        was = "about as sure as it was right"
    else:
        was = "surer than it was right" if temperature.value > 1 else "less sure than it was right"
    return f"The temperature is {temperature.value:.2f}: before, the model was {was}."
