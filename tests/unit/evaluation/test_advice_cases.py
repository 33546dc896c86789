"""Made-up models with one thing wrong each, and what must and must not be said of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pytest

from core.domain import EvaluationSource, Proba, Truth
from core.evaluation import advice
from core.evaluation.belief import Compared, belief
from core.evaluation.label_progress import Progress
from core.evaluation.report import Evaluation, evaluate
from core.evaluation.speed import Seconds, Speed, speed_of

N = 1500
NUMBER = re.compile(r"\d")
TO_DO = re.compile(
    r"\b(judg(e|ing)|use|raise|lower|look|read|choose|train|roll back|run|keep|leave|search|"
    r"merge|check|work on|prefer|accept|trust|open|see|more epochs|at a threshold)",
    re.IGNORECASE,
)
BLAME = re.compile(
    r"overconfident|underconfident|collapsed|peaked|too high|too low|not wrong|by heart|"
    r"never predicted|everywhere|false alarms|are missed|hardly better|nothing was gained|"
    r"never rose|fell|far below|mostly about|cannot be"
)


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def made(
    n: int = N,
    *,
    labels: tuple[float, ...] = (0.0, -0.5, -0.3),
    spread: float = 3.0,
    seed: int = 0,
) -> tuple[np.ndarray, Truth]:
    """Log odds that are true, and judgements drawn from them; one mean log odds per label."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(np.array(labels), spread, size=(n, len(labels)))
    return logits, (rng.random(logits.shape) < logistic(logits)).astype(np.int8)


def measured(proba: Any, truth: Truth, *, threshold: float = 0.5, **more: Any) -> Evaluation:
    return evaluate(
        np.asarray(proba, dtype=np.float32),
        truth,
        names=[f"l{i}" for i in range(truth.shape[1])],
        source=EvaluationSource.AUDIT,
        threshold=threshold,
        seed=0,
        **more,
    )


def believed(proba: Any, truth: Truth) -> Compared:
    return Compared(belief(np.asarray(proba, dtype=np.float32), truth), None)


LOGITS, TRUTH = made()
HEALTHY: Proba = logistic(LOGITS).astype(np.float32)
OVERCONFIDENT = logistic(3 * LOGITS)
UNDERCONFIDENT = logistic(0.35 * LOGITS)
LOW = 0.3 * HEALTHY
SHIFTED = logistic(LOGITS - 2)
PEAKED = 0.2 + 0.04 * HEALTHY
COLLAPSED = np.full(TRUTH.shape, TRUTH.mean()) + 0.0005 * np.random.default_rng(1).random(
    TRUTH.shape
)
EVERYTHING = np.full((300, 2), 0.9), np.repeat([[1, 0], [0, 0], [0, 1], [0, 0], [0, 0]], 60, axis=0)
ALARMS = np.repeat([1, 0], [40, 160])[:, None].astype(np.int8)  # of 200 documents
RARE_LOGITS, RARE_TRUTH = made(labels=(1.5, -4.0, -4.0, -4.0), spread=1.5, seed=3)
RARE_PROBA = np.where(np.arange(4) == 0, logistic(RARE_LOGITS), RARE_LOGITS[::-1] > 0.0)
MANY_LOGITS, MANY_TRUTH = made(400, labels=tuple(np.linspace(0, -8, 300)), spread=2.0, seed=4)
EXCLUSIVE_TRUTH = np.eye(4, dtype=np.int8)[np.random.default_rng(5).integers(0, 4, 400)]
EXCLUSIVE_GUESS = EXCLUSIVE_TRUTH.astype(bool).copy()
EXCLUSIVE_GUESS[EXCLUSIVE_TRUTH[:, 3] == 1] = [True, False, False, False]  # the last is never named
ONE_LOGITS, ONE_TRUTH = made(labels=(-0.5,), seed=6)
NOTHING = np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.int8)


def epochs(losses: list[float], **more: list[float | None]) -> list[dict[str, Any]]:
    return [
        {"epoch": i + 1, "loss": loss, "f1": None, **{k: v[i] for k, v in more.items()}}
        for i, loss in enumerate(losses)
    ]


def with_folds(history: list[dict[str, Any]], *ends: float) -> list[dict[str, Any]]:
    folds = [{"loss": 0.3, "f1": end} for end in ends]
    return [{**entry, "folds": folds} for entry in history]


FALLING = [0.7, 0.5, 0.35, 0.25, 0.18, 0.12]
SETTLED = [0.7, 0.4, 0.3, 0.27, 0.26, 0.26]
RISING = [0.3, 0.45, 0.55, 0.6, 0.62, 0.63]


def rounds(*scores: float) -> list[dict[str, Any]]:
    return [
        {
            "number": i + 1,
            "n_judged": 50 * (i + 1),
            "micro_f1": score,
            "macro_f1": score,
            "interval": (score - 0.03, score + 0.03),
            "source": "audit",
        }
        for i, score in enumerate(scores)
    ]


