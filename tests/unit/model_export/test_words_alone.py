"""The program that goes with an export reads words as the app does."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from core.encoders.lexical import VOCABULARY, WEIGHTS, LexicalModel, counted_terms
from core.model_export import standalone_words
from tests.unit.model_export.made import TEXTS

PIECES = st.sampled_from(
    [
        "late",
        "Parcels",
        "parcel",
        "money-back",
        "退款",
        "退",
        "नमस्ते",
        "ภาษาไทย",
        "naïve",
        "İ",
        "42",
        " ",
        "\n",
        "_",
    ]
)


@given(pieces=st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=12))
@settings(max_examples=300)
def test_texts_are_split_into_the_same_terms(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert standalone_words.terms_of(text) == counted_terms(text)


@given(texts=st.lists(st.one_of(st.sampled_from(TEXTS), st.text(max_size=30)), max_size=5))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_vectors_are_the_apps(tmp_path: Path, texts: list[str]) -> None:
    model = LexicalModel.fit([*TEXTS, *TEXTS[:2]], width=4)
    if not (tmp_path / "model").exists():
        model.save(tmp_path / "model")
        (tmp_path / "words").mkdir()
        (tmp_path / "model" / VOCABULARY).rename(tmp_path / "words" / VOCABULARY)
        weights = load_file(tmp_path / "model" / WEIGHTS)
        np.savez(tmp_path / "words" / "words.npz", **weights)
    alone = standalone_words.Words(tmp_path / "words").encode(texts)
    np.testing.assert_allclose(alone, model.encode(texts), atol=2e-6)


def test_it_needs_numpy_alone() -> None:
    tree = ast.parse(Path(standalone_words.__file__).read_text(encoding="utf-8"))
    modules = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert modules - set(sys.stdlib_module_names) == {"numpy"}
