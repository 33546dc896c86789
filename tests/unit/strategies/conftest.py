"""A transformer of a few thousand weights, made here, and texts of the words it knows.

torch and small-text are loaded by the fixtures that need them: most tests here do not.
"""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["red", "green", "blue", "big", "small", "round"]
SIZES = {
    "vocab_size": len(SPECIAL + WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
    "num_labels": 3,
}


def saved(folder, config):
    import torch
    from transformers import AutoModelForSequenceClassification, BertTokenizerFast

    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(SPECIAL + WORDS), encoding="utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A tiny BERT with the usual dropout of 0.1."""
    from transformers import BertConfig

    return saved(tmp_path_factory.mktemp("bert"), BertConfig(**SIZES, initializer_range=0.5))


@pytest.fixture(scope="session")
def folder_without_dropout(tmp_path_factory):
    """A tiny ModernBERT, whose dropout rates are 0 unless they are asked for."""
    from transformers import ModernBertConfig

    tokens = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    config = ModernBertConfig(**SIZES, **tokens, cls_token_id=2, sep_token_id=3)
    return saved(tmp_path_factory.mktemp("modernbert"), config)


@pytest.fixture(scope="session")
def arguments(folder):
    """Make small-text's model arguments, for the tiny BERT or another folder."""
    from small_text import TransformerModelArguments

    def arguments(of=folder, **options):
        return TransformerModelArguments(
            str(of),
            model_kwargs={"ignore_mismatched_sizes": True},
            show_progress_bar=False,
            **options,
        )

    return arguments


def texts_and_labels(n, n_labels):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, rng.integers(1, 6))) for _ in range(n)]
    y = [[word in text.split() for word in WORDS[:n_labels]] for text in texts]
    return texts, csr_matrix(np.array(y, dtype=np.int64))


@pytest.fixture(scope="session")
def labelled_texts():
    """Make texts and their labels: which of the first words they hold."""
    return texts_and_labels


@pytest.fixture(scope="session")
def tokenised(folder):
    """Make small-text's dataset of such texts."""
    from small_text import TransformersDataset
    from transformers import AutoTokenizer

    def tokenised(n=24, n_labels=3, max_length=12):
        texts, y = texts_and_labels(n, n_labels)
        return TransformersDataset.from_arrays(
            texts,
            y,
            AutoTokenizer.from_pretrained(folder),
            target_labels=np.arange(n_labels),
            max_length=max_length,
        )

    return tokenised
