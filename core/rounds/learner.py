"""The head that scores vectors: a new one as the recipe asks, or the round's trained one."""

from __future__ import annotations

from core.domain import Posterior
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import QuickConfig, QuickLearner
from core.rounds import files
from core.rounds.known import recipe_of
from core.rounds.task import Task

Head = QuickLearner | QuickEnsemble


def new_learner(task: Task, config: QuickConfig, n_labels: int) -> Head:
    """A head whose several opinions come from where the recipe says."""
    recipe = recipe_of(task)
    if recipe.posterior is Posterior.ENSEMBLE:
        return QuickEnsemble(config, n_labels, recipe.n_passes)
    return QuickLearner(config, n_labels)


def load_learner(task: Task) -> Head:
    """Read what the train step wrote; a deep round's head was trained on its tuned encoder's."""
    kind = QuickEnsemble if recipe_of(task).posterior is Posterior.ENSEMBLE else QuickLearner
    return kind.load(task.folder / files.LEARNER)
