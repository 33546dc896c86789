"""The learners a replay can play with, trained and asked alike whatever they read.

Quick learners and ensembles read vectors, the deep learner texts. The seed of a
training belongs to the replay's seed and round alone, so that arms differ by
what they asked and by nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.domain import Embeddings, Posterior, Proba, Samples, Truth
from core.errors import Cancelled, InputError
from core.evaluation.thresholds import best_threshold, sweep
from core.learners.cross_validation import out_of_fold
from core.learners.dataset import JudgedTexts, JudgedVectors
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.ensemble import QuickEnsemble
from core.learners.quick import QuickConfig, QuickLearner
from core.strategies.plan import Arm, ReplayPlan, refuse_unknown
from core.strategies.recipe import ALL_LAYERS

Rows = NDArray[np.int64]
ENSEMBLE_OPTIONS = {"n_members": 5, "bootstrap": False}


@dataclass(frozen=True)
class Documents:
    """Texts with their unit vectors (documents, width); an array of the vectors where one is due.

    Sliced or indexed by rows it stays both.
    """

    texts: list[str]
    x: Embeddings

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice | Rows) -> Self:
        if isinstance(rows, slice):
            return type(self)(self.texts[rows], self.x[rows])
        return type(self)([self.texts[row] for row in rows.tolist()], self.x[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Embeddings:
        return np.array(self.x, dtype=dtype, copy=copy)


class Opinions:
    """A trained learner as scoring asks it: by documents, for probabilities and samples."""

    def __init__(self, learner: Any, samples_of: Any = None, *, reads_texts: bool = False) -> None:
        self.n_labels: int = learner.n_labels
        self._learner, self._samples_of, self._reads_texts = learner, samples_of, reads_texts

    def score_stream(
        self, x: Documents, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples)."""
        read: Any = x.texts if self._reads_texts else x.x
        if self._samples_of is None or not n_passes:
            yield from self._learner.score_stream(read, n_passes=n_passes, chunk=chunk)
            return
        for rows, _, samples in self._samples_of.score_stream(read, n_passes=n_passes, chunk=chunk):
            plain = self._learner.score_stream(read[rows], n_passes=0, chunk=len(samples))
            yield rows, next(plain)[1], samples

    def proba(self, x: Documents) -> Proba:
        """Plain probabilities (documents, labels)."""
        parts = [proba for _, proba, _ in self.score_stream(x, n_passes=0)]
        return np.concatenate([np.empty((0, self.n_labels), dtype=np.float32), *parts])


@dataclass(frozen=True)
class Trained:
    """What one round's training gives."""

    opinions: Opinions
    unseen: Proba  # of the judged documents, by learners that did not see them; else NaN
    threshold: float  # the best on those; 0.5 without any


class Trainer:
    """Trains an arm's learner. Raises InputError for options that do not exist.

    Parameters
    ----------
    plan, arm
        The arm's learner is the plan's unless it names its own. An ensemble as
        posterior gives opinions beside the learner, which is measured alone.
    n_labels
        Columns of truth.
    """

    def __init__(self, plan: ReplayPlan, arm: Arm | None, n_labels: int) -> None:
        kind, options = learner_of(plan, arm)
        self.kind, self.n_labels, self.n_folds = kind, n_labels, plan.n_folds
        self._members = {key: options.pop(key, usual) for key, usual in ENSEMBLE_OPTIONS.items()}
        self._quick, self._deep = QuickConfig(), DeepConfig()
        if kind == "deep":
            self._deep = dataclasses.replace(DeepConfig(encoder=plan.encoder), **options)
        else:
            self._quick = dataclasses.replace(QuickConfig(), **options)
        self._n_heads = _heads_beside(kind, arm)

    def train(
        self, documents: Documents, truth: Truth, *, seed: int, should_stop: Callable[[], bool]
    ) -> Trained:
        """Train on judged documents; raises Cancelled when stopped."""

        def fit_predict(fit: Rows, test: Rows) -> Proba:
            fold = self._fit(self._new(seed), documents[fit], truth[fit], should_stop)
            return Opinions(fold, reads_texts=self.reads_texts).proba(documents[test])

        unseen = np.full(truth.shape, np.nan, dtype=np.float32)
        if self.n_folds > 1:
            unseen, _ = out_of_fold(fit_predict, truth, n_folds=self.n_folds, seed=seed)
        learner = self._fit(self._new(seed), documents, truth, should_stop)
        heads = None
        if self._n_heads:
            heads = QuickEnsemble(self._with_seed(seed), self.n_labels, self._n_heads)
            self._fit(heads, documents, truth, should_stop)
        opinions = Opinions(learner, heads, reads_texts=self.reads_texts)
        return Trained(opinions, unseen, best_threshold(sweep(unseen, truth)))

    @property
    def reads_texts(self) -> bool:
        """Whether the learner looks at texts, not at vectors."""
        return self.kind == "deep"

    def _new(self, seed: int) -> Any:
        if self.kind == "deep":
            return DeepLearner(dataclasses.replace(self._deep, seed=seed), self.n_labels)
        if self.kind == "ensemble":
            return QuickEnsemble(self._with_seed(seed), self.n_labels, **self._members)
        return QuickLearner(self._with_seed(seed), self.n_labels)

    def _with_seed(self, seed: int) -> QuickConfig:
        return dataclasses.replace(self._quick, seed=seed)

    def _fit(
        self, learner: Any, documents: Documents, truth: Truth, should_stop: Callable[[], bool]
    ) -> Any:
        if should_stop():
            raise Cancelled("The replay was stopped; run it again to go on.")
        if self.reads_texts:
            return learner.fit(JudgedTexts(documents.texts, truth), should_stop=should_stop)
        return learner.fit(JudgedVectors(documents.x, truth), should_stop=should_stop)


