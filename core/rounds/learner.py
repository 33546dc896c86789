"""The head that scores features: a new one as the round asks, or the round's trained one."""

from __future__ import annotations

from typing import Any

from core.domain import Posterior, RoundKind
from core.learners.catalogue import DEFAULT_LEARNER
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import QuickConfig, QuickHead, QuickKind, load_quick, new_quick
from core.rounds import files
from core.rounds.known import recipe_of
from core.rounds.task import Task

Head = QuickHead | QuickEnsemble
NOT_THE_HEADS = {"kind", "lexical"}  # of the learner's options: its name, and what it reads


def quick_config(task: Task) -> QuickConfig:
    """How the round's head is built and trained; in a deep round, as it usually is."""
    exclusive, seed = task.is_exclusive, task.the_round.seed
    if task.is_deep:
        return QuickConfig(exclusive=exclusive, seed=seed)
    asked: dict[str, Any] = dict(task.the_round.config.get("learner") or {})
    kind = QuickKind(asked.get("kind", DEFAULT_LEARNER[RoundKind.QUICK]))
    options = {name: value for name, value in asked.items() if name not in NOT_THE_HEADS}
    return QuickConfig(kind=kind, exclusive=exclusive, seed=seed, **options)


def n_members(task: Task) -> int:
    """How many heads answer together; 0 is one alone, with a posterior of its own."""
    recipe = recipe_of(task)
    return recipe.n_passes if recipe.posterior is Posterior.ENSEMBLE else 0


def new_learner(
    task: Task, config: QuickConfig, n_labels: int, *, blocks: tuple[int, ...] = ()
) -> Head:
    """A head whose several opinions come from where the recipe says."""
    if n := n_members(task):
        return QuickEnsemble(config, n_labels, n, blocks=blocks)
    return new_quick(config, n_labels, blocks=blocks)


def load_learner(task: Task) -> Head:
    """Read what the train step wrote; a deep round's head was trained on its tuned encoder's."""
    path = task.folder / files.LEARNER
    return QuickEnsemble.load(path) if n_members(task) else load_quick(path)
