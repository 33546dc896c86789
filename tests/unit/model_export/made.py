"""A sealed checkpoint made by hand: a few texts, three labels, a head, and its papers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from core.domain import EvaluationSource, Proba, Truth
from core.encoders.encoder import Encoder, load_encoder
from core.encoders.folders import folder_of
from core.evaluation.calibration import Temperature
from core.evaluation.in_brief import figures
from core.evaluation.report import evaluate
from core.learners.dataset import JudgedVectors
from core.manifest import seal
from core.rounds import files
from core.rounds.task import EncoderUse
from core.services.predictions import LABEL_IDS

LABELS = ("refund", "delivery | late", "praise")
TEXTS = (
    "Please send my money back.",
    "Where is my parcel? It is a week late, and nobody answers the phone.",
    "Thank you, the best service in years!",
    "Late again, I want my money back. 退款 naïve",
    "Opening hours?",
)
TRUTH: Truth = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, -1, 0]], dtype=np.int8)
TEMPERATURE = Temperature(1.7)
THRESHOLD = 0.4


def tiny_encoder(folder: Path) -> Encoder:
    """A transformer of two narrow layers with the bundled encoder's tokeniser."""
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(folder_of("bundled")).save_pretrained(folder)
    return load_encoder(str(folder), device="cpu", max_tokens=64)


def write_papers(
    folder: Path, proba: Proba, *, temperature: Temperature = TEMPERATURE, **statistics: Any
) -> None:
    """All that a round writes beside its learner, then the manifest."""
    evaluation = evaluate(
        proba,
        TRUTH,
        names=LABELS,
        source=EvaluationSource.OUT_OF_FOLD,
        threshold=THRESHOLD,
        seed=0,
    )
    files.write_json(folder / files.SNAPSHOT_ABOUT, {"label_names": LABELS, "label_ids": [1, 2, 3]})
    files.write_json(folder / LABEL_IDS, [1, 2, 3])
    files.write_json(folder / "train.json", {"max_tokens": 64})
    files.write_arrays(folder / files.SNAPSHOT, train_truth=TRUTH)
    files.write_json(folder / files.CALIBRATION, asdict(temperature))
    chosen = {"threshold": THRESHOLD, **figures(evaluation), "note": ""}
    files.write_json(folder / files.THRESHOLD, chosen)
    files.write_json(folder / files.EVALUATION, evaluation.to_json())
    told = {"n_trained_on": len(TEXTS), "n_documents": 900, "data_hash": "abc", **statistics}
    files.write_json(folder / files.STATISTICS, told)
    seal(folder)


def write_round(folder: Path, head: Any, use: EncoderUse, x: Any) -> Proba:
    """Train the head and keep it; gives the calibrated probabilities of TEXTS."""
    data = JudgedVectors(x, TRUTH)
    head.fit(data)
    head.save(folder / files.LEARNER)
    files.write_json(folder / files.ENCODER, asdict(use))
    proba = TEMPERATURE.apply(head.predict_proba(data))
    settings = {"strategy": "bait", "seed": 3, "recipe": {"random_share": 0.1}}
    write_papers(folder, proba, settings=settings)
    return proba
