"""Folders that transformers and sentence-transformers load by themselves, without code of ours.

`encoder/` is the encoder alone. Beside it stand the head's layers as modules of
sentence-transformers, so that its `encode` gives calibrated probabilities.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from core.encoders.pooling import Pooling, write_pooling
from core.model_export.heads import Layer
from core.model_export.source import Source

ENCODER = "encoder"
MODULES = "modules.json"
POOLING, NORMALISE = "1_Pooling", "2_Normalize"
LIBRARY = "sentence_transformers.models"
TOKENISER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def write_encoder(source: Source, out: Path) -> None:
    """Write the encoder with its tokeniser, and what sentence-transformers wants to know."""
    folder, encoder = out / ENCODER, source.encoder
    folder.mkdir(parents=True)
    encoder.tokenizer.save_pretrained(folder)
    if encoder.is_network:
        for name in ("network.json", "model.safetensors", "config.json"):
            if (encoder.folder / name).exists():
                shutil.copyfile(encoder.folder / name, folder / name)
        return
    encoder.model.save_pretrained(folder)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": encoder.max_tokens})
    _write_pooling(folder, source)
    modules = [("", "Transformer"), (POOLING, "Pooling"), (NORMALISE, "Normalize")]
    _write_modules(folder, modules)


def write_classifier(source: Source, out: Path) -> list[Layer] | None:
    """Write the head as modules behind the encoder; None where it is not made of layers."""
    layers = source.head.as_layers()
    if layers is None or source.words is not None or source.encoder.is_network:
        return None
    _write_pooling(out, source)
    modules = [(ENCODER, "Transformer"), (POOLING, "Pooling"), (NORMALISE, "Normalize")]
    for number, layer in enumerate(layers, start=len(modules)):
        name = f"{number}_Dense"
        _write_dense(out / name, layer)
        modules.append((name, "Dense"))
    _write_modules(out, modules)
    return layers


def _write_dense(folder: Path, layer: Layer) -> None:
    folder.mkdir()
    kind = type(layer.activation)
    about: dict[str, Any] = {
        "in_features": layer.weight.shape[1],
        "out_features": layer.weight.shape[0],
        "bias": True,
        "activation_function": f"{kind.__module__}.{kind.__qualname__}",
        "module_input_name": "sentence_embedding",
        "module_output_name": "sentence_embedding",
    }
    _write_json(folder / "config.json", about)
    tensors = {"linear.weight": layer.weight, "linear.bias": layer.bias}
    tensors |= {
        f"activation_function.{name}": tensor
        for name, tensor in layer.activation.state_dict().items()
    }
    plain = {name: t.detach().to(torch.float32).contiguous() for name, t in tensors.items()}
    save_file(plain, folder / "model.safetensors", metadata={"format": "pt"})


def _write_pooling(folder: Path, source: Source) -> None:
    pooling: Pooling = source.encoder.pooling
    write_pooling(folder, pooling, width=source.encoder.width)
    (folder / NORMALISE).mkdir()
    _write_json(folder / NORMALISE / "config.json", {})


def _write_modules(folder: Path, modules: list[tuple[str, str]]) -> None:
    listed = [
        {"idx": at, "name": str(at), "path": path, "type": f"{LIBRARY}.{kind}"}
        for at, (path, kind) in enumerate(modules)
    ]
    _write_json(folder / MODULES, listed)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
