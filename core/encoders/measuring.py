"""Chooses the fastest way to run an encoder on this machine that keeps its ranking.

Measured for a few seconds on the project's own texts, remembered in a file per
machine, encoder and versions, and said in the log. Whatever fails, torch in
float32 goes on.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from core.encoders.backends import EXACT, Backend, build_runner, candidates
from core.encoders.batches import tokenise
from core.encoders.encoder import Encoder
from core.errors import InputError

log = logging.getLogger(__name__)

AUTO = "auto"
LEAST_SPEARMAN = 0.999  # of every projection, against float32
N_PROJECTIONS = 32
FEWEST_TEXTS, MOST_TEXTS = 64, 128  # of 26 texts, two that change places make 0.9986
SAMPLE_TOKENS = 6144  # a few seconds in float32 on two cores
WORTH_TOKENS = 50_000  # below, measuring takes longer than it saves
CHARS_PER_TOKEN = 4
SEED = 20  # of the projections: any will do, but always the same


@dataclass(frozen=True)
class Measured:
    """One backend on the sample."""

    backend: Backend
    tokens_per_s: float
    spearman: float  # the worst projection's, against float32
    cosine: float  # the worst text's
    refused: str = ""  # why it is not used


@dataclass(frozen=True)
class Choice:
    """The fastest exact backend, and the fastest that keeps the ranking."""

    exact: Backend
    fastest: Backend
    measured: tuple[Measured, ...] = ()

    def for_cache(self, arithmetic: str | None) -> Backend:
        """Give the fastest whose vectors may lie beside what a cache holds already."""
        if arithmetic is None:
            return self.fastest
        alike = [one.backend for one in self.measured if one.backend == arithmetic]
        return alike[0] if alike and not self.measured_as(alike[0]).refused else self.exact

    def measured_as(self, backend: Backend) -> Measured:
        """Give what one backend was measured as."""
        return next(one for one in self.measured if one.backend is backend)


def make_fast(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    n_texts: int,
    folder: Path,
    arithmetic: str | None = None,
    forced: str = AUTO,
) -> Backend:
    """Let an encoder run in the fastest way that is right here.

    Parameters
    ----------
    texts
        A sample of what is to be encoded, to be measured on.
    n_texts
        How many are to be encoded; few are not worth measuring for.
    folder
        Keeps what was measured, and exported models.
    arithmetic
        Of the vectors that the new ones are to lie beside, where there are any.
    forced
        A backend's name overrules all of this; `auto` chooses.

    Raises InputError for a name that no backend has.
    """
    backend = _wanted(encoder, texts, n_texts, folder, arithmetic, forced)
    if backend is encoder.backend:
        return backend
    try:
        encoder.use(backend, build_runner(backend, encoder, folder))
        encoder.encode(texts[:1])
    except Exception as error:  # whatever a backend raises, float32 goes on
        log.warning("Encoder backend %s failed (%s); torch goes on", backend, error)
        encoder.use(Backend.TORCH, None)
    log.info("Encoder %s runs on %s", encoder.name, encoder.backend)
    return encoder.backend


def _wanted(
    encoder: Encoder,
    texts: Sequence[str],
    n_texts: int,
    folder: Path,
    arithmetic: str | None,
    forced: str,
) -> Backend:
    if forced != AUTO:
        return _named(forced, encoder)
    if len(candidates(encoder)) == 1:
        return Backend.TORCH
    choice = remembered(encoder, folder)
    if choice is None:
        sample = sample_of(texts)
        n_chars = sum(map(len, texts)) / max(len(texts), 1) * n_texts
        if len(sample) < FEWEST_TEXTS or n_chars < WORTH_TOKENS * CHARS_PER_TOKEN:
            found = [one for one in candidates(encoder) if one == arithmetic]
            return found[0] if found else Backend.TORCH
        choice = measure(encoder, sample, folder=folder)
        remember(encoder, choice, folder)
    return choice.for_cache(arithmetic)


def _named(forced: str, encoder: Encoder) -> Backend:
    try:
        backend = Backend(forced)
    except ValueError:
        names = ", ".join([AUTO, *Backend])
        raise InputError(
            f"MARGINALIA_ENCODER_BACKEND is '{forced}', which is no backend; give one of {names}."
        ) from None
    if backend not in candidates(encoder):
        log.warning("Encoder backend %s cannot run here; torch is used instead", backend)
        return Backend.TORCH
    return backend


# --- measuring --------------------------------------------------------------


def sample_of(texts: Sequence[str]) -> list[str]:
    """Take texts evenly, and the beginning of long ones: a rank correlation needs many.

    Rounding shows most in the vectors of short texts, so this is the harder test.
    """
    step = max(1, len(texts) // MOST_TEXTS)
    taken = texts[::step][:MOST_TEXTS]
    n_chars = SAMPLE_TOKENS * CHARS_PER_TOKEN // max(len(taken), 1)
    return [text[:n_chars] for text in taken]


def measure(encoder: Encoder, texts: Sequence[str], *, folder: Path) -> Choice:
    """Run every backend over a sample, and compare speed and ranking with torch in float32."""
    n_tokens = sum(_lengths(encoder, texts))
    before = encoder.backend, encoder.runner
    measured: list[Measured] = []
    truth: NDArray[np.float32] | None = None
    try:
        for backend in candidates(encoder):
            vectors, seconds, failure = _tried(encoder, backend, texts, folder)
            truth = vectors if truth is None else truth
            result = _judged(backend, n_tokens / max(seconds, 1e-9), vectors, truth, failure)
            measured.append(result)
            log.info("Measured on %d texts: %s", len(texts), result)
    finally:
        encoder.use(*before)
    usable = [one for one in measured if not one.refused]
    exact = [one for one in usable if one.backend in EXACT]
    return Choice(_fastest(exact), _fastest(usable), tuple(measured))


def _lengths(encoder: Encoder, texts: Sequence[str]) -> list[int]:
    return [len(ids) for ids in tokenise(encoder.tokenizer, texts, max_tokens=encoder.max_tokens)]


def _tried(
    encoder: Encoder, backend: Backend, texts: Sequence[str], folder: Path
) -> tuple[NDArray[np.float32], float, str]:
    try:
        encoder.use(backend, build_runner(backend, encoder, folder))
        encoder.encode(texts[: len(texts) // 4])  # the first run compiles
        started = time.perf_counter()
        vectors = encoder.encode(texts)
        return vectors, time.perf_counter() - started, ""
    except Exception as error:
        if backend is Backend.TORCH:
            raise
        return np.zeros((len(texts), encoder.width), np.float32), np.inf, str(error) or repr(error)


def _judged(
    backend: Backend,
    tokens_per_s: float,
    vectors: NDArray[np.float32],
    truth: NDArray[np.float32],
    failure: str,
) -> Measured:
    spearman = least_spearman(vectors, truth)
    cosine = float((vectors * truth).sum(axis=1).min())
    if not failure and not spearman >= LEAST_SPEARMAN:
        failure = f"its ranking is off: Spearman {spearman:.4f} below {LEAST_SPEARMAN}"
    return Measured(backend, round(tokens_per_s, 1), spearman, cosine, failure)


def least_spearman(vectors: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Rank texts along directions such as heads have, and give the worst rank correlation.

    Both arrays are (texts, width), of the same texts. A linear head trained on
    vectors is a sum of them with weights; the weights are random here.
    """
    weights = np.random.default_rng(SEED).normal(size=(len(truth), N_PROJECTIONS))
    directions = (truth - truth.mean(axis=0)).T @ weights
    ranks = [rankdata(rows @ directions, axis=0) for rows in (vectors, truth)]
    centred = [rank - rank.mean(axis=0) for rank in ranks]
    norms = np.prod([np.linalg.norm(rank, axis=0) for rank in centred], axis=0)
    if not (norms > 0).all():
        return 1.0 if np.allclose(vectors, truth, atol=1e-4) else 0.0
    return float(((centred[0] * centred[1]).sum(axis=0) / norms).min())