def label(name: str, change: float | None, *, is_clear: bool = False) -> Progress:
    return Progress(name, name, 0.5, 20, change, is_clear)


def day(who: str, when: int, n: int, seconds: float) -> Speed:
    bins = [Seconds(seconds, n, 2.0 * n, n * seconds, 0)]
    return speed_of(bins, who, date(2026, 5, when))


@dataclass(frozen=True)
class Case:
    name: str
    suggest: Callable[..., str]
    given: Any
    says: tuple[str, ...]
    says_not: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)
    is_bare: bool = False  # nothing is measured: no number to mention


SWEEP, BARS = advice.what_it_suggests_threshold_sweep, advice.what_it_suggests_per_label_bars
CURVES = advice.what_it_suggests_precision_recall_curves
HISTOGRAMS = advice.what_it_suggests_probability_histograms
BELIEF, DIAGRAM = (
    advice.what_it_suggests_reliability_curves,
    advice.what_it_suggests_reliability_diagram,
)
PAIRS, EPOCHS = advice.what_it_suggests_cooccurrence_heatmap, advice.what_it_suggests_loss_by_epoch
ROUNDS, STRIP = advice.what_it_suggests_f1_by_round, advice.what_it_suggests_label_strip
SPEED = advice.what_it_suggests_speed_by_day

CASES = [
    Case("low, not wrong", SWEEP, measured(LOW, TRUTH), ("0.00 at 0.50", "low, not wrong")),
    Case("low: histogram", HISTOGRAMS, measured(LOW, TRUTH), ("Hardly any present", "0.50")),
    Case("low: belief", BELIEF, believed(SHIFTED, TRUTH), ("too low",)),
    Case("low: diagram", DIAGRAM, measured(LOW, TRUTH), ("too low nearly everywhere",)),
    Case("peaked: belief", BELIEF, believed(PEAKED, TRUTH), ("peaked", "in order")),
    Case("peaked: sweep", SWEEP, measured(PEAKED, TRUTH), ("low, not wrong",)),
    Case("collapsed: belief", BELIEF, believed(COLLAPSED, TRUTH), ("collapsed",)),
    Case(
        "collapsed: histogram",
        HISTOGRAMS,
        measured(COLLAPSED, TRUTH),
        ("same probabilities", "does not tell them apart"),
        is_bare=True,
    ),
    Case("collapsed: curves", CURVES, measured(COLLAPSED, TRUTH), ("by chance",)),
    Case("predicted for everything", BARS, measured(*EVERYTHING), ("predicted for nearly every",)),
    Case("no label at all", BARS, measured(LOW, TRUTH), ("No label is predicted",), is_bare=True),
    Case("overconfident", BELIEF, believed(OVERCONFIDENT, TRUTH), ("overconfident", "unread")),
    Case("overconfident: diagram", DIAGRAM, measured(OVERCONFIDENT, TRUTH), ("overconfident",)),
    Case("underconfident", BELIEF, believed(UNDERCONFIDENT, TRUTH), ("underconfident",)),
    Case("underconfident: diagram", DIAGRAM, measured(UNDERCONFIDENT, TRUTH), ("underconfident",)),
    Case(
        "high recall, low precision",
        BARS,
        measured(np.repeat([[0.9], [0.1]], 100, axis=0), ALARMS),
        ("high recall but low precision", "false alarms"),
        is_bare=True,
    ),
    Case(
        "high recall, low precision: sweep",
        SWEEP,
        measured(np.repeat([[0.9], [0.1]], 100, axis=0), ALARMS),
        ("Recall is high (1.00) with low precision (0.40)", "6 are wrong"),
    ),
    Case(
        "one label has nearly all positives",
        BARS,
        measured(RARE_PROBA, RARE_TRUTH),
        ("of all positives", "macro-F1"),
    ),
    Case("imbalance: sweep", SWEEP, measured(RARE_PROBA, RARE_TRUTH), ("far below micro-F1",)),
    Case("one label: bars", BARS, measured(logistic(ONE_LOGITS), ONE_TRUTH), ("“l0”",)),
    Case(
        "one label: pairs",
        PAIRS,
        measured(logistic(ONE_LOGITS), ONE_TRUTH),
        ("one label has no pairs",),
        is_bare=True,
    ),
    Case(
        "300 labels: bars",
        BARS,
        measured(logistic(MANY_LOGITS), MANY_TRUTH),
        ("more: fewer than 5 positives",),
    ),
    Case("300 labels: curves", CURVES, measured(logistic(MANY_LOGITS), MANY_TRUTH), ("“l",)),
    Case("300 labels: pairs", PAIRS, measured(logistic(MANY_LOGITS), MANY_TRUTH), ("“l",)),
    Case(
        "exclusive: a label never named",
        BARS,
        measured(EXCLUSIVE_GUESS * 0.8 + 0.05, EXCLUSIVE_TRUTH, predicted=EXCLUSIVE_GUESS),
        ("“l3”: never predicted",),
        ("threshold",),
        {"exclusive": True},
    ),
    Case(
        "learnt by heart",
        EPOCHS,
        epochs(FALLING, f1=[0.3, 0.5, 0.6, 0.58, 0.55, 0.5]),
        ("F1 peaked at 0.60 in epoch 3", "by heart", "fewer epochs"),
    ),
    Case(
        "learnt by heart, by the validation score",
        EPOCHS,
        epochs(FALLING, score=[0.3, 0.5, 0.6, 0.58, 0.55, 0.5]),
        ("validation score peaked at 0.60", "by heart"),
    ),
    Case(
        "no validation gain",
        EPOCHS,
        epochs(FALLING, f1=[0.31, 0.31, 0.32, 0.31, 0.32, 0.31]),
        ("fell from 0.70 to 0.12", "never rose above the 0.31"),
        ("will probably help",),
    ),
    Case(
        "folds far apart",
        EPOCHS,
        with_folds(epochs(SETTLED, f1=RISING), 0.45, 0.6, 0.7),
        ("3 folds end between F1 0.45 and 0.70",),
    ),
    Case("diverged", EPOCHS, epochs([0.7, float("inf")]), ("learning rate",), is_bare=True),
    Case("a round that fell", ROUNDS, rounds(0.5, 0.6, 0.5), ("fell from 0.60 to 0.50",)),
    Case(
        "rounds without gain",
        ROUNDS,
        rounds(0.5, 0.6, 0.6, 0.6, 0.6),
        ("has not risen over the last 3 rounds", "stop here"),
    ),
    Case(
        "a label that fell",
        STRIP,
        [label("a", -0.2, is_clear=True), label("b", 0.1)],
        ("“a” fell beyond chance, most by 0.20", "roll back"),
    ),
    Case("labels unknown", STRIP, [label("a", None)], ("No label can be followed yet",)),
    Case(
        "judging slows down",
        SPEED,
        [day("ada", 1, 100, 20), day("ada", 2, 100, 60)],
        ("slower, 60 an hour against 180",),
    ),
    Case(
        "two readers unlike",
        SPEED,
        [day("ada", 1, 50, 10), day("ben", 1, 50, 40)],
        ("“ben” takes 40 s", "“ada” 10 s"),
    ),
    *(
        Case(f"nothing measured: {suggest.__name__}", suggest, measured(*NOTHING), ("judge",))
        for suggest in (SWEEP, BARS, CURVES, HISTOGRAMS, DIAGRAM, PAIRS)
    ),
]

