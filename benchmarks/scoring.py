"""Documents per second of encoding, ours beside three libraries, and the price of dropout passes.

    python -m benchmarks.scoring [--documents 500] [--texts goemotions imdb demo …]
                                 [--threads 2] [--repeats 2] [--passes 20] [--kept folder]

Every line encodes the same documents with the bundled encoder, cut at the same
256 tokens, in this one run; best of `--repeats`, the first run of each apart.
Rivals: sentence-transformers' `encode` and transformers' feature-extraction
`pipeline` at their best of three batch sizes, and small-text's transformer
classifier, `embed` and `predict_proba`. The share is of this machine's measured
matrix-product rate in that precision: operations of real tokens only, so
padding counts as waste. "processor" is seconds of processor time, which other
programs disturb less than seconds on the clock. Spearman is the worst of 32
projections such as heads have, against float32. Texts are public data sets under
MARGINALIA_SHARED; without it, and as `demo`, those of the demo corpus.

The second table has Monte Carlo dropout: T passes with the first k layers
computed once, beside T full passes (k = 0) and one plain encoding.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.demo.corpus import demo_rows
from core.encoders.backends import Backend, build_runner, candidates
from core.encoders.batches import tokenise
from core.encoders.encoder import Encoder, load_encoder
from core.encoders.measuring import least_spearman, measure, sample_of
from core.encoders.stochastic import encode_stochastic
from core.settings import get_settings

DEMO = "demo"
BATCH_SIZES = (8, 32, 128)
LAYERS_KEPT = (0, 3, 5)


@dataclass(frozen=True)
class Took:
    """The best of several runs."""

    wall_s: float
    processor_s: float
    result: Any = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--texts", nargs="+", default=["goemotions", "arxiv-cs", "imdb", DEMO])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--dropout-documents", type=int, default=64)
    parser.add_argument("--kept", type=Path, help="where exported models stay between runs")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of the rivals: they would stand between the lines
    torch.set_num_threads(given.threads)
    rates = {kind: matmul_rate(kind) for kind in (torch.float32, torch.bfloat16)}
    print(f"{given.threads} threads; matrix products of this encoder's shapes, measured:")
    for kind, rate in rates.items():
        print(f"  {str(kind).removeprefix('torch.'):<10}{rate / 1e9:6.0f} GFLOP/s")
    encoder = load_encoder("bundled", device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        kept = given.kept or Path(folder)
        for name in dict.fromkeys(map(available, given.texts)):
            texts = read_texts(name, given.documents)
            compare(encoder, name, texts, rates=rates, kept=kept, repeats=given.repeats)
            price_of_passes(encoder, texts[: given.dropout_documents], n_passes=given.passes)


# --- encoding -----------------------------------------------------------------


def compare(
    encoder: Encoder,
    name: str,
    texts: list[str],
    *,
    rates: dict[torch.dtype, float],
    kept: Path,
    repeats: int,
) -> None:
    """Print a line for each of our backends and each rival."""
    lengths = [len(ids) for ids in tokenise(encoder.tokenizer, texts, max_tokens=256)]
    flops = forward_flops(encoder, lengths)
    seconds = best_of(lambda: tokenise(encoder.tokenizer, texts, max_tokens=256), 1).wall_s
    print(
        f"\n{name}: {len(texts)} documents of {np.mean(lengths):.0f} tokens on average, "
        f"{flops / len(texts) / 1e9:.2f} GFLOP each; tokenising alone {seconds:.2f} s"
    )
    measured_s = best_of(lambda: measure(encoder, sample_of(texts), folder=kept), 1)
    chosen = measured_s.result.fastest
    print(f"  the self-measurement took {measured_s.wall_s:.1f} s and chose {chosen}")
    truth, rivals, ours = None, {}, {}
    for backend in candidates(encoder):
        encoder.use(backend, build_runner(backend, encoder, kept))
        ours[backend] = took = best_of(lambda: encoder.encode(texts), repeats)
        truth = took.result if truth is None else truth
        kind = torch.bfloat16 if backend.endswith("bf16") else torch.float32
        rho = least_spearman(took.result, truth)
        tell(f"ours, {backend}", took, len(texts), flops / rates[kind], f"Spearman {rho:.5f}")
    encoder.use(Backend.TORCH, None)
    for title, run in rival_runs(encoder, texts).items():
        rivals[title] = took = best_of(run, repeats)
        tell(title, took, len(texts), flops / rates[torch.float32])
    best = min(rivals, key=lambda title: rivals[title].wall_s)
    faster = rivals[best].wall_s / ours[chosen].wall_s
    less_work = min(took.processor_s for took in rivals.values()) / ours[chosen].processor_s
    print(
        f"  {chosen} is {faster:.2f} times as fast as the best rival ({best}), "
        f"with {less_work:.2f} times less processor time than the most frugal one"
    )


def rival_runs(encoder: Encoder, texts: list[str]) -> dict[str, Callable[[], Any]]:
    """The same documents through other libraries, each ready to run."""
    from sentence_transformers import SentenceTransformer
    from transformers import pipeline

    folder = str(encoder.folder)
    sentences = SentenceTransformer(folder, device="cpu")
    sentences.max_seq_length = 256
    extract = pipeline("feature-extraction", model=folder, tokenizer=folder, device="cpu")
    cut = {"truncation": True, "max_length": 256}
    runs: dict[str, Callable[[], Any]] = {}
    for size in BATCH_SIZES:
        runs[f"sentence-transformers, {size}"] = lambda size=size: sentences.encode(
            texts, batch_size=size, normalize_embeddings=True
        )
        runs[f"pipeline, {size}"] = lambda size=size: [
            hidden[0].mean(dim=0)
            for hidden in extract(texts, batch_size=size, return_tensors=True, tokenize_kwargs=cut)
        ]
    return {**runs, **small_text_runs(encoder, texts)}


def small_text_runs(encoder: Encoder, texts: list[str]) -> dict[str, Callable[[], Any]]:
    """small-text's classifier, trained for one epoch on four texts so that it may predict."""
    from small_text import (
        TransformerBasedClassification,
        TransformerModelArguments,
        TransformersDataset,
    )

    def dataset(of: list[str]) -> Any:
        return TransformersDataset.from_arrays(
            of,
            np.arange(len(of)) % 2,
            encoder.tokenizer,
            target_labels=np.arange(2),
            max_length=256,
        )

    arguments = TransformerModelArguments(str(encoder.folder), show_progress_bar=False)
    classifier = TransformerBasedClassification(arguments, 2, num_epochs=1, device="cpu")
    classifier.fit(dataset([text[:50] for text in texts[:4]]))
    return {
        "small-text embed": lambda: classifier.embed(dataset(texts)),
        "small-text predict_proba": lambda: classifier.predict_proba(dataset(texts)),
    }


