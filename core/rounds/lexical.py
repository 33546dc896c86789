"""A project's vectors of words: fitted once, again when the pool has doubled, kept while needed.

Each model lies in a folder of its own with the vectors it made. A round names
the one its learner read, and keeps it whatever is fitted later.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.encoders.cache import EmbeddingCache, encode_missing
from core.encoders.lexical import LexicalModel, read_about, sample
from core.errors import Cancelled, CorruptArtefact
from core.rounds import files
from core.rounds.task import EncoderUse, Task, Workshop, read_texts
from core.services.checkpoints import project_folders
from core.services.projects import ProjectSettings
from core.settings import Settings
from core.store.tables import Project

log = logging.getLogger(__name__)

MODEL = "model"
OUTGROWN = 2  # times the documents it was fitted for, and the words are learnt anew
CHUNK = 2000  # documents between two looks at the cancel flag: about a second

Ids = NDArray[np.int64]


def reads_words(task: Task) -> bool:
    """Whether the learner sees which words a text has: as the round says, or the project."""
    usual = getattr(ProjectSettings.of(task.project), "lexical", True)
    asked = {} if task.round is None else task.round.config.get("learner") or {}
    return bool(asked.get("lexical", usual))


def with_words(
    workshop: Workshop,
    task: Task,
    use: EncoderUse,
    document_ids: Ids,
    *,
    on_progress: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> EncoderUse:
    """See that these documents, a whole pool, have vectors of their words; name the model in `use`.

    `on_progress` is told how many of how many are done. Raises Cancelled when stopped.
    """
    if not reads_words(task) or not len(document_ids):
        return replace(use, lexical=None, lexical_width=0)
    root = files.lexical_folder(workshop.settings, task.project)
    about = _newest(root)
    model: LexicalModel | None = None
    if about is None or len(document_ids) > OUTGROWN * about["n_documents"]:
        model = _fit(workshop, root, document_ids, should_stop)
    elif len(_cache(root, about).missing(document_ids)):
        try:
            model = LexicalModel.load(_model_folder(root, about["fingerprint"]))
        except CorruptArtefact as error:
            log.warning("The words of project %s are learnt anew: %s", task.project.id, error)
            model = _fit(workshop, root, document_ids, should_stop)
    if model is not None:
        about = {"fingerprint": model.fingerprint, "width": model.width}
        _encode(workshop, model, _cache(root, about), document_ids, on_progress, should_stop)
        _prune(workshop.settings, task.project, root, keep=model.fingerprint)
    assert about is not None
    return replace(use, lexical=about["fingerprint"], lexical_width=about["width"])


def load_words(settings: Settings, project: Project, use: EncoderUse) -> LexicalModel | None:
    """The model that a round's learner reads words with, for texts that are in no pool."""
    if use.lexical is None:
        return None
    return LexicalModel.load(_model_folder(files.lexical_folder(settings, project), use.lexical))


def _fit(
    workshop: Workshop, root: Path, document_ids: Ids, should_stop: Callable[[], bool]
) -> LexicalModel:
    chosen = document_ids[sample(len(document_ids))]
    texts: list[str] = []
    for start in range(0, len(chosen), CHUNK):
        if should_stop():
            raise Cancelled("Cancelled before the words were learnt.")
        texts += read_texts(workshop.store, chosen[start : start + CHUNK])
    model = LexicalModel.fit(texts, n_documents=len(document_ids))
    model.save(_model_folder(root, model.fingerprint))
    return model


def _encode(
    workshop: Workshop,
    model: LexicalModel,
    cache: EmbeddingCache,
    document_ids: Ids,
    on_progress: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> None:
    n_missing = len(cache.missing(document_ids))
    encode_missing(
        model,
        cache,
        document_ids,
        lambda ids: read_texts(workshop.store, ids),
        chunk=CHUNK,
        on_progress=lambda n_done: on_progress(n_done, n_missing),
        should_stop=should_stop,
    )


def _cache(root: Path, about: dict[str, Any]) -> EmbeddingCache:
    return EmbeddingCache(root, fingerprint=about["fingerprint"], width=about["width"])


def _model_folder(root: Path, fingerprint: str) -> Path:
    return root / fingerprint[:16] / MODEL


def _newest(root: Path) -> dict[str, Any] | None:
    """The model of the largest pool, of those that can be read."""
    found: list[dict[str, Any]] = []
    for folder in sorted(root.glob(f"*/{MODEL}")):
        try:
            found.append(read_about(folder))
        except CorruptArtefact as error:
            log.warning("%s", error)
    return max(found, key=lambda about: int(about["n_documents"]), default=None)


def _prune(settings: Settings, project: Project, root: Path, *, keep: str) -> None:
    """Remove models, with their vectors, that no round's learner can be asked with any more."""
    needed = {keep[:16]}
    for folder in project_folders(settings, project.id):
        for path in folder.glob(f"*/{files.ENCODER}"):
            is_done = (path.parent / files.THRESHOLD).exists()
            if not is_done or (path.parent / files.LEARNER).exists():
                needed.add(str(files.read_json(path).get("lexical"))[:16])
    for folder in root.iterdir() if root.exists() else ():
        if folder.name not in needed:
            shutil.rmtree(folder, ignore_errors=True)