INNOCENT = [
    Case("healthy: sweep", SWEEP, measured(HEALTHY, TRUTH), ("Leave the threshold",)),
    Case("healthy: bars", BARS, measured(HEALTHY, TRUTH), ("weakest",)),
    Case("healthy: curves", CURVES, measured(HEALTHY, TRUTH), ("average precision",)),
    Case("healthy: belief", BELIEF, believed(HEALTHY, TRUTH), ("can be believed",)),
    Case("healthy: diagram", DIAGRAM, measured(HEALTHY, TRUTH), ("taken at their word",)),
    Case("healthy: pairs", PAIRS, measured(HEALTHY, TRUTH), ("much as people do",)),
    Case("settled", EPOCHS, epochs(SETTLED, f1=RISING), ("levelled out",)),
    Case(
        "folds alike", EPOCHS, with_folds(epochs(SETTLED, f1=RISING), 0.6, 0.62), ("levelled out",)
    ),
    Case("still learning", EPOCHS, epochs(FALLING, f1=RISING), ("still falling",)),
    Case("rounds that rise", ROUNDS, rounds(0.4, 0.5, 0.55, 0.6, 0.65), ("judging still pays",)),
    Case(
        "labels that rise",
        STRIP,
        [label("a", 0.3, is_clear=True), label("b", -0.02)],
        ("“a” has clearly risen", "1 of 2 labels"),
    ),
    Case(
        "even speed",
        SPEED,
        [day("ada", 1, 100, 20), day("ada", 2, 90, 22)],
        ("190 documents",),
    ),
]


def said(case: Case) -> str:
    return case.suggest(case.given, **case.more)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_wrong_is_said_with_numbers_and_a_way_out(case: Case) -> None:
    told = said(case)
    assert [part for part in case.says if part not in told] == [], told
    assert [part for part in case.says_not if part in told] == [], told
    assert TO_DO.search(told) or case.is_bare, told
    assert NUMBER.search(told) or case.is_bare or case.name.startswith("nothing"), told


@pytest.mark.parametrize("case", INNOCENT, ids=lambda case: case.name)
def test_what_is_sound_is_not_accused(case: Case) -> None:
    told = said(case)
    assert [part for part in case.says if part not in told] == [], told
    assert not BLAME.search(told), told
