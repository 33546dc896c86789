"""Steps 4 and 5: calibrate, choose thresholds, and measure on documents nobody trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from core.domain import EvaluationSource
from core.evaluation.in_brief import figures
from core.evaluation.operating_points import Aim
from core.evaluation.outputs import (
    OUTPUTS,
    TEXT_LENGTH,
    UNWEIGHTED,
    EvaluationOutputs,
    write_outputs,
)
from core.evaluation.recalibration import Nested
from core.evaluation.trying import CHOOSING
from core.evaluation.unseen import (
    Chosen,
    chosen_on,
    measured_on_test,
    measured_on_unseen,
    nested_on,
)
from core.learners.dataset import JudgedVectors
from core.rounds import files
from core.rounds.chosen import cuts_by_id, read_calibration, write_calibration, write_cuts
from core.rounds.learner import load_learner
from core.rounds.notes import Evidence, audit_judgements_needed, note_on
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop
from core.rounds.unseen import read_kept, read_unseen
from core.services.documents import documents_in_brief
from core.services.predictions import LABEL_IDS
from core.services.selection import Selection, selection_of
from core.store.tables import Label


def calibrate(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Fit the calibration on unseen documents, for all and for each fold by the others."""
    nested = nested_on(read_unseen(task), exclusive=task.is_exclusive, seed=task.the_round.seed)
    write_calibration(task.folder, nested.chosen)
    files.write_arrays(
        task.folder / files.NESTED, mended=nested.mended, within=nested.within, folds=nested.folds
    )
    return {
        "temperature": nested.chosen.temperature.value,
        "n_own": int(nested.chosen.is_own.sum()),
    }


def aim_of(task: Task) -> Aim:
    """What the round chooses its thresholds for, as it was asked for."""
    return Aim.from_json((task.the_round.config or {}).get("aim") or {})


def choose_threshold(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Choose thresholds on unseen documents; measure on the audit set if it is large enough."""
    unseen, snapshot = read_unseen(task), Snapshot.read(task.folder)
    nested = Nested(read_calibration(task.folder), **files.read_arrays(task.folder / files.NESTED))
    cut = chosen_on(unseen, nested, aim=aim_of(task))
    write_cuts(task.folder, cut, snapshot.label_names)
    chosen_by = measured_on_unseen(
        unseen, nested, cut, names=snapshot.label_names, seed=task.the_round.seed
    )
    needed = audit_judgements_needed(int(snapshot.is_audited.sum()))
    if needed is not None and len(snapshot.audit_ids) >= needed:
        # other aims may be tried later on what these thresholds were chosen on
        write_outputs(task.folder / CHOOSING, chosen_by)
        outputs = _on_audit_set(workshop, task, cut)
        document_ids = snapshot.audit_ids
    else:
        outputs = chosen_by
        document_ids = snapshot.train_ids[read_kept(task).is_usable][: len(outputs)]
    outputs = described(workshop, task, outputs, document_ids)
    outputs, selection = _weighted(workshop, task, outputs)
    write_outputs(task.folder / OUTPUTS, outputs)
    evaluation = outputs.evaluate()
    evidence = Evidence(
        source=evaluation.source,
        n_documents=evaluation.n_documents,
        n_audit_set=int(snapshot.is_audited.sum()),
        n_unseen=len(unseen),
        n_seen_by_encoder=_n_seen_by_encoder(workshop, task, snapshot),
        n_by_model=0 if selection is None else selection.n_by_model,
        weighted=None if evaluation.weighted is None else evaluation.weighted.micro_f1,
    )
    label_ids = files.read_json(task.folder / LABEL_IDS)
    chosen = {
        "threshold": cut.threshold,
        "cuts": cuts_by_id(cut.cuts, label_ids, cut.aim),
        **figures(evaluation),
        "note": note_on(evidence),
    }
    if (task.folder / files.CHOICE).exists():
        chosen["learner"] = files.read_json(task.folder / files.CHOICE)  # for lists of rounds
    files.write_json(task.folder / files.THRESHOLD, chosen)
    files.write_json(task.folder / files.EVALUATION, evaluation.to_json())
    return chosen


def _n_seen_by_encoder(workshop: Workshop, task: Task, snapshot: Snapshot) -> int:
    """Judged documents that an earlier round tuned the encoder on; a deep round has its own."""
    if task.is_deep:
        return 0
    seen = EncoderUse.read(task.folder).trained_on(workshop.settings)
    return int(np.isin(snapshot.train_ids, seen).sum())


def _on_audit_set(workshop: Workshop, task: Task, cut: Chosen) -> EvaluationOutputs:
    snapshot, use = Snapshot.read(task.folder), EncoderUse.read(task.folder)
    x = use.features(workshop.settings, task.project).rows(snapshot.audit_ids)
    return measured_on_test(
        load_learner(task).predict_proba(JudgedVectors(x, snapshot.audit_truth)),
        snapshot.audit_truth,
        cut,
        names=snapshot.label_names,
        seed=task.the_round.seed,
        source=EvaluationSource.AUDIT,
    )


def _weighted(
    workshop: Workshop, task: Task, outputs: EvaluationOutputs
) -> tuple[EvaluationOutputs, Selection | None]:
    """With weights where documents were not drawn at random, as those of the audit set are."""
    if outputs.source in (EvaluationSource.AUDIT, EvaluationSource.NONE):
        return outputs, None
    last = files.read_json(task.folder / files.SNAPSHOT_ABOUT).get("up_to_submission", 0)
    assert outputs.document_ids is not None
    with workshop.store.read() as session:
        selection = selection_of(session, outputs.document_ids.tolist(), up_to_submission=last)
    about = {
        **outputs.about,
        UNWEIGHTED: selection.reason,
        "n_by_lot": selection.n_by_lot,
        "n_by_model": selection.n_by_model,
    }
    return replace(outputs, weights=selection.weights, about=about), selection


def described(
    workshop: Workshop, task: Task, outputs: EvaluationOutputs, document_ids: NDArray[np.int64]
) -> EvaluationOutputs:
    """With what people know the documents and the labels by."""
    label_ids = files.read_json(task.folder / LABEL_IDS)
    with workshop.store.read() as session:
        told = documents_in_brief(session, document_ids.tolist(), length=TEXT_LENGTH)
        colours = dict(
            session.execute(select(Label.id, Label.colour).where(Label.id.in_(label_ids))).all()
        )
    return replace(
        outputs,
        document_ids=document_ids,
        external_ids=tuple(told[id_].external_id for id_ in document_ids.tolist()),
        texts=tuple(told[id_].text for id_ in document_ids.tolist()),
        label_ids=tuple(label_ids),
        colours=tuple(colours[id_] for id_ in label_ids),
        about={
            "project": task.project.name,
            "round": task.the_round.number,
            "strategy": task.the_round.strategy,
            "learner": task.the_round.config.get("learner"),
            "n_judged": len(Snapshot.read(task.folder).train_ids),
            "history": files.read_json(task.folder / files.HISTORY),
        },
    )
