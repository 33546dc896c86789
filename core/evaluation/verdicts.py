"""Six questions about a model, each answered in a plain sentence, with how much it asks for."""

from __future__ import annotations

from core.evaluation.answers import Answer, Known, Question, Severity
from core.evaluation.verdict_labels import do_labels_meet, which_labels_fail
from core.evaluation.verdict_probabilities import at_what_threshold, can_they_be_believed
from core.evaluation.verdict_work import is_it_worth_going_on, which_are_wrong

RULES = {
    Question.LABELS: which_labels_fail,
    Question.THRESHOLD: at_what_threshold,
    Question.PROBABILITIES: can_they_be_believed,
    Question.SUSPECTS: which_are_wrong,
    Question.TOGETHER: do_labels_meet,
    Question.GOING_ON: is_it_worth_going_on,
}
IN_SHORT = {
    Question.LABELS: "labels that fail",
    Question.THRESHOLD: "the threshold",
    Question.PROBABILITIES: "the probabilities",
    Question.SUSPECTS: "judgements that look wrong",
    Question.TOGETHER: "labels that meet too seldom or often",
    Question.GOING_ON: "what to judge next",
}


def answers(known: Known) -> tuple[Answer, ...]:
    """All six, in the order of the questions."""
    return tuple(rule(known) for rule in RULES.values())


def what_first(given: tuple[Answer, ...]) -> str:
    """Which answers ask for something, in one sentence."""
    told = {severity: _named(given, severity) for severity in Severity}
    if 2 * sum(answer.severity is Severity.UNKNOWN for answer in given) > len(given):
        return "It is too early for most answers: judge on, then run another round."
    if act := told[Severity.ACT]:
        n_look = sum(answer.severity is Severity.LOOK for answer in given)
        verb = "is" if n_look == 1 else "are"
        then = f" {n_look} more {verb} worth a look." if n_look else ""
        return f"To act on first: {act}.{then}"
    if look := told[Severity.LOOK]:
        return f"Nothing is badly wrong. Worth a look: {look}."
    if told[Severity.FINE] and not told[Severity.UNKNOWN]:
        return "Nothing here asks for anything."
    return "Nothing stands out, but some questions cannot be answered yet."


def _named(given: tuple[Answer, ...], severity: Severity) -> str:
    names = [IN_SHORT[answer.question] for answer in given if answer.severity is severity]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
