"""Everything that only a GPU can show, in one go: rates, and whether it works there.

    python -m benchmarks.gpu [--documents 20000] [--tokens 128] [--small]

Measures encoding and fine-tuning of a BERT-base (random weights: times do not
depend on what they mean) as a share of the measured bfloat16 matrix-product rate,
then checks what tests without a GPU cannot: that half precision is used and keeps
the ranking, that full memory is survived with the same result, that a killed
training goes on on the GPU, that a learner trained there answers alike on the
CPU. Aims: encoding at 50 % of the rate, fine-tuning over 40 %. Ends with 1 when
a check failed. Without a GPU it says so and ends with 0; `--device cpu --small`
runs the script itself on a processor.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from transformers import AutoTokenizer, BertConfig, BertModel

from core.encoders.encoder import Encoder, load_encoder
from core.learners.dataset import JudgedTexts, unjudged
from core.learners.deep import DeepConfig, DeepLearner

N_LABELS = 20
BUNDLED = "bundled"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="A two-layer model, few documents.")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU that torch can use here, so nothing was measured.")
        return
    if given.device == "cuda":
        about = torch.cuda.get_device_properties(0)
        print(f"{about.name}, {about.total_memory / 2**30:.0f} GiB, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        base = bert(Path(folder) / "bert", small=given.small)
        rate = matmul_rate(given.device)
        print(f"bfloat16 matrix product measured: {rate / 1e12:.2f} TFLOP/s")
        texts = made_up_texts(given.documents, given.tokens)
        measure_encoding(base, texts, given, rate=rate)
        measure_fine_tuning(base, texts, given, rate=rate)
        checks = [
            half_precision_keeps_the_ranking,
            full_memory_is_survived,
            a_killed_training_goes_on,
            every_way_of_tuning_runs,
            the_cpu_answers_alike,
        ]
        failed = [check for check in checks if not passes(check, Path(folder), given.device)]
    sys.exit(1 if failed else 0)


# --- rates --------------------------------------------------------------------


def matmul_rate(device: str, size: int = 0) -> float:
    """Floating-point operations per second of one large bfloat16 product."""
    size = size or (8192 if device == "cuda" else 1024)
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    best = min(seconds_of(lambda: a @ a, device) for _ in range(10))
    return 2 * size**3 / best


def measure_encoding(
    base: Path, texts: list[str], given: argparse.Namespace, *, rate: float
) -> None:
    encoder = Encoder(base, name="bert", device=given.device, max_tokens=given.tokens)
    encoder.encode(texts[:512])
    seconds = min(seconds_of(lambda: encoder.encode(texts), given.device) for _ in range(2))
    flops = len(texts) * forward_flops(encoder, given.tokens)
    print(
        f"encoding: {len(texts) / seconds:,.0f} documents/s of {given.tokens} tokens, "
        f"{flops / seconds / rate:.0%} of the rate (aim 50 %)"
    )


def measure_fine_tuning(
    base: Path, texts: list[str], given: argparse.Namespace, *, rate: float
) -> None:
    some = JudgedTexts(texts[: max(64, len(texts) // 4)], made_up_truth(max(64, len(texts) // 4)))
    for batch_size in (16, 64, 256):
        config = DeepConfig(
            encoder=str(base),
            epochs=2,
            batch_size=min(batch_size, len(some)),
            max_tokens=given.tokens,
            early_stopping=False,
        )
        learner = DeepLearner(config, N_LABELS, given.device)
        learner.fit(some)
        assert learner.outcome is not None
        seconds = learner.outcome.history[-1]["seconds"]
        encoder, _ = learner._trained()
        flops = 3 * len(some) * forward_flops(encoder, given.tokens)
        print(
            f"fine-tuning, batches of {config.batch_size}: {len(some) / seconds:,.0f} documents/s, "
            f"{flops / seconds / rate:.0%} of the rate (aim 40 %)"
        )


def forward_flops(encoder: Encoder, n_tokens: int) -> float:
    """Of one document: two per weight of a layer and token, and attention's two products."""
    config = encoder.model.config
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    per_token = 2 * (4 * width**2 + 2 * width * inner) + 4 * n_tokens * width
    return float(layers * per_token * n_tokens)


def seconds_of(work: Callable[[], object], device: str) -> float:
    began = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


# --- checks -------------------------------------------------------------------


def passes(check: Callable[[Path, str], str], folder: Path, device: str) -> bool:
    try:
        told = check(folder, device)
    except Exception as error:  # a check that breaks has failed, and the others still run
        print(f"FAILED  {check.__name__.replace('_', ' ')}: {type(error).__name__}: {error}")
        return False
    print(f"passed  {check.__name__.replace('_', ' ')}: {told}")
    return True


