"""The round's trained learner, read back from its checkpoint."""

from __future__ import annotations

from core.learners.quick import QuickLearner
from core.rounds import files
from core.rounds.task import Task


def load_learner(task: Task) -> QuickLearner:
    """The head that scores vectors; a deep round's was trained on its tuned encoder's."""
    return QuickLearner.load(task.folder / files.LEARNER)
