"""A small network taught by a large learner's probabilities on texts nobody judged.

Who the teacher is does not matter here: it is known by what it said. The small
network and its training are `core.learners.text_network`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from core.domain import UNJUDGED, Proba, Truth
from core.errors import InputError
from core.learners.bodies import TextNetworkConfig
from core.learners.dataset import JudgedTexts
from core.learners.finetuning import OnEpoch, OnStep
from core.learners.losses import LossConfig, make_loss
from core.learners.text_network import Lesson, TextNetworkLearner
from core.learners.training_run import Watching

SUREST = 1e-6  # a probability, so that its log-odds are finite


@dataclass(frozen=True)
class StudentConfig(TextNetworkConfig):
    """How the student is built and taught.

    `teacher_weight` is what a cell counts that the teacher answered; a judged
    cell counts the rest of 1. At a `temperature` above 1 the teacher is asked
    less for what it is sure of, more for how it orders the rest.
    """

    kind: str = "transformer"
    dropout: float = 0.1
    epochs: int = 5
    lr: float = 5e-4
    teacher_weight: float = 0.5
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.teacher_weight <= 1:
            raise InputError(f"teacher_weight is {self.teacher_weight}; give a number from 0 to 1.")
        if self.temperature <= 0:
            raise InputError(f"temperature is {self.temperature}; give a number above 0.")


class StudentLearner(TextNetworkLearner):
    """A small network that has learnt from judgements and from a teacher.

    Parameters
    ----------
    config
        A `StudentConfig`.
    n_labels, device
        As in `TextNetworkLearner`, whose answers are given in the same way.
    """

    FORMAT: ClassVar[str] = "marginalia-student-1"
    CONFIG: ClassVar[type[TextNetworkConfig]] = StudentConfig

    def __init__(self, config: StudentConfig, n_labels: int, device: str | None = None) -> None:
        super().__init__(config, n_labels, device)
        self.options = config

    def fit(
        self,
        train_set: JudgedTexts,
        weights: NDArray[np.float64] | None = None,
        *,
        pool_texts: Sequence[str] = (),
        teacher_proba: Proba | None = None,
        validation: JudgedTexts | None = None,
        state: Path | None = None,
        memory: Path | None = None,
        on_epoch: OnEpoch | None = None,
        on_step: OnStep | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Self:
        """Learn from judged cells and from what the teacher said of the pool.

        Parameters
        ----------
        train_set
            Judged documents.
        pool_texts, teacher_proba
            Any texts, and the teacher's probabilities (texts, labels) of them;
            where it gave none, NaN, the student is taught nothing.

        The rest is as in `TextNetworkLearner.fit`. After Hinton, Vinyals and
        Dean (2015), "Distilling the knowledge in a neural network".
        """
        if weights is not None:
            raise ValueError("sample weights are not supported; unjudged cells are masked instead")
        taught = _checked(teacher_proba, (len(pool_texts), self.n_labels))
        train_set, validation = self._parted(train_set, validation)
        truth = train_set.truth
        lesson = Lesson(
            [*train_set.texts, *pool_texts],
            torch.from_numpy(targets_of(truth, taught, self.options)),
            DistillingLoss(self.options, truth),
            prior=self._prior(truth),
            is_taught=(truth != UNJUDGED).any(axis=0) | ~np.isnan(taught).all(axis=0),
        )
        watching = Watching(
            validation and self._validate(validation), on_epoch, on_step, should_stop
        )
        return self._learn(lesson, watching, state=state, memory=memory)


def targets_of(truth: Truth, taught: Proba, config: StudentConfig) -> NDArray[np.float32]:
    """Lay truth and the teacher's softened answers side by side.

    Shape (judged + pool, 2 × labels): judgements left, answers right, -1 where
    there is none.
    """
    n_judged, n_labels = truth.shape
    targets = np.full((n_judged + len(taught), 2 * n_labels), UNJUDGED, dtype=np.float32)
    targets[:n_judged, :n_labels] = truth
    soft = softened(taught, config.temperature, exclusive=config.exclusive)
    targets[n_judged:, n_labels:] = np.where(np.isnan(soft), UNJUDGED, soft)
    return targets


def softened(proba: Proba, temperature: float, *, exclusive: bool) -> Proba:
    """Divide log-odds, or where labels exclude each other log-probabilities, by the temperature."""
    safe = np.clip(proba, SUREST, 1 - SUREST)
    if exclusive:
        powers = safe ** (1 / temperature)
        return np.asarray(powers / np.nansum(powers, axis=1, keepdims=True), dtype=np.float32)
    odds = (safe / (1 - safe)) ** (1 / temperature)
    return np.asarray(odds / (1 + odds), dtype=np.float32)


class DistillingLoss:
    """A mean over cells, or exclusive documents, weighed by who answered them.

    The teacher's part is cross-entropy at the temperature, times its square,
    which keeps the size of gradients. `truth` (documents, labels) is judged.
    """

    def __init__(self, config: StudentConfig, truth: Truth) -> None:
        self.hard = make_loss(config.what_is_minimised(), truth)
        self.soft = make_loss(LossConfig(exclusive=config.exclusive), truth)
        self.config = config

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of (logits, targets) as `targets_of` lays them."""
        judged, taught = targets.chunk(2, dim=1)
        of_judged, of_taught = self._weights(targets)
        temperature = self.config.temperature
        total = of_judged * self.hard(logits, judged)
        total = total + of_taught * temperature**2 * self.soft(logits / temperature, taught)
        return total / (of_judged + of_taught).clamp(min=SUREST)

    def weight_of(self, targets: torch.Tensor) -> torch.Tensor:
        """What the mean over these targets is divided by."""
        of_judged, of_taught = self._weights(targets)
        return of_judged + of_taught

    def _weights(self, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        answered = [part >= 0 for part in targets.chunk(2, dim=1)]
        if self.config.exclusive:
            answered = [cells.any(dim=1) for cells in answered]
        weight = self.config.teacher_weight
        return answered[0].sum() * (1 - weight), answered[1].sum() * weight


def _checked(proba: Proba | None, shape: tuple[int, int]) -> Proba:
    if proba is None:
        if shape[0]:
            raise InputError(
                f"There are {shape[0]} texts to be taught on, but no answers of a teacher; give "
                "teacher_proba, or no pool_texts."
            )
        return np.full(shape, np.nan, dtype=np.float32)
    if proba.shape != shape:
        raise InputError(
            f"The teacher's answers have shape {proba.shape}; {shape[0]} texts and {shape[1]} "
            f"labels want {shape}."
        )
    return proba