def half_precision_keeps_the_ranking(folder: Path, device: str) -> str:
    texts = made_up_texts(500, 40)
    exact = load_encoder(BUNDLED, device="cpu").encode(texts)
    half = load_encoder(BUNDLED, device=device).encode(texts)
    heads = np.random.default_rng(0).normal(size=(exact.shape[1], N_LABELS))
    lowest = min(
        spearmanr(exact @ head, half @ head).statistic for head in np.ascontiguousarray(heads.T)
    )
    assert lowest >= 0.999, f"Spearman {lowest:.5f} against float32; 0.999 is wanted"
    return f"lowest Spearman of {N_LABELS} random heads {lowest:.5f}"


def full_memory_is_survived(folder: Path, device: str) -> str:
    if device != "cuda":
        return "not tried without a GPU"
    config = small_config(epochs=1, batch_size=256, max_tokens=256, precision="float32")
    config = replace(config, head_dropout=0.0, dropout=0.0)
    train_set = JudgedTexts(made_up_texts(256, 256), made_up_truth(256))
    whole = DeepLearner(config, N_LABELS, device).fit(train_set).predict_proba(train_set)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    remembered = folder / "memory.json"
    torch.cuda.set_per_process_memory_fraction(min(1.0, 3 * 2**30 / total))
    try:
        in_parts = DeepLearner(config, N_LABELS, device).fit(train_set, memory=remembered)
        proba = in_parts.predict_proba(train_set)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert remembered.exists(), "memory never was full; lower the fraction"
    apart = float(np.abs(proba - whole).max())
    assert apart < 1e-2, f"probabilities differ by {apart:.1e}"
    return f"halved until it fitted 3 GiB; probabilities differ by {apart:.1e}"


def a_killed_training_goes_on(folder: Path, device: str) -> str:
    state = folder / "state"
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_train_until_killed, args=(state, device))
    process.start()
    process.join(600)
    assert process.exitcode == -signal.SIGKILL, f"ended with {process.exitcode}"
    learner = DeepLearner(small_config(epochs=4), N_LABELS, device).fit(_few(), state=state)
    assert learner.outcome is not None
    assert learner.outcome.resumed_from == 2, f"resumed from {learner.outcome.resumed_from}"
    return "killed in its third epoch, gone on from the second"


def _train_until_killed(state: Path, device: str) -> None:
    def kill(step: int, n_steps: int, _: float) -> None:
        if step > n_steps * 5 // 8:
            os.kill(os.getpid(), signal.SIGKILL)

    DeepLearner(small_config(epochs=4), N_LABELS, device).fit(_few(), state=state, on_step=kill)


def every_way_of_tuning_runs(folder: Path, device: str) -> str:
    ways = ("full", "head", "last", "gradual", "lora")
    for way in ways:
        learner = DeepLearner(small_config(epochs=2, tuning=way), N_LABELS, device).fit(_few())
        passes_ = learner.predict_proba(_few(), dropout_sampling=4)
        assert np.isfinite(passes_).all()
        assert passes_.std(axis=1).max() > 0
    return ", ".join(ways)


def the_cpu_answers_alike(folder: Path, device: str) -> str:
    learner = DeepLearner(small_config(epochs=2), N_LABELS, device).fit(_few())
    learner.save(folder / "learner")
    texts = JudgedTexts(made_up_texts(100, 60), unjudged(100, N_LABELS))
    elsewhere = DeepLearner.load(folder / "learner", "cpu").predict_proba(texts)
    apart = float(np.abs(learner.predict_proba(texts) - elsewhere).max())
    assert apart < 0.02, f"probabilities differ by {apart:.1e}"
    return f"probabilities differ by {apart:.1e}"


# --- material -----------------------------------------------------------------


def bert(folder: Path, *, small: bool) -> Path:
    """Save a BERT-base of random weights with the bundled encoder's words."""
    config = BertConfig(num_hidden_layers=2, hidden_size=128, num_attention_heads=2,
                        intermediate_size=512) if small else BertConfig()  # fmt: skip
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    bundled = load_encoder(BUNDLED, device="cpu")
    AutoTokenizer.from_pretrained(bundled.folder).save_pretrained(folder)
    return folder


def made_up_texts(n: int, n_words: int) -> list[str]:
    rng = np.random.default_rng(0)
    words = np.array(["time", "year", "people", "way", "day", "man", "thing", "life", "child"])
    return [" ".join(words[rng.integers(0, len(words), n_words)]) for _ in range(n)]


def made_up_truth(n: int) -> np.ndarray:
    return (np.random.default_rng(1).random((n, N_LABELS)) < 0.2).astype(np.int8)


def small_config(**changes: object) -> DeepConfig:
    options: dict[str, Any] = {"early_stopping": False, "max_tokens": 64, **changes}
    return DeepConfig(**options)


def _few() -> JudgedTexts:
    return JudgedTexts(made_up_texts(128, 30), made_up_truth(128))


if __name__ == "__main__":
    main()
