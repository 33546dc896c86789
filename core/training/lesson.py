"""What a student is taught: a teacher's answers about texts that nobody labelled."""

from __future__ import annotations

import numpy as np

from core.errors import InputError
from core.learners.catalogue import learner_info
from core.learners.text_learners import STUDENT
from core.settings import Settings
from core.training.checkpoint import resolve_checkpoint
from core.training.config import TrainConfig
from core.training.data import LabelledTexts
from core.training.learning import Lesson
from core.training.model import TextModel
from core.training.options import checked_options


def find_lesson(config: TrainConfig, data: LabelledTexts, settings: Settings) -> Lesson | None:
    """Ask the teacher about the rows without labels; None for learners that have no teacher.

    A label that the teacher does not know is taught by judgements alone.
    """
    if config.learner != STUDENT:
        if config.teacher is not None:
            raise InputError(
                f"The learner '{config.learner}' takes no teacher; say --learner {STUDENT}."
            )
        return None
    if config.folds:
        raise InputError(
            "A student in folds would be measured on texts that its teacher knows; leave out folds."
        )
    if config.teacher is None:
        raise InputError("A student is taught by another model; name its checkpoint by --teacher.")
    teacher = TextModel.load(
        resolve_checkpoint(config.teacher, settings.checkpoints_dir), settings=settings
    )
    texts = _drawn(config, data)
    answers = teacher.proba(texts)
    proba = np.full((len(texts), len(data.label_names)), np.nan, dtype=np.float32)
    for at, name in enumerate(data.label_names):
        if name in teacher.label_names:
            proba[:, at] = answers[:, teacher.label_names.index(name)]
    if texts and np.isnan(proba).all():
        raise InputError(
            f"The teacher knows none of the labels {', '.join(data.label_names[:5])}; "
            "take one that was trained on them."
        )
    return Lesson(texts, proba)


def _drawn(config: TrainConfig, data: LabelledTexts) -> list[str]:
    """Texts without labels, by lot where there are more than the learner is to be taught on."""
    most = checked_options(config, {}).get(
        "most_texts", learner_info(STUDENT).option("most_texts").default
    )
    assert isinstance(most, int)
    order = np.random.default_rng(config.seed).permutation(len(data.unjudged))[:most]
    return [data.unjudged[row] for row in np.sort(order).tolist()]
