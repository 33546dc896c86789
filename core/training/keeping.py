"""Writes a finished training into its checkpoint: whole, sealed, then under its name."""

from __future__ import annotations

import platform
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.evaluation.in_brief import figures
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, write_outputs
from core.evaluation.unseen import Chosen, Unseen
from core.known_texts import KnownTexts
from core.learners.artefacts import partial_folder, put_in_place
from core.manifest import seal
from core.rounds import files
from core.rounds.chosen import write_calibration, write_cuts
from core.training.checkpoint import CONFIG
from core.training.data import LabelledTexts, Split
from core.training.going_on import known_to
from core.training.job import Job
from core.training.learning import Learnt
from core.training.options import learner_options, usual_folds
from core.versions import code_version, package_versions

FORMAT = "marginalia-training-1"


def keep(
    job: Job, learnt: Learnt, unseen: Unseen, chosen: Chosen, outputs: EvaluationOutputs
) -> None:
    """Write the checkpoint beside its name, then give it the name."""
    evaluation = outputs.evaluate()
    partial = partial_folder(job.slot.final)
    learnt.save(partial)
    files.write_json(partial / CONFIG, {"format": FORMAT, **_config(job)})
    files.write_json(partial / files.SNAPSHOT_ABOUT, {"label_names": list(job.data.label_names)})
    write_calibration(partial, chosen.calibration)
    write_cuts(partial, chosen, job.data.label_names)
    write_outputs(partial / OUTPUTS, outputs)
    threshold = {"threshold": chosen.threshold, **figures(evaluation), "note": ""}
    files.write_json(partial / files.THRESHOLD, threshold)
    files.write_json(partial / files.EVALUATION, evaluation.to_json())
    files.write_json(partial / files.HISTORY, learnt.history)
    files.write_json(partial / files.CHOICE, learnt.told)
    files.write_json(partial / files.STATISTICS, _statistics(job))
    _known_texts(job).write(partial)
    files.write_arrays(
        partial / files.UNSEEN,
        proba=unseen.proba,
        truth=unseen.truth,
        folds=unseen.folds,
        source=np.array(str(unseen.source)),
    )
    seal(partial)
    put_in_place(partial, job.slot.final)


def described(
    job: Job, outputs: EvaluationOutputs, measured: LabelledTexts, history: list[dict[str, Any]]
) -> EvaluationOutputs:
    """With the texts that were measured, and what they were measured of."""
    config = job.config
    return replace(
        outputs,
        document_ids=measured.ids,
        texts=tuple(measured.texts),
        about={
            "checkpoint": job.slot.final.name,
            "learner": config.learner,
            "strategy": config.strategy,
            "seed": config.seed,
            "folds": usual_folds(config),
            "n_judged": len(job.parts.fit),
            "history": history,
        },
    )


def _statistics(job: Job) -> dict[str, Any]:
    parts = job.parts
    return {
        "data_hash": hash_of(parts),
        "code_version": code_version(),
        "packages": package_versions(),
        "platform": platform.platform(),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_documents": len(job.data),
        "n_trained_on": len(parts.fit),
        "n_held_out": len(parts.validation),
        "n_tested_on": len(parts.test),
        "n_rows": job.data.n_rows,
        "n_rejected": len(job.data.rejected),
        "n_unjudged": job.data.n_unjudged,
        "config": _config(job),
        "learner_options": learner_options(job.config),
        "begun_with": [folder.name for folder in job.forebears],
    }


def _config(job: Job) -> dict[str, Any]:
    """What it was trained by in the end; where it began is told beside it."""
    config = job.config.model_dump(mode="json")
    config |= {key: _absolute(config[key]) for key in ("data", "test") if config[key] is not None}
    return {**config, "resume": False, "warm_start": False, "extra_epochs": None}


def _absolute(given: str) -> str:
    """A file's whole path, so that it is found from anywhere; what is no file as it is."""
    path = Path(given).expanduser()
    return str(path.resolve()) if path.is_file() else given


def hash_of(parts: Split) -> str:
    """Identify the texts, their judgements, and who is on which side."""
    return " ".join(part.sha256 for part in (parts.fit, parts.validation, parts.test))


def _known_texts(job: Job) -> KnownTexts:
    """Texts that had a part in the weights, those of a checkpoint begun or taught with too."""
    known = KnownTexts(job.parts.fit.ids, job.parts.validation.ids)
    for folder in job.forebears:
        known = known.beside(known_to(folder))
    return known
