"""Which judgements to look at again, and whether more of them are worth their hours."""

from __future__ import annotations

from core.evaluation.advice_stopping import is_flat
from core.evaluation.answers import Answer, Known, Question, Severity
from core.evaluation.forecast import STEP_F1, Forecast
from core.evaluation.outlook import FEW, Outlook
from core.evaluation.wording import FEW_POSITIVES, counted, listed, number

MANY_WRONG = 0.05  # of all that were measured


def which_are_wrong(known: Known) -> Answer:
    """How many judgements a model that did not see them finds very unlikely."""
    question, suspects = Question.SUSPECTS, known.suspects
    if suspects is None:
        return Answer(
            question,
            Severity.UNKNOWN,
            "Nothing could be looked for: that takes about ten judged documents and a label that "
            f"more than {FEW_POSITIVES} of them have; judge on and run another round.",
        )
    if suspects.n_in_doubt == 0:
        return Answer(
            question,
            Severity.FINE,
            "None stands out among the judgements that were looked through.",
            "0",
            "judgements in doubt",
        )
    about, n = round(suspects.expected), suspects.n_in_doubt
    worst = sorted(suspects.by_label, key=lambda name: -suspects.by_label[name])
    where = f", most often of {listed(worst[:2])}" if len(worst) > 2 else ""
    wrong = f"very roughly {about:,} {'is' if about == 1 else 'are'}" if about else "hardly any is"
    others = ", the others hard" if about < n else ""
    many = suspects.expected > MANY_WRONG * known.evaluation.n_cells
    return Answer(
        question,
        Severity.ACT if many else Severity.LOOK,
        f"{counted(n, 'judgement')} would surprise a model that did not see "
        f"{'it' if n == 1 else 'them'}{where}; {wrong} wrong{others}. "
        "Look at the least likely first: each takes a key to confirm or to flip.",
        f"{about:,} of {n:,}",
        "judgements in doubt may be wrong, very roughly",
    )


def is_it_worth_going_on(known: Known) -> Answer:
    """What the learning curve and the last rounds promise of more judgements."""
    question, outlook = Question.GOING_ON, known.outlook
    if outlook is None:
        return Answer(
            question, Severity.UNKNOWN, "This round knows nothing of the way ahead; run another."
        )
    ahead = outlook.forecast
    if ahead is None or ahead.gain.value is None or ahead.gain.high is None:
        return _without_curve(outlook)
    more, gain = counted(ahead.n_more, "more judgement"), ahead.gain
    figure = f"+{number(max(gain.value or 0.0, 0.0))}"
    score = "accuracy" if known.exclusive else "micro-F1"
    of_what = f"{score} expected of {more}"
    if is_flat(ahead.needed) or (gain.high or 0.0) < STEP_F1 / 2:
        told = f"Hardly, by overall score: {more} would add less than 0.01 {score}.{_few(outlook)}"
        return Answer(question, _if_few(outlook), told, figure, of_what)
    low, high = max(gain.low or 0.0, 0.0), gain.high or 0.0
    between = f"{number(low)} to {number(high)}"
    if number(low) == number(high):
        between = f"about {number(low)}"
    if low >= STEP_F1:
        told = f"Yes: {more} should add {between} {score}{_levels(ahead)}.{_few(outlook)}"
        return Answer(question, Severity.LOOK, told, figure, of_what)
    told = f"Perhaps: {more} may add {between} {score}{_levels(ahead)}.{_few(outlook)}"
    return Answer(question, Severity.LOOK, told, figure, of_what)


def _levels(ahead: Forecast) -> str:
    """Where that would lead, where the curve was kept."""
    then = ahead.after(ahead.n_judged + ahead.n_more)
    if then.low is None or then.high is None:
        return ""
    return f", to {number(then.low)}–{number(then.high)}"


def _without_curve(outlook: Outlook) -> Answer:
    n_rounds = outlook.agreement.n_steps + 1
    if outlook.agreement.is_settled:
        return Answer(
            Question.GOING_ON,
            _if_few(outlook),
            f"Hardly: the last {n_rounds} rounds agree, so more judgements of this kind would "
            f"change little.{_few(outlook)}",
            f"{n_rounds}",
            "rounds that agree",
        )
    why = outlook.note or "There is no forecast yet: too few labels were judged present."
    return Answer(Question.GOING_ON, Severity.UNKNOWN, f"Too early to say. {why}{_few(outlook)}")


def _if_few(outlook: Outlook) -> Severity:
    return Severity.LOOK if outlook.n_few else Severity.FINE


def _few(outlook: Outlook) -> str:
    """Labels that would still gain from examples of their own."""
    if not outlook.n_few:
        return ""
    verb, they = ("has", "it") if outlook.n_few == 1 else ("have", "them")
    return (
        f" {counted(outlook.n_few, 'label')} still {verb} fewer than {FEW} judged examples; "
        f"finding more of {they} would tell most."
    )
