"""The options of the deep learner, as plain values, and what each part reads of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.encoders.pooling import Pooling
from core.errors import InputError
from core.learners.early_stopping import EarlyStopping
from core.learners.losses import LossConfig, LossKind
from core.learners.training import Training
from core.learners.tuning import Tuning, TuningMode


@dataclass(frozen=True)
class DeepConfig:
    """How the encoder is fine-tuned."""

    encoder: str = "bundled"  # or a local folder, or a Hugging Face name
    epochs: int = 5
    lr: float = 2e-4  # a six-layer encoder bears more than the 2e-5 usual for twelve layers
    head_lr: float = 2e-3  # the head starts from nothing
    batch_size: int = 16
    max_tokens: int = 256
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    head_dropout: float = 0.1
    dropout: float | None = None  # of the encoder; None: its own
    pooling: str = ""  # mean or cls; empty: the encoder's own
    tuning: str = "full"  # or head, last, gradual, lora
    last_layers: int = 2  # that train with tuning 'last'
    layer_decay: float = 1.0  # each lower layer's rate as a share of that above
    lora_targets: str = "qv"  # or q, qkvo
    lora_rank: int = 8
    lora_alpha: int = 16
    loss: str = "cross-entropy"  # or asymmetric
    positive_weight: bool = False
    exclusive: bool = False  # exactly one label per document
    precision: str = "auto"  # or float32, bfloat16
    early_stopping: bool = True  # where there are enough documents to judge by
    patience: int = 2
    min_epochs: int = 2
    validation_share: float = 0.1  # of the training documents, for early stopping
    warm_start: str = ""  # folder of a saved learner whose weights are gone on from
    seed: int = 0

    def training(self) -> Training:
        """What the training loop reads of it."""
        stopping = EarlyStopping(patience=self.patience, min_epochs=self.min_epochs)
        return Training(
            epochs=self.epochs,
            lr=self.lr,
            head_lr=self.head_lr,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            warmup_share=self.warmup_share,
            precision=self.precision,
            seed=self.seed,
            exclusive=self.exclusive,
            stopping=stopping if self.early_stopping else None,
        )

    def own_pooling(self) -> Pooling | None:
        """The pooling asked for; None leaves it to the encoder."""
        return one_of(Pooling, "pooling", self.pooling) if self.pooling else None

    def what_trains(self) -> Tuning:
        """Which parameters, and how fast; raises InputError for a mode that does not exist."""
        return Tuning(
            mode=one_of(TuningMode, "tuning", self.tuning),
            last_layers=self.last_layers,
            layer_decay=self.layer_decay,
            lora_targets=self.lora_targets,
            lora_rank=self.lora_rank,
            lora_alpha=self.lora_alpha,
        )

    def what_is_minimised(self) -> LossConfig:
        """The loss; raises InputError for one that does not exist."""
        return LossConfig(
            kind=one_of(LossKind, "loss", self.loss),
            positive_weight=self.positive_weight,
            exclusive=self.exclusive,
        )


def one_of(kind: Any, name: str, value: str) -> Any:
    """Read a closed choice; raises InputError naming what there is."""
    try:
        return kind(value)
    except ValueError as error:
        offered = ", ".join(f"'{choice}'" for choice in kind)
        raise InputError(f"{name} is '{value}'; give one of {offered}.") from error
