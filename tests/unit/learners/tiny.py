"""A transformer of two layers and texts of ten words, for learners to learn in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from core.learners.dataset import JudgedTexts

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "big", "small"]
LABELS = ["red", "blue", "big"]


def make_encoder(folder: Path, *, hidden: float = 0.1, attention: float = 0.1) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        hidden_dropout_prob=hidden,
        attention_probs_dropout_prob=attention,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    return str(folder)


def judged(n: int = 60, seed: int = 0) -> JudgedTexts:
    """Texts of one to six words; a label is present where its word stands in the text."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(WORDS[5:], rng.integers(1, 7))) for _ in range(n)]
    truth = np.array([[label in text for label in LABELS] for text in texts], dtype=np.int8)
    return JudgedTexts(texts, truth)