def forward_flops(encoder: Encoder, lengths: list[int]) -> float:
    """Floating-point operations of one encoding, without padding."""
    config = encoder.model.config
    width, inner, n_layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    tokens = np.asarray(lengths, dtype=np.float64)
    per_token = 8 * width**2 + 4 * width * inner + 4 * width * tokens
    return float((tokens * per_token).sum() * n_layers)


def matmul_rate(kind: torch.dtype, n_tokens: int = 2048, repeats: int = 15) -> float:
    """Measure operations per second of products as large as a batch's, the best of several."""
    best = 0.0
    for n_in, n_out in ((384, 1536), (384, 1152), (2048, 2048)):
        x, weight = torch.randn(n_tokens, n_in).to(kind), torch.randn(n_out, n_in).to(kind)
        took = best_of(lambda x=x, w=weight: torch.nn.functional.linear(x, w), repeats)
        best = max(best, 2 * n_tokens * n_in * n_out / took.wall_s)
    return best


# --- dropout passes -------------------------------------------------------------


def price_of_passes(encoder: Encoder, texts: list[str], *, n_passes: int) -> None:
    """Print what T passes cost with more and more layers computed once."""
    plain = best_of(lambda: encoder.encode(texts), 1)
    print(f"  dropout, {len(texts)} of these, {n_passes} passes (plain: {plain.wall_s:.2f} s)")
    n_layers = encoder.model.config.num_hidden_layers
    full: Took | None = None
    for kept in LAYERS_KEPT:
        took = best_of(
            lambda kept=kept: encode_stochastic(
                encoder, texts, n_layers=n_layers - kept or None, n_passes=n_passes
            ),
            1,
            warm_up=False,
        )
        full = full or took
        print(
            f"    k = {kept}: {took.wall_s:7.2f} s, processor {took.processor_s:7.2f} s, "
            f"{took.processor_s / full.processor_s:.2f} of full passes"
        )


# --- parts ------------------------------------------------------------------------


def best_of(run: Callable[[], Any], repeats: int, *, warm_up: bool = True) -> Took:
    """Run several times; the fastest by the clock counts, and the least processor time."""
    if warm_up:
        run()
    walls, processor = [], []
    result = None
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        result = run()
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - cpu)
    return Took(min(walls), min(processor), result)


def tell(title: str, took: Took, n_texts: int, least_s: float, more: str = "") -> None:
    """Print one line; `least_s` is what the matrix-product rate alone would allow."""
    print(
        f"  {title:<28}{n_texts / took.wall_s:8.1f} documents/s  {least_s / took.wall_s:4.0%} of "
        f"the rate  processor {took.processor_s:6.2f} s  {more}",
        flush=True,
    )


def available(name: str) -> str:
    """Give the demo in place of a data set that is not at hand."""
    shared = get_settings().shared
    return name if shared and (shared / "data" / name).is_dir() else DEMO


def read_texts(name: str, n_documents: int) -> list[str]:
    """Read the first documents; the demo's are few, so they come again from other beginnings."""
    if name == DEMO:
        rows = [row.text for row in demo_rows()]
        return [f"{rows[i % len(rows)]} {i // len(rows) or ''}" for i in range(n_documents)]
    path = Path(str(get_settings().shared)) / "data" / name / "train.csv.gz"
    csv.field_size_limit(2**30)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [row["text"] for row in islice(csv.DictReader(file), n_documents)]


if __name__ == "__main__":
    main()
