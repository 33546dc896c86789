"""An encoder with one linear layer on top, and what of it trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from core.encoders.encoder import Encoder
from core.encoders.folders import write_max_tokens
from core.encoders.networks import save_body
from core.encoders.pooling import Pooling, pooled, write_pooling
from core.learners.optimising import Rates
from core.learners.tuning import (
    Depth,
    Tuning,
    TuningMode,
    add_lora,
    freeze,
    merge_lora,
    tuned_rates,
)


class Network(torch.nn.Module):
    """The encoder, its pooling, and one linear layer with a logit per label.

    Parameters
    ----------
    encoder
        Its model becomes a part of this network; its pooling is used.
    n_labels
        Logits per row.
    head_dropout
        Before the linear layer.
    tuning
        What trains; the loop in `core.learners.finetuning` asks for it.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        n_labels: int,
        head_dropout: float,
        tuning: Tuning | None = None,
    ) -> None:
        super().__init__()
        self.encoder: Any = encoder.model
        self.pooling: Pooling = encoder.pooling
        self.is_network = encoder.is_network
        self.dropout = torch.nn.Dropout(head_dropout)
        self.head = torch.nn.Linear(encoder.width, n_labels)
        self.tuning = tuning or Tuning()
        self.depth = Depth(self.encoder) if self.tuning.needs_layers else None
        self._trained: set[str] = set()

    def pooled(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give unit vectors of shape (rows, width)."""
        if self.is_network:
            return torch.nn.functional.normalize(self.encoder(ids, mask).float(), dim=-1)
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return pooled(hidden, mask, self.pooling)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Give logits of shape (rows, labels)."""
        return self.logits(self.dropout(self.pooled(ids, mask)))

    def logits(self, vectors: torch.Tensor) -> torch.Tensor:
        """Give logits (…, labels) of unit vectors (…, width)."""
        # Unit vectors have entries near 1/√width; bring them near 1.
        answer: torch.Tensor = self.head(vectors * vectors.shape[-1] ** 0.5)
        return answer

    # --- asked by the training loop --------------------------------------------

    def learning_rates(self, config: Rates) -> dict[str, float]:
        """The rate of each parameter that trains at any time."""
        rates = tuned_rates(self, self.depth, self.tuning, config)
        self._trained = set(rates)
        freeze(self, self._trained, None)
        return rates

    def begin_epoch(self, epoch: int, n_epochs: int) -> None:
        """Open the layers whose turn has come."""
        if self.tuning.mode is TuningMode.GRADUAL and self.depth is not None:
            lowest = self.depth.open_from(self.tuning, epoch, n_epochs)
            freeze(self, self._trained, self.depth, lowest=lowest)

    @contextmanager
    def adapted(self) -> Iterator[None]:
        """Have LoRA's matrices where they are wanted; merged into the weights in the end."""
        if self.tuning.mode is not TuningMode.LORA:
            yield
            return
        added = add_lora(self.encoder, self.tuning)
        added.to(next(self.head.parameters()).device)
        try:
            yield
        finally:
            merge_lora(added)


def set_dropout(model: torch.nn.Module, rate: float) -> None:
    """Set every dropout of an encoder, in its modules and in what it will be saved with."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
        for name, value in vars(module).items():
            if "drop" in name and isinstance(value, float):
                setattr(module, name, rate)
    config = getattr(model, "config", None)
    for name, value in vars(config).items() if config is not None else ():
        if "drop" in name and "classifier" not in name and isinstance(value, float):
            setattr(config, name, rate)


def save_encoder(encoder: Encoder, folder: Path) -> None:
    """Write what `load_encoder`, and of transformers plain `transformers`, load.

    It says where texts are cut, so that a pool is read as far as was trained.
    """
    if encoder.is_network:
        folder.mkdir(parents=True, exist_ok=True)
        save_body(encoder.model, folder)
    else:
        encoder.model.save_pretrained(folder)
        write_pooling(folder, encoder.pooling, width=encoder.width)
    encoder.tokenizer.save_pretrained(folder)
    write_max_tokens(folder, encoder.max_tokens)
