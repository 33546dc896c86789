"""Step 2: choose the encoder, and see to it that every document has its vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.encoders.cache import encode_missing
from core.encoders.measuring import MOST_TEXTS, make_fast
from core.rounds import files
from core.rounds.lexical import with_words
from core.rounds.progress import Progress
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, read_texts
from core.services.projects import ProjectSettings
from core.store.tables import Round

CHUNK = 128  # documents written to the disk together: what a kill loses


def encode_for_round(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Encode what is missing; a deep round encodes after its training, with its own encoder."""
    pool_ids = Snapshot.read(task.folder).pool_ids
    if task.is_deep:
        use = base_encoder(workshop, task)
        n_encoded = 0
    else:
        use = current_encoder(workshop, task)
        n_encoded = encode_documents(
            workshop,
            task,
            use,
            pool_ids,
            on_progress=progress.count,
            should_stop=progress.should_stop,
        )
    use = with_words(
        workshop,
        task,
        use,
        pool_ids,
        on_progress=progress.count,
        should_stop=progress.should_stop,
    )
    files.write_json(task.folder / files.ENCODER, asdict(use))
    return {"encoder": use.fingerprint, "lexical": use.lexical, "n_encoded": n_encoded}


def base_encoder(workshop: Workshop, task: Task) -> EncoderUse:
    """The encoder that the settings name, as nobody has tuned it."""
    name = ProjectSettings.of(task.project).encoder or workshop.settings.encoder
    encoder = workshop.encoder(name)
    return EncoderUse(base=name, fingerprint=encoder.fingerprint, width=encoder.width)


def current_encoder(workshop: Workshop, task: Task) -> EncoderUse:
    """The encoder tuned for the round in force, where one was; else the base."""
    name = ProjectSettings.of(task.project).encoder or workshop.settings.encoder
    active = task.project.active_round_id
    if active is not None:
        with workshop.store.read() as session:
            checkpoint = session.get_one(Round, active).checkpoint
        use = EncoderUse.read(workshop.settings.checkpoints_dir / str(checkpoint))
        if use.tuned_in is not None and use.base == name:
            return use
    return base_encoder(workshop, task)


def encode_documents(
    workshop: Workshop,
    task: Task,
    use: EncoderUse,
    document_ids: NDArray[np.int64],
    *,
    on_progress: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> int:
    """Encode those documents that have no vector of this encoder yet; returns how many.

    `on_progress` is told how many of how many are done.
    """
    cache = use.cache(workshop.settings, task.project)
    missing = cache.missing(document_ids)
    n_missing = len(missing)
    if not n_missing:
        return 0
    encoder = workshop.encoder(use.load_name(workshop.settings))
    make_fast(
        encoder,
        read_texts(workshop.store, missing[:: -(-n_missing // MOST_TEXTS)]),
        n_texts=n_missing,
        folder=workshop.settings.backends_dir,
        arithmetic=cache.arithmetic,
        forced=workshop.settings.encoder_backend,
    )
    return encode_missing(
        encoder,
        cache,
        document_ids,
        lambda ids: read_texts(workshop.store, ids),
        chunk=CHUNK,
        on_progress=lambda n_done: on_progress(n_done, n_missing),
        should_stop=should_stop,
    )
