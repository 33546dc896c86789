"""What a round reports of itself, from predictions and judgements made up for the purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from core.domain import EvaluationSource, Proba, RoundKind, RoundStep, Truth
from core.evaluation.calibration import cross_fitted_calibration, fit_temperature, log_loss
from core.evaluation.report import Evaluation
from core.rounds import files
from core.rounds.chosen import read_calibration
from core.rounds.held_out import split
from core.rounds.measure import calibrate, choose_threshold
from core.rounds.notes import Evidence, audit_judgements_needed, note_on
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Task, Workshop
from core.rounds.unseen import keep_unseen
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.predictions import LABEL_IDS
from core.services.projects import create_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Project, Round

Measure = Callable[..., tuple[Evaluation, dict[str, object]]]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    round_ = Round(
        number=1,
        kind=RoundKind.QUICK,
        strategy="margin",
        seed=3,
        config={},
        checkpoint="1/round-1",
    )
    return Task(
        "made-up", Project(id=1, name="made up"), tmp_path / "checkpoints" / "1" / "round-1", round_
    )


@pytest.fixture
def measure(task: Task, settings: Settings, store: Store) -> Measure:
    """Runs both steps on given predictions; gives the evaluation and its figures."""
    workshop = Workshop(settings=settings, store=store)

    def run(
        proba: Proba, truth: Truth, *, n_audit_set: int = 0
    ) -> tuple[Evaluation, dict[str, object]]:
        n, n_labels = truth.shape
        label_ids = stored(store, n, n_labels)
        files.write_json(task.folder / LABEL_IDS, label_ids)
        files.write_json(task.folder / files.HISTORY, [])
        files.write_arrays(
            task.folder / files.SNAPSHOT,
            pool_ids=np.arange(1, n + n_audit_set + 1),
            is_audited=np.arange(n + n_audit_set) >= n,
            is_complete=np.arange(n + n_audit_set) < n,
            train_ids=np.arange(1, n + 1),
            train_truth=truth,
            audit_ids=np.empty(0, dtype=np.int64),
            audit_truth=np.empty((0, n_labels), dtype=np.int8),
        )
        names = [f"label {i}" for i in range(n_labels)]
        files.write_json(task.folder / files.SNAPSHOT_ABOUT, {"label_names": names})
        use = EncoderUse(base="none", fingerprint="none", width=2)
        files.write_json(task.folder / files.ENCODER, asdict(use))
        keep_unseen(task, proba, np.arange(n) % 5, source=EvaluationSource.OUT_OF_FOLD)
        progress = Progress(workshop.store, "made-up", RoundStep.CALIBRATE)
        calibrate(workshop, task, progress)
        figures = choose_threshold(workshop, task, progress)
        return Evaluation.from_json(files.read_json(task.folder / files.EVALUATION)), figures

    return run


def stored(store: Store, n_documents: int, n_labels: int) -> list[int]:
    """As many documents and labels in an empty project; gives the labels' ids."""
    with store.write() as session:
        if session.get(Project, 1) is None:
            create_project(session, "made up")
        n_known = session.scalar(select(func.count(Document.id))) or 0
        session.add_all(
            Document(project_id=1, external_id=f"d{i}", text=f"text {i}", content_hash=f"{i:064d}")
            for i in range(n_known, n_documents)
        )
        known = active_labels(session, 1)
        names = [NewLabel(f"label {i}") for i in range(len(known), n_labels)]
        return [label.id for label in (*known, *add_labels(session, 1, names))]


def overconfident(n: int) -> tuple[Proba, Truth]:
    """Chances of a coin's weight, told as if nearly certain."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(n, 3))
    truth = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.int8)
    return (1 / (1 + np.exp(-4 * logits))).astype(np.float32), truth


def test_reported_probabilities_are_calibrated_by_the_other_folds_and_the_pool_by_all(
    measure: Measure, task: Task
) -> None:
    proba, truth = overconfident(60)
    evaluation, _ = measure(proba, truth)
    everything = fit_temperature(proba, truth)
    assert read_calibration(task.folder).temperature.value == pytest.approx(everything.value)
    honest = cross_fitted_calibration(proba, truth, np.arange(60) % 5)
    assert evaluation.calibration.log_loss == pytest.approx(log_loss(honest, truth), abs=1e-6)
    assert evaluation.calibration.log_loss > log_loss(everything.apply(proba), truth)


def test_with_one_label_per_document_the_most_probable_is_predicted(
    measure: Measure, task: Task
) -> None:
    shares = np.random.default_rng(1).dirichlet([0.5] * 4, size=60).astype(np.float32)
    truth = np.eye(4, dtype=np.int8)[shares.argmax(axis=1)]
    shares = (0.8 * shares + 0.05).astype(np.float32)  # the right one leads, and is seldom sure
    task.the_round.config = {"exclusive": True}
    evaluation, figures = measure(shares, truth)
    assert read_calibration(task.folder).temperature.exclusive
    assert figures["micro_f1"] == 1.0
    assert evaluation.summary.micro_f1.value == 1.0


def test_judging_a_small_audit_set_whole_is_enough() -> None:
    needed = [audit_judgements_needed(n) for n in (0, 9, 10, 29, 30, 200)]
    assert needed == [None, None, 10, 29, 30, 30]


def test_a_note_asks_only_for_audit_documents_that_exist(measure: Measure) -> None:
    proba, truth = overconfident(40)
    _, figures = measure(proba, truth, n_audit_set=12)
    assert str(figures["note"]).endswith("until 12 audit documents are judged.")
    _, figures = measure(proba, truth, n_audit_set=4)
    assert "too small for an audit set of its own (it has 4 documents" in str(figures["note"])
    _, figures = measure(proba[:5], truth[:5], n_audit_set=4)
    assert "audit" not in str(figures["note"])
    _, figures = measure(proba[:5], truth[:5], n_audit_set=200)
    assert "Judge 5 more, or 30 of the audit set, then run a round." in str(figures["note"])


def test_after_a_deep_round_the_note_says_why_nothing_can_be_measured_yet() -> None:
    note = note_on(Evidence(EvaluationSource.NONE, 0, 0, n_unseen=7, n_seen_by_encoder=27))
    assert "tuned on 27 of the judged documents" in note
    assert note.endswith("7 others are left. Judge 3 more, then run a round.")


@pytest.mark.parametrize(
    ("n_documents", "n_held_out"), [(30, 10), (34, 10), (50, 10), (100, 20), (12, 6)]
)
def test_a_deep_round_keeps_out_a_fifth_but_enough_to_measure_on(
    n_documents: int, n_held_out: int
) -> None:
    fit_rows, held_out = split(n_documents, seed=4)
    assert len(held_out) == n_held_out
    assert sorted([*fit_rows, *held_out]) == list(range(n_documents))
