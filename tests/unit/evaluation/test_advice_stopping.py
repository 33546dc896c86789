"""What is said of how far along a project is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain import EvaluationSource
from core.evaluation import advice_stopping as advice
from core.evaluation.forecast import UNKNOWN, Forecast, Range
from core.evaluation.outlook import LABELS_IN_BRIEF, LabelOutlook, Outlook
from core.evaluation.stopping import LIMITS, Criterion, Reading, StoppingState

NOTE = "There is no forecast yet: its curve needs 60 judged documents."


def agreement(
    n_steps: int = 3, *, kappa: float | None = 0.995, delta_f: float | None = 0.031
) -> StoppingState:
    values = {
        Criterion.KAPPA: kappa,
        Criterion.CHANGE: 0.0071,
        Criterion.UNCERTAINTY: 0.12,
        Criterion.DELTA_F: delta_f,
    }
    return StoppingState(
        n_documents=2000,
        n_labels=2,
        n_known=tuple(range(100, 100 + 50 * (n_steps + 1), 50)),
        readings=tuple(
            Reading(c, values[c] if n_steps else None, LIMITS[c][0], n_steps, LIMITS[c][1])
            for c in Criterion
        ),
        kappas=(0.99, 0.71),
    )


def forecast(
    needed: Range,
    gain: Range = Range(0.012, 0.004, 0.031),  # noqa: B008
) -> Forecast:
    return Forecast(
        n_judged=250,
        n_measured=150,
        n_trained=(50, 100, 200),
        micro_f1=(0.5, 0.55, 0.6),
        n_more=50,
        gain=gain,
        needed=needed,
        labels=(),
        source=EvaluationSource.OUT_OF_FOLD,
    )


REFUND = LabelOutlook("refund", 4, None, None, UNKNOWN)
BILLING = LabelOutlook("billing", 60, 0.62, 0.71, Range(0.02, 0.01, 0.05))


def outlook(ahead: Forecast | None, *, state: StoppingState | None = None) -> Outlook:
    return Outlook(
        agreement=state or agreement(),
        forecast=ahead,
        note="" if ahead else NOTE,
        n_labels=2,
        n_few=1,
        labels=(REFUND, BILLING),
    )


def test_a_number_of_judgements_comes_with_its_interval() -> None:
    told = advice.what_more_would_bring(outlook(forecast(Range(147.0, 92.0, 322.0))))
    assert told.startswith("About 150 more judgements for +0.01 micro-F1 (90 to 300).")
    assert "next 50 judgements are expected to add 0.01 (0.00 to 0.03)" in told


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (Range(147.0, 30.0, None), "or never come"),
        (Range(147.0, 30.0, 1900.0), "as many as 2,000"),
        (Range(None, 400.0, None), "as few as 400"),
    ],
)
def test_an_interval_too_wide_to_plan_by_is_said_to_be_so(needed: Range, words: str) -> None:
    told = advice.what_more_would_bring(outlook(forecast(needed)))
    assert told.startswith("The curve cannot tell yet")
    assert words in told
    assert "About" not in told


def test_a_flat_curve_is_called_flat_and_its_small_gain_small() -> None:
    told = advice.what_more_would_bring(outlook(forecast(UNKNOWN, Range(0.0, 0.0, 0.002))))
    assert "nearly flat" in told
    assert "less than 0.005" in told


def test_without_a_forecast_the_reason_is_said() -> None:
    assert advice.what_more_would_bring(outlook(None)) == NOTE
    assert advice.what_was_assumed(outlook(None)) == ""
    undefined = advice.what_more_would_bring(outlook(forecast(UNKNOWN, UNKNOWN)))
    assert "too few labels were judged present" in undefined


def test_what_a_forecast_supposes_is_said() -> None:
    told = advice.what_was_assumed(outlook(forecast(Range(147.0, 92.0, 322.0))))
    assert "50, 100 and 200 judged documents, measured on 150 judged documents" in told
    assert "chosen as those so far" in told


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (agreement(), "unlikely to change much"),
        (agreement(kappa=0.9), "not every label has settled"),
        (agreement(delta_f=0.2), "still moving"),
        (agreement(2), "it takes four rounds"),
        (agreement(delta_f=None, kappa=None), "says little"),
        (agreement(0), "once another round"),
    ],
)
def test_agreement_is_told_as_far_as_it_goes(state: StoppingState, words: str) -> None:
    assert words in advice.has_it_settled(outlook(None, state=state))


def test_agreement_is_rounded_down_and_tells_of_positives_too() -> None:
    told = advice.has_it_settled(outlook(None))
    assert "last 4 rounds agree on 99.2 % of the yes-or-no decisions about 2,000 documents" in told
    assert "96.9 % of the labels they give are the same" in told


def test_a_label_with_few_positives_is_named_with_their_number() -> None:
    assert "“refund” at 4" in advice.what_labels_need(outlook(None))
    plenty = replace(outlook(None), labels=(BILLING,), n_few=0)
    assert advice.what_labels_need(plenty) == ""


def test_each_label_has_a_line_and_undefined_is_called_undefined() -> None:
    given = outlook(forecast(Range(147.0, 92.0, 322.0)))
    refund, billing = (advice.what_a_label_needs(label, given) for label in given.labels)
    assert refund == "4 positives, F1 undefined, too few to say more"
    assert "F1 0.62, 0.01 to 0.05 more expected from 50 judgements" in billing
    assert "still moving (kappa 0.71)" in billing
    assert "cannot be told" in advice.what_a_label_needs(BILLING, outlook(None))


def test_a_criterion_says_what_it_means_and_undefined_is_called_undefined() -> None:
    kappa = advice.what_a_criterion_says(agreement(1, kappa=None).reading(Criterion.KAPPA))
    assert "undefined" in kappa
    assert "over 3 steps between rounds, 1 so far" in kappa
    assert "0.120" in advice.what_a_criterion_says(agreement().reading(Criterion.UNCERTAINTY))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            outlook(forecast(Range(147.0, 92.0, 322.0))),
            "About 150 more judgements for +0.01 micro-F1 (90 to 300); “refund” is still at 4 "
            "positives.",
        ),
        (outlook(None, state=agreement(0)), "“refund” is still at 4 positives."),
        (
            outlook(forecast(Range(None, 50.0, None)), state=agreement(0)),
            "What more judgements would bring cannot be told yet; “refund” is still at 4 "
            "positives.",
        ),
        (
            replace(outlook(forecast(UNKNOWN), state=agreement(0)), labels=(BILLING,)),
            "The learning curve is nearly flat.",
        ),
        (replace(outlook(None, state=agreement(0)), labels=()), ""),
    ],
)
def test_one_sentence_tells_the_most(given: Outlook, sentence: str) -> None:
    assert advice.in_one_sentence(given) == sentence


def test_nothing_ever_commands_to_stop() -> None:
    settled = outlook(forecast(UNKNOWN, Range(0.0, 0.0, 0.001)))
    told = [
        advice.what_more_would_bring(settled),
        advice.has_it_settled(settled),
        advice.in_one_sentence(settled),
    ]
    assert "stop" not in " ".join(told).lower()


def test_the_brief_keeps_the_rarest_and_the_weakest_labels() -> None:
    labels = [LabelOutlook(f"l{i}", 100 - i, i / 100, 0.9, UNKNOWN) for i in range(50)]
    brief = replace(outlook(None), labels=tuple(labels), n_labels=50).in_brief()
    rarest = [f"l{i}" for i in range(49, 49 - LABELS_IN_BRIEF, -1)]
    weakest = [f"l{i}" for i in reversed(range(LABELS_IN_BRIEF))]
    assert [label.name for label in brief.labels] == rarest + weakest
    assert brief.agreement.kappas == ()
    assert Outlook.from_json(brief.to_json()) == brief
