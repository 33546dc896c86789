"""Writes a trained model as a folder that other programs load, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from core.disk import folder_size, room_for
from core.encoders.lexical import VOCABULARY, WEIGHTS
from core.errors import Conflict
from core.evaluation.recalibration import Map, Method
from core.learners.artefacts import partial_folder, put_in_place
from core.manifest import seal
from core.model_export.card import write_card
from core.model_export.examples import (
    ONNX_EXAMPLE,
    TRANSFORMERS_EXAMPLE,
    WORDS,
    write_examples,
)
from core.model_export.graph import write_onnx
from core.model_export.plain_folders import ENCODER, write_classifier, write_encoder
from core.model_export.source import Source, open_source
from core.settings import Settings

ONNX, CARD, LABELS, THRESHOLDS = "model.onnx", "README.md", "labels.json", "thresholds.json"
CALIBRATION = "calibration.json"
WORDS_FOLDER = "words"

Told = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """What came out."""

    folder: Path
    has_onnx: bool
    is_classifier: bool  # sentence-transformers gives probabilities, not only vectors
    n_bytes: int


def export_model(
    checkpoint: Path,
    out: Path,
    *,
    settings: Settings,
    with_onnx: bool = True,
    asked: Mapping[str, int] | None = None,
    thresholds: Mapping[str, float] | None = None,
    on_progress: Told = lambda doing: None,
) -> Exported:
    """Write the model of a checkpoint's folder to `out`, which must be new or empty.

    `asked` is how many judged documents were chosen by whom, for the card; `thresholds`
    are those in force by label name, where people set others than the checkpoint's own.
    Raises CorruptArtefact for a checkpoint that is not whole, InputError for a
    model that has no such form, NotReady without the packages for ONNX or room
    on the disk.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Conflict(f"'{out}' is there already and not empty; give another folder.")
    on_progress("checking and loading the model")
    source = open_source(checkpoint, settings)
    if thresholds is not None:
        source = source.cut_at(thresholds)
    partial = partial_folder(out)
    try:
        with room_for(out):
            exported = _write(source, partial, with_onnx, asked or {}, on_progress)
            seal(partial)
            if out.exists():
                out.rmdir()
            put_in_place(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Exported(out, with_onnx, exported, folder_size(out))


def _write(
    source: Source, out: Path, with_onnx: bool, asked: Mapping[str, int], on_progress: Told
) -> bool:
    on_progress("writing the encoder")
    write_encoder(source, out)
    layers = write_classifier(source, out)
    _write_words(source, out)
    if with_onnx:
        on_progress("writing ONNX")
        write_onnx(source, out / ONNX)
    n_layers = None if layers is None else len(layers)
    write_examples(source, out, has_onnx=with_onnx, n_layers=n_layers)
    _write_json(out / LABELS, list(source.label_names))
    cuts = source.cuts.thresholds.tolist()
    _write_json(out / THRESHOLDS, dict(zip(source.label_names, cuts, strict=True)))
    _write_json(out / CALIBRATION, calibration_by_label(source))
    card = write_card(source, files=_listed(source, with_onnx, layers is not None), asked=asked)
    (out / CARD).write_text(card, encoding="utf-8")
    return layers is not None


def _write_words(source: Source, out: Path) -> None:
    if source.words_folder is None:
        return
    folder = out / WORDS_FOLDER
    folder.mkdir()
    shutil.copyfile(source.words_folder / VOCABULARY, folder / VOCABULARY)
    with (folder / "words.npz").open("wb") as file:
        np.savez(file, allow_pickle=False, **load_file(source.words_folder / WEIGHTS))


def _listed(source: Source, with_onnx: bool, is_classifier: bool) -> dict[str, str]:
    """What lies in the folder, and what does not and why."""
    reads = "ids, mask" + (" and words" if source.words is not None else "")
    listed = {
        LABELS: "names, in the order of every probability",
        THRESHOLDS: "by label",
        CALIBRATION: "by label, how its probabilities were mended; done already in every file here",
    }
    if with_onnx:
        listed[ONNX] = f"one graph in single precision: {reads} → calibrated probabilities"
        listed[ONNX_EXAMPLE] = "runs it with onnxruntime, tokenizers and numpy"
    if source.encoder.is_network:
        listed[f"{ENCODER}/"] = "a network of Marginalia's own and its tokeniser; transformers "
        listed[f"{ENCODER}/"] += "does not know it, ONNX holds all of it"
    else:
        listed[f"{ENCODER}/"] = "AutoModel and AutoTokenizer of transformers load it, and "
        listed[f"{ENCODER}/"] += "SentenceTransformer: unit vectors of texts"
    if source.words is not None:
        listed[f"{WORDS_FOLDER}/, {WORDS}"] = "a text's words as a vector, with numpy alone"
    if is_classifier:
        listed["modules.json, 3_Dense/ and so on"] = (
            "SentenceTransformer('.').encode(texts) gives calibrated probabilities"
        )
        listed[TRANSFORMERS_EXAMPLE] = "the same with transformers alone"
    else:
        listed["(no modules.json)"] = f"sentence-transformers cannot hold this head: {_why(source)}"
    listed["(no AutoModelForSequenceClassification)"] = (
        "its heads read the first token through a layer of their own; this model averages, "
        "brings to unit length and then decides, which no such head does"
    )
    return listed


def calibration_by_label(source: Source) -> dict[str, Any]:
    """Each label's way of mending probabilities, with its numbers by name."""
    temperature = source.calibration.temperature.value
    maps = [choice.map for choice in source.calibration.labels]
    if not maps:  # the temperature is all there is
        maps = [Map(Method.TEMPERATURE)] * len(source.label_names)
    return {
        name: _told(one, temperature) for name, one in zip(source.label_names, maps, strict=True)
    }


def _told(one: Map, temperature: float) -> dict[str, Any]:
    values = list(one.values)
    if one.method is Method.TEMPERATURE:
        return {"method": "temperature", "temperature": temperature}
    if one.method is Method.PLATT:
        return {"method": "platt", "slope": values[0], "shift": values[1]}
    if one.method is Method.BETA:
        named = {"slope_ln_p": values[0], "slope_minus_ln_1_minus_p": values[1]}
        return {"method": "beta", **named, "shift": values[2]}
    half = len(values) // 2
    return {"method": "isotonic", "from": values[:half], "to": values[half:]}


def _why(source: Source) -> str:
    if source.encoder.is_network:
        return "the network is none of its modules"
    if source.words is not None:
        return "it reads words beside the encoder's vector"
    if source.calibration.is_own.any():
        return "some labels are calibrated by a curve that is no layer"
    return "it is not a row of layers with one sigmoid per label"


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