def learner_of(plan: ReplayPlan, arm: Arm | None = None) -> tuple[str, dict[str, Any]]:
    """An arm's learner and its options, or the plan's own; refuses what does not exist.

    An arm that names another learner has none of the plan's options.
    """
    kind, options = plan.learner, dict(plan.learner_options)
    if arm is not None:
        if arm.learner is not None and arm.learner != plan.learner:
            kind, options = arm.learner, {}
        options |= arm.learner_options
    config: type[Any] = DeepConfig if kind == "deep" else QuickConfig
    usual: dict[str, Any] = {f.name: f.default for f in dataclasses.fields(config)}
    usual |= ENSEMBLE_OPTIONS if kind == "ensemble" else {}
    known = set(usual) - {"seed", "encoder"}
    refuse_unknown(f"The {kind} learner", options, known)
    for name, value in options.items():
        _check_like(name, value, usual[name])
    return kind, options


def check_learners(plan: ReplayPlan) -> None:
    """Raise InputError for an arm that cannot be played with its learner."""
    learner_of(plan)
    for arm in plan.arms:
        kind, _ = learner_of(plan, arm)
        _heads_beside(kind, arm)
        if arm.recipe.per_second:
            raise InputError(
                f"Arm '{arm.name}' minds the seconds of judging, which no replay knows; "
                "set per_second to false."
            )


def _heads_beside(kind: str, arm: Arm | None) -> int:
    """How many heads of an ensemble give opinions beside the learner."""
    if arm is None:
        return 0
    if arm.recipe.stochastic_layers and not (
        kind == "deep" and arm.recipe.stochastic_layers == ALL_LAYERS
    ):
        raise InputError(
            f"Arm '{arm.name}' wants dropout in {arm.recipe.stochastic_layers} encoder layers, "
            f"which a replay with the {kind} learner does not have; set stochastic_layers to 0."
        )
    if arm.recipe.posterior is not Posterior.ENSEMBLE or kind == "ensemble":
        return 0
    if kind == "deep":
        raise InputError(
            f"Arm '{arm.name}' wants an ensemble's opinions, which the deep learner has not; "
            "use the posterior 'dropout'."
        )
    return arm.recipe.n_passes


def _check_like(name: str, value: Any, usual: Any) -> None:
    if isinstance(usual, bool):
        fits = isinstance(value, bool)
    elif isinstance(usual, int):
        fits = isinstance(value, int) and not isinstance(value, bool) and value > 0
    else:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if not fits:
        raise InputError(f"{name} is {value!r}; give a value like {usual!r}.")


def options_in_full(plan: ReplayPlan) -> Mapping[str, Any]:
    """The plan's learner options with the defaults it leaves as they are, for the record."""
    trainer = Trainer(plan, None, 1)
    config = trainer._deep if trainer.reads_texts else trainer._quick
    members = trainer._members if trainer.kind == "ensemble" else {}
    values = dataclasses.asdict(config) | members
    return {key: value for key, value in values.items() if key != "seed"}
