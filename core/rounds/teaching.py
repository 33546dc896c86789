"""What a deep round begins with of earlier ones: their weights, or a teacher's opinions.

Whoever learnt from a document before hands that on, so such documents are
never measured on.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba
from core.errors import NotReady
from core.learners.catalogue import DEFAULT_LEARNER
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.deep import FORMAT
from core.learners.quick import new_quick
from core.learners.text_learners import STUDENT, format_of
from core.rounds import files
from core.rounds.encode import current_encoder, encode_documents
from core.rounds.learner import quick_config
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, read_texts
from core.services.checkpoints import BEGUN_WITH

WARM_START = "warm_start"
MOST_TEXTS = 20_000  # that a student is taught on
ROWS_PER_CHUNK = 4096


def choice_of(task: Task) -> tuple[str, dict[str, Any]]:
    """The learner's name and what was asked of it."""
    options = dict(task.the_round.config.get("learner") or {})
    return str(options.pop("kind", DEFAULT_LEARNER[task.the_round.kind])), options


def begun_with(workshop: Workshop, task: Task) -> EncoderUse | None:
    """The encoder of the round that was in force when this one first looked; None without need.

    It is written down: whoever goes back to another round meanwhile, and
    however often this one is killed, what it knows and measures on is settled.
    """
    kind, options = choice_of(task)
    if kind != STUDENT and not options.get(WARM_START):
        return None
    path = task.folder / BEGUN_WITH
    if path.exists():
        return EncoderUse(**files.read_json(path))
    use = current_encoder(workshop, task)
    files.write_json(path, asdict(use))
    return use


def known_before(workshop: Workshop, task: Task) -> NDArray[np.int64]:
    """Documents that the weights or the teacher begun with learnt from."""
    use = begun_with(workshop, task)
    return np.empty(0, dtype=np.int64) if use is None else use.trained_on(workshop.settings)


def seen_before(workshop: Workshop, task: Task, snapshot: Snapshot) -> NDArray[np.bool_]:
    """Which train documents (documents,) the weights or the teacher begun with learnt from."""
    return np.isin(snapshot.train_ids, known_before(workshop, task))


def weights_to_begin_with(workshop: Workshop, task: Task) -> Path:
    """The learner whose weights a warm start takes; raises NotReady where there is none."""
    use = begun_with(workshop, task)
    if use is None or use.tuned_in is None:
        raise NotReady(
            "The round in force has no tuned encoder to go on from; run a deep round without "
            "'Go on from the round in force' first."
        )
    use.load_name(workshop.settings)  # checks that it is whole
    folder = workshop.settings.checkpoints_dir / use.tuned_in / files.TUNED
    if format_of(folder) != FORMAT:
        raise NotReady(
            "The round in force has a small network of its own, whose weights an encoder cannot "
            "take; run a deep round without 'Go on from the round in force'."
        )
    return folder


def lesson_of(
    workshop: Workshop,
    task: Task,
    snapshot: Snapshot,
    fit_rows: NDArray[np.int64],
    *,
    progress: Progress,
) -> dict[str, Any]:
    """A student's texts nobody judged, and a teacher's probabilities (texts, labels) of them.

    The teacher is a quick head on the vectors in force, trained for this on the
    documents the student is trained on: not on those it will be measured on.
    """
    before = EncoderUse.read(task.folder)
    teaching = begun_with(workshop, task)
    assert teaching is not None  # only students have lessons
    use = replace(teaching, lexical=before.lexical, lexical_width=before.lexical_width)
    encode_documents(
        workshop,
        task,
        use,
        snapshot.pool_ids,
        on_progress=lambda n_done, n_total: progress.report(0.0, n_done=n_done, n_total=n_total),
        should_stop=progress.should_stop,
    )
    features = use.features(workshop.settings, task.project)
    truth = snapshot.train_truth[fit_rows]
    teacher = new_quick(quick_config(task), truth.shape[1], blocks=use.blocks)
    teacher.fit(
        JudgedVectors(features.rows(snapshot.train_ids[fit_rows]), truth),
        should_stop=progress.should_stop,
    )
    ids = _texts_to_teach_on(task, snapshot)
    answers = [np.empty((0, truth.shape[1]), dtype=np.float32)]
    for start in range(0, len(ids), ROWS_PER_CHUNK):
        x = features.rows(ids[start : start + ROWS_PER_CHUNK])
        proba: Proba = teacher.predict_proba(JudgedVectors(x, unjudged(len(x), truth.shape[1])))
        answers.append(proba)
    return {
        "pool_texts": read_texts(workshop.store, ids),
        "teacher_proba": np.concatenate(answers),
    }


def _texts_to_teach_on(task: Task, snapshot: Snapshot) -> NDArray[np.int64]:
    """Documents that are neither judged nor of the audit set, by lot where there are many."""
    ids = snapshot.pool_ids[~snapshot.is_audited]
    ids = np.setdiff1d(ids, snapshot.train_ids)
    most = int(choice_of(task)[1].get("most_texts", MOST_TEXTS))
    order = np.random.default_rng(task.the_round.seed).permutation(len(ids))
    return np.sort(ids[order[:most]])
