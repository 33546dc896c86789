"""Finished rounds with their evaluation outputs in place, without training anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.domain import (
    EvaluationSource,
    JobStatus,
    Proba,
    RoundKind,
    SubmissionKind,
    SubmissionSource,
    Truth,
)
from core.evaluation.in_brief import figures
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, write_outputs
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.projects import change_settings, create_project, get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Round, now


def made_up(
    n_documents: int, n_labels: int, *, seed: int = 0, share_unjudged: float = 0.1
) -> EvaluationOutputs:
    """Labels of falling frequency that a model tells apart more or less well."""
    rng = np.random.default_rng(seed)
    frequency = 0.45 / np.sqrt(np.arange(1, n_labels + 1))
    truth = (rng.random((n_documents, n_labels)) < frequency).astype(np.int8)
    skill = rng.uniform(0.2, 3.5, n_labels)
    logits = skill * (2 * truth - 1) + np.log(frequency) + rng.normal(size=truth.shape)
    proba = (1 / (1 + np.exp(-logits))).astype(np.float32)
    truth[rng.random(truth.shape) < share_unjudged] = -1
    return outputs_of(proba, truth, names=[f"label {i + 1}" for i in range(n_labels)], seed=seed)


def outputs_of(proba: Proba, truth: Truth, *, names: list[str], seed: int = 0) -> EvaluationOutputs:
    """Cut at 0.5, measured on an audit set."""
    return EvaluationOutputs(
        proba=np.asarray(proba, dtype=np.float32),
        truth=np.asarray(truth, dtype=np.int8),
        names=tuple(names),
        thresholds=np.full(len(names), 0.5),
        source=EvaluationSource.AUDIT,
        seed=seed,
    )


def measured_round(
    settings: Settings,
    store: Store,
    outputs: EvaluationOutputs,
    *,
    texts: list[str] | None = None,
    name: str = "Letters",
    is_judged: bool = False,
) -> int:
    """A project whose round in force was measured so; `is_judged` writes the judgements too."""
    texts = texts or [f"Letter number {i}" for i in range(len(outputs))]
    with store.write() as session:
        project = create_project(session, name)
        add_labels(session, project.id, [NewLabel(label) for label in outputs.names])
        session.add_all(
            Document(
                project_id=project.id,
                external_id=f"d{i}",
                text=text,
                content_hash=f"{project.id:032d}{i:032d}",
                is_audited=outputs.source is EvaluationSource.AUDIT,
            )
            for i, text in enumerate(texts)
        )
        change_settings(session, project.id, audit_every=1000)
        project_id = project.id
    with store.write() as session:
        labels = active_labels(session, project_id)
        documents = (
            session.query(Document).filter_by(project_id=project_id).order_by(Document.id).all()
        )
        checkpoint = f"{project_id}-letters/bald_seed7_round1"
        described = replace(
            outputs,
            document_ids=np.array([d.id for d in documents[: len(outputs)]], dtype=np.int64),
            external_ids=tuple(d.external_id for d in documents[: len(outputs)]),
            texts=tuple(d.text for d in documents[: len(outputs)]),
            label_ids=tuple(label.id for label in labels),
            colours=tuple(label.colour for label in labels),
        )
        evaluation = described.evaluate()
        folder = settings.checkpoints_dir / checkpoint
        folder.mkdir(parents=True, exist_ok=True)
        write_outputs(folder / OUTPUTS, described)
        round_ = Round(
            project_id=project_id,
            number=1,
            kind=RoundKind.QUICK,
            status=JobStatus.DONE,
            strategy="bald",
            seed=7,
            n_judged=len(outputs),
            threshold=outputs.shared,
            evaluation=evaluation.to_json(),
            metrics=figures(evaluation) | {"note": f"Measured on {len(outputs)} documents."},
            config={},
            label_ids=[label.id for label in labels],
            checkpoint=checkpoint,
            finished_at=now(),
        )
        session.add(round_)
        session.flush()
        get_project(session, project_id).active_round_id = round_.id
        if is_judged:
            _judge(session, project_id, described)
    return project_id


def _judge(session, project_id: int, outputs: EvaluationOutputs) -> None:
    states = {1: "present", 0: "absent"}
    project = get_project(session, project_id)
    submissions = [
        NewSubmission(
            document_id=int(outputs.document_ids[row]),
            kind=SubmissionKind.PARTIAL,
            client_id=f"measured-{project_id}",
            sequence=row,
            states={
                id_: states[int(state)]
                for id_, state in zip(outputs.label_ids, outputs.truth[row], strict=True)
                if int(state) in states
            },
        )
        for row in range(len(outputs))
    ]
    record_judgements(
        session,
        project,
        annotator_named(session, "ann"),
        submissions,
        source=SubmissionSource.API,
    )
