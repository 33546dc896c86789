from __future__ import annotations

import numpy as np
import pytest
import torch

from core.encoders.encoder import load_encoder
from core.learners.batched import run_batched
from core.learners.tokens import Tokens

TEXTS = ["a rather long text about invoices and refunds", "short", "of middling length", "b"]


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    encoder = load_encoder("bundled")
    return Tokens(encoder.tokenizer, max_tokens=encoder.max_tokens)


def lengths(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return mask.sum(dim=1, keepdim=True).float()


def run(tokens: Tokens, forward) -> np.ndarray:
    return run_batched(
        forward,
        TEXTS,
        tokens,
        width=1,
        device=torch.device("cpu"),
        precision="float32",
    )


def test_rows_come_back_in_the_order_of_the_texts(tokens):
    assert run(tokens, lengths).ravel().tolist() == [len(ids) for ids in tokens.of(TEXTS)]


def test_a_batch_that_does_not_fit_is_halved_until_it_does(tokens):
    sizes = []

    def small_memory(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        sizes.append(len(ids))
        if len(ids) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return lengths(ids, mask)

    assert run(tokens, small_memory).tolist() == run(tokens, lengths).tolist()
    assert max(sizes) > 1


def test_a_single_text_that_does_not_fit_is_an_error(tokens):
    def no_memory(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.cuda.OutOfMemoryError, match="out of memory"):
        run(tokens, no_memory)
