"""Monte Carlo dropout inside the encoder: many vectors for one text.

After Gal and Ghahramani (2016): every pass is the encoder with other parts
switched off. With only the last layers stochastic, what stands before them is
computed once per batch. What the vectors tell is for learners to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.encoders.batches import TOKENS_PER_BATCH, batches_by_length, pad, pad_id_of, tokenise
from core.encoders.encoder import Encoder
from core.errors import InputError

WAY_OUT = "sample the whole encoder (n_layers=None) or the head only (n_layers=0)"


def encode_stochastic(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    n_layers: int | None = None,
    n_passes: int = 20,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Encode texts several times with dropout on.

    Returns
    -------
    vectors
        Shape (texts, passes, width), each of length 1, in the order of `texts`;
        for parameters and errors see `stochastic_batches`.
    """
    vectors = np.zeros((len(texts), n_passes, encoder.width), dtype=np.float32)
    for rows, batch in stochastic_batches(
        encoder, texts, n_layers=n_layers, n_passes=n_passes, seed=seed
    ):
        vectors[rows] = batch
    return vectors


def stochastic_batches(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    n_layers: int | None = None,
    n_passes: int = 20,
    seed: int = 0,
) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
    """Encode texts several times with dropout on, batch by batch.

    Parameters
    ----------
    encoder
        Between batches it is as it was: dropout off.
    n_layers
        How many layers, counted from the last, have dropout on; None is the
        whole encoder with its embeddings, the faithful way and the slowest.
    n_passes
        Vectors per text.
    seed
        The only source of randomness; torch's own generator is left alone.

    Yields
    ------
    rows, vectors
        Positions in `texts`, and their unit vectors (rows, passes, width).

    Raises InputError where nothing would be random, or where the layers of
    this kind of encoder cannot be told apart.
    """
    parts = _parts_of(encoder, n_layers)
    _refuse_without_dropout(encoder, parts)
    token_ids = tokenise(encoder.tokenizer, texts, max_tokens=encoder.max_tokens)
    budget = TOKENS_PER_BATCH.get(encoder.device.type, TOKENS_PER_BATCH["cpu"])
    batches = batches_by_length([len(ids) for ids in token_ids], budget)
    for number, rows in enumerate(batches):
        of_batch = np.random.SeedSequence([abs(seed), number]).generate_state(1)
        with torch.random.fork_rng():
            torch.manual_seed(int(of_batch[0]))
            vectors = _passes(encoder, parts, [token_ids[row] for row in rows], n_passes)
        yield rows, vectors


@dataclass(frozen=True)
class _Parts:
    """Which modules have dropout on, and the layers whose answer is the same in every pass."""

    random: list[torch.nn.Module]
    fixed: list[torch.nn.Module]


def _parts_of(encoder: Encoder, n_layers: int | None) -> _Parts:
    if n_layers is None:
        return _Parts([encoder.model], [])
    layers = _layers_of(encoder)
    if not 1 <= n_layers <= len(layers):
        raise InputError(
            f"Dropout in the last {n_layers} layers was asked of encoder '{encoder.name}', "
            f"which has {len(layers)}; give 1 to {len(layers)}, or {WAY_OUT}."
        )
    if n_layers == len(layers):
        return _Parts([encoder.model], [])
    return _Parts(layers[-n_layers:], layers[:-n_layers])


def _layers_of(encoder: Encoder) -> list[torch.nn.Module]:
    """Find the one list of modules that is as long as the configuration says."""
    config = getattr(encoder.model, "config", None)  # networks of ours have none
    n_expected = getattr(config, "num_hidden_layers", None)
    found = [
        list(module)
        for module in encoder.model.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_expected
    ]
    if len(found) != 1:
        kind = getattr(config, "model_type", "network")
        raise InputError(
            f"The layers of encoder '{encoder.name}' (a '{kind}') cannot be told apart; {WAY_OUT}."
        )
    return found[0]


def _refuse_without_dropout(encoder: Encoder, parts: _Parts) -> None:
    if not any(has_dropout(part) for part in parts.random):
        raise InputError(
            f"Every dropout in the part of encoder '{encoder.name}' to be sampled is 0, so all "
            "passes would agree; use the head's dropout (n_layers=0), an ensemble, or a "
            "strategy without samples such as 'entropy'."
        )


def has_dropout(network: torch.nn.Module) -> bool:
    """Tell whether anything in a network would be random in training mode."""
    for module in network.modules():
        rates = [getattr(module, "p", 0.0)] if "Dropout" in type(module).__name__ else []
        # Dropout called as a function keeps its rate in an attribute.
        rates += [rate for name, rate in vars(module).items() if "drop" in name]
        if any(isinstance(rate, float) and rate > 0 for rate in rates):
            return True
    return False


@torch.inference_mode()
def _passes(
    encoder: Encoder, parts: _Parts, token_ids: list[list[int]], n_passes: int
) -> NDArray[np.float32]:
    """Give unit vectors (rows, passes, width) of one batch."""
    ids, mask = pad(token_ids, pad_id=pad_id_of(encoder.tokenizer), device=encoder.device)

    def vectors() -> torch.Tensor:
        return encoder.vectors(ids, mask)

    with _computed_once(parts.fixed, vectors), _dropout_on(encoder, parts):
        passes = torch.stack([vectors() for _ in range(n_passes)], dim=1)
    answer: NDArray[np.float32] = passes.cpu().numpy()
    return answer


@contextmanager
def _dropout_on(encoder: Encoder, parts: _Parts) -> Iterator[None]:
    try:
        for part in parts.random:
            part.train()  # module, attention and functional dropout alike
        yield
    finally:
        encoder.model.eval()


@contextmanager
def _computed_once(layers: list[torch.nn.Module], run: Callable[[], Any]) -> Iterator[None]:
    """Run once, then let the layers answer with what the last of them gave.

    The model's own forward stays in charge of masks and of what follows the
    layers, so this holds for any encoder that calls its layers one by one.
    """
    if not layers:
        yield
        return
    answers: list[Any] = []
    hook = layers[-1].register_forward_hook(lambda _module, _given, answer: answers.append(answer))
    try:
        run()
    finally:
        hook.remove()

    def answer(*_: Any, **__: Any) -> Any:
        return answers[-1]

    try:
        for layer in layers:
            layer.forward = answer
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)
