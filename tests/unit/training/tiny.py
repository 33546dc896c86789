"""A network of two layers made on the spot, and files of texts that it can learn from."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

WORDS = ["red", "green", "blue", "big", "small", "round"]
LABELS = ["red", "blue", "big"]


def make_encoder(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32)
    tokenizer.save_pretrained(folder)
    return str(folder)


def write_texts(path: Path, n: int = 120, *, seed: int = 0, first: int = 0) -> Path:
    """Different texts of two to six words; a label is present where its word stands in the text."""
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "labels", "place"])
        for at in range(first, first + n):
            words = rng.choice(WORDS, rng.integers(2, 7)).tolist()
            labels = [label for label in LABELS if label in words]
            writer.writerow([f"t{at}", f"{' '.join(words)} n{at}", "|".join(labels), f"row {at}"])
    return path
