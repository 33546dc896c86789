"""What a checkpoint is: its architecture, sizes, labels, figures, history and versions.

Read from small files and from the heads of weight files; no model is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from core.disk import folder_size
from core.evaluation.recalibration import Method
from core.learners.artefacts import ABOUT
from core.manifest import read_manifest
from core.rounds import files
from core.training.checkpoint import CONFIG
from core.training.model import About, read_about
from core.training.weights import layers_in

SHOWN_LAYERS, SHOWN_EPOCHS, SHOWN_LABELS = 40, 30, 60


def checkpoint_info(folder: Path) -> dict[str, Any]:
    """Plain data; raises CorruptArtefact for a folder that is no checkpoint."""
    about = read_about(folder)
    manifest = read_manifest(folder)
    layers = layers_in(sorted(folder.rglob("*.safetensors")))
    return {
        "checkpoint": folder.name,
        "folder": str(folder),
        "is_round_of_a_project": not (folder / CONFIG).exists(),
        "learner": about.config.get("learner", "as the round was asked for"),
        "labels": list(about.label_names),
        "threshold": about.cuts.shared,
        "thresholds": _own_of(about),
        "temperature": about.calibration.temperature.value,
        "calibration": {
            name: str(choice.map.method)
            for name, choice in zip(about.label_names, about.calibration.labels, strict=False)
            if choice.map.method is not Method.TEMPERATURE
        },
        "is_exclusive": about.is_exclusive,
        "n_parameters": sum(layers.values()),
        "layers": layers,
        "bytes": folder_size(folder),
        "removed": {} if manifest is None else {n: r.why for n, r in manifest.removed.items()},
        "artefacts": _artefacts(folder),
        "encoder": _optional(folder / files.ENCODER),
        "figures": _optional(folder / files.THRESHOLD),
        "history": _optional(folder / files.HISTORY),
        "statistics": _optional(folder / files.STATISTICS),
        "config": about.config,
    }


def info_lines(info: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"{info['checkpoint']} in {info['folder']}"
    yield f"Learner: {info['learner']}"
    if encoder := info["encoder"]:
        yield f"Reads the vectors of: {encoder['base']} ({encoder['width']} wide)"
    yield f"Parameters kept here: {info['n_parameters']:,} ({info['bytes'] / 1e6:,.1f} MB)"
    for name, n in list(info["layers"].items())[:SHOWN_LAYERS]:
        yield f"  {n:>12,}  {name}"
    yield f"Labels ({len(info['labels'])}): {', '.join(info['labels'][:SHOWN_LABELS])}"
    yield f"Threshold {info['threshold']:.2f}, temperature {info['temperature']:.3f}"
    if info["thresholds"]:
        own = (f"{name} {value:.2f}" for name, value in info["thresholds"].items())
        yield f"Thresholds of their own: {', '.join(islice(own, SHOWN_LABELS))}"
    if info["calibration"]:
        own = (f"{name} {method}" for name, method in info["calibration"].items())
        yield f"Calibrated in a way of their own: {', '.join(islice(own, SHOWN_LABELS))}"
    yield from figure_lines(info["figures"] or {})
    yield from _history_lines(info["history"] or [])
    yield from _statistics_lines(info["statistics"] or {})
    for name, why in info["removed"].items():
        yield f"Removed since: {name} ({why})"


def figure_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Scores with their intervals; what is undefined is said to be."""
    if "source" not in figures:
        return
    yield f"Measured on {figures['n_documents']} texts ({figures['source'].replace('_', ' ')}):"
    for name in ("micro_f1", "macro_f1", "precision", "recall"):
        value = figures.get(name)
        if value is None:
            yield f"  {name:<10} undefined"
        else:
            low, high = figures[f"{name}_low"], figures[f"{name}_high"]
            yield f"  {name:<10} {value:.3f}  [{low:.3f}, {high:.3f}]"
    ece = figures.get("ece")
    yield f"  {'ece':<10} {'undefined' if ece is None else f'{ece:.3f}'}"


def _own_of(about: About) -> dict[str, float]:
    """Labels with a threshold of their own."""
    cuts = about.cuts
    return {about.label_names[at]: float(cuts.thresholds[at]) for at in np.flatnonzero(cuts.is_own)}


def _history_lines(history: list[Mapping[str, Any]]) -> Iterator[str]:
    if not history:
        return
    yield f"History ({len(history)} epochs):"
    for entry in history[-SHOWN_EPOCHS:]:
        figures = (
            f"{name} {value:.4f}" for name, value in entry.items() if _is_figure(name, value)
        )
        yield f"  epoch {entry.get('epoch', '?'):>3}  {'  '.join(figures)}"


def _is_figure(name: str, value: Any) -> bool:
    return name != "epoch" and isinstance(value, int | float)


def _statistics_lines(statistics: Mapping[str, Any]) -> Iterator[str]:
    if not statistics:
        return
    yield f"Trained on {statistics.get('n_trained_on')} of {statistics.get('n_documents')} texts"
    yield f"Data {str(statistics.get('data_hash'))[:16]}…, code {statistics.get('code_version')}"
    packages = statistics.get("packages", {})
    yield "Packages: " + ", ".join(f"{name} {version}" for name, version in packages.items())


def _artefacts(folder: Path) -> dict[str, Any]:
    """What learners say of themselves: their format and every setting."""
    return {
        path.parent.relative_to(folder).as_posix(): _optional(path)
        for path in sorted(folder.rglob(ABOUT))
    }


def _optional(path: Path) -> Any:
    return files.read_json(path) if path.exists() else None
