"""One door to every learner for a training on texts: fit it, ask it, keep it in a folder.

Learners that read texts and baselines stand here, heads on an encoder's vectors
in `core.training.on_vectors`. What they learn and how is `core.learners`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba, RoundKind
from core.learners.baseline_heads import Head
from core.learners.baselines import BaselineConfig, BaselineLearner, Features
from core.learners.catalogue import learner_info
from core.learners.dataset import JudgedTexts, unjudged
from core.learners.finetuning import Outcome
from core.learners.text_learners import MEMORY, STUDENT, TextLearner, new_text_learner
from core.rounds import files
from core.training.config import TrainConfig
from core.training.options import learner_options

RawProba = Callable[[Sequence[str]], Proba]  # texts to (texts, labels), uncalibrated


@dataclass(frozen=True)
class Watch:
    """Who is told how a training goes, and who may stop it."""

    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None  # from 1, mean loss
    on_share: Callable[[float], None] = lambda share: None  # of the work
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Lesson:
    """Texts that a teacher was asked about, and its probabilities (texts, labels)."""

    texts: list[str]
    proba: Proba


@dataclass(frozen=True)
class Materials:
    """What a learner is made of, beside the texts it is trained on."""

    config: TrainConfig
    n_labels: int
    data_dir: Path  # where vectors are kept, and how much fits a GPU
    begin: Path | None = None  # a saved learner whose weights are begun with
    lesson: Lesson | None = None  # of a student

    @property
    def reads_vectors(self) -> bool:
        """Whether the learner is a head on an encoder's vectors."""
        return learner_info(self.config.learner).round_kind is RoundKind.QUICK


@dataclass(frozen=True)
class Learnt:
    """A trained learner.

    `out_of_fold` are probabilities (texts, labels) of the texts it was trained
    on by learners that did not see them, with each text's fold.
    """

    raw_proba: RawProba
    save: Callable[[Path], None]  # into a checkpoint's folder
    history: list[dict[str, Any]] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    out_of_fold: tuple[Proba, NDArray[np.int64]] | None = None


def learn_from_texts(
    materials: Materials, train: JudgedTexts, watch: Watch, *, state: Path | None
) -> Learnt:
    """Train a learner that reads texts; with `state` a killed training of the same goes on."""
    if learner_info(materials.config.learner).round_kind is None:
        return _baseline(materials, train, watch)
    return _network(materials, train, watch, state=state)


def raw_proba_of(learner: TextLearner | BaselineLearner) -> RawProba:
    """What a learner that reads texts answers."""

    def raw_proba(texts: Sequence[str]) -> Proba:
        asked = JudgedTexts(texts, unjudged(len(texts), learner.n_labels))
        return np.asarray(learner.predict_proba(asked), dtype=np.float32)

    return raw_proba


def _network(
    materials: Materials, train: JudgedTexts, watch: Watch, *, state: Path | None
) -> Learnt:
    config = materials.config
    options = learner_options(config)
    if materials.begin is not None:
        options["warm_start"] = str(materials.begin)
    learner = new_text_learner(
        config.learner,
        options,
        materials.n_labels,
        encoder=config.encoder,
        seed=config.seed,
        exclusive=config.exclusive,
    )
    lesson: dict[str, Any] = {}
    if config.learner == STUDENT and materials.lesson is not None:
        lesson = {
            "pool_texts": materials.lesson.texts,
            "teacher_proba": materials.lesson.proba,
        }
    learner.fit(
        train,
        state=state,
        memory=materials.data_dir / MEMORY,
        on_epoch=watch.on_epoch,
        on_step=lambda step, n_steps, _: watch.on_share(step / n_steps),
        should_stop=watch.should_stop,
        **lesson,
    )
    outcome = learner.outcome
    return Learnt(
        raw_proba=raw_proba_of(learner),
        save=lambda folder: learner.save(folder / files.TUNED),
        history=[] if outcome is None else outcome.history,
        told={} if outcome is None else _in_brief(outcome),
    )


def _in_brief(outcome: Outcome) -> dict[str, Any]:
    return {
        "n_epochs": outcome.n_epochs,
        "best_epoch": outcome.best_epoch,
        "stopped_because": outcome.stopped_because,
        "messages": outcome.messages,
        "device": outcome.device,
        "resumed_from": outcome.resumed_from,
    }


def _baseline(materials: Materials, train: JudgedTexts, watch: Watch) -> Learnt:
    learner = BaselineLearner(_baseline_config(materials.config), materials.n_labels)
    learner.fit(
        train,
        on_step=lambda number, n_heads, _: watch.on_share(number / n_heads),
        should_stop=watch.should_stop,
    )
    return Learnt(
        raw_proba=raw_proba_of(learner),
        save=lambda folder: learner.save(folder / files.LEARNER),
    )


def _baseline_config(config: TrainConfig) -> BaselineConfig:
    """`tfidf-logistic`, `frozen-logistic` and `frozen-svc`, as the catalogue calls them."""
    options = dict(learner_options(config))
    features, head = config.learner.split("-")
    pooling = options.pop("pooling", str(Features.MEAN))
    return BaselineConfig(
        features=Features.TFIDF if features == "tfidf" else Features(pooling),
        head=Head(head),
        exclusive=config.exclusive,
        encoder=config.encoder,
        max_tokens=config.max_tokens,
        seed=config.seed,
        **options,
    )