def _fastest(measured: Sequence[Measured]) -> Backend:
    return max(measured, key=lambda one: one.tokens_per_s).backend


# --- remembering ------------------------------------------------------------


def remembered(encoder: Encoder, folder: Path) -> Choice | None:
    """Read what was measured on this machine for this encoder and these versions."""
    path = folder / f"{_key(encoder)}.json"
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        rows = [{**row, "backend": Backend(row["backend"])} for row in about["measured"]]
        measured = tuple(Measured(**row) for row in rows)
        return Choice(Backend(about["exact"]), Backend(about["fastest"]), measured)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        log.warning("'%s' cannot be read; the encoder is measured again", path)
        return None


def remember(encoder: Encoder, choice: Choice, folder: Path) -> None:
    """Keep what was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_key(encoder)}.json"
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    partial.write_text(json.dumps(asdict(choice), indent=2), encoding="utf-8")
    partial.replace(path)


def _key(encoder: Encoder) -> str:
    machine = [
        platform.machine(),
        str(torch.cpu.get_capabilities().get("cpu_name", "")),
        str(torch.get_num_threads()),
        str(encoder.device),
    ]
    names = ("torch", "transformers", "openvino")
    parts = [encoder.fingerprint, *machine, *(f"{name} {_version(name)}" for name in names)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"
