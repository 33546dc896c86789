"""The smallest network that reads token ids, and documents it can learn."""

from __future__ import annotations

import numpy as np
import torch

N_WORDS, N_LABELS, WIDTH = 20, 3, 8


class BagOfWords(torch.nn.Module):
    """The mean of token vectors, dropout, and a head."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(N_WORDS, WIDTH)
        self.norm = torch.nn.LayerNorm(WIDTH)
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(WIDTH, N_LABELS)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        shares = mask.unsqueeze(-1) / mask.sum(dim=1)[:, None, None]
        answer: torch.Tensor = self.head(self.dropout(self.norm((self.words(ids) * shares).sum(1))))
        return answer


def new_network(seed: int = 0, dropout: float = 0.2) -> BagOfWords:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return BagOfWords(dropout)


def documents(n: int = 40, seed: int = 0) -> tuple[list[list[int]], torch.Tensor]:
    """Token ids of one to nine words, and truth: label k is present where word k stands."""
    rng = np.random.default_rng(seed)
    ids = [rng.integers(0, N_WORDS, rng.integers(1, 10)).tolist() for _ in range(n)]
    truth = [[int(label in row) for label in range(N_LABELS)] for row in ids]
    return ids, torch.tensor(truth, dtype=torch.int8)


def weights_of(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
