"""A checkpoint's folder, opened to be exported: encoder, words, head, labels, and its papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from core.encoders.encoder import Encoder, load_encoder
from core.encoders.lexical import LexicalModel
from core.errors import CorruptArtefact, InputError
from core.evaluation.operating_points import Cuts
from core.evaluation.recalibration import Recalibration
from core.manifest import verify_model
from core.model_export.calibrated import Calibrated
from core.model_export.heads import OwnHead, read_head
from core.rounds import files
from core.rounds.chosen import read_calibration, read_cuts
from core.rounds.task import EncoderUse
from core.settings import Settings

# Of a training that belongs to no project.
TRAINED_BY_CONFIG, WORDS = "train.json", "words"


@dataclass(frozen=True)
class Source:
    """A trained model in its parts, on the CPU and in full precision."""

    folder: Path
    label_names: tuple[str, ...]
    cuts: Cuts
    calibration: Recalibration
    is_exclusive: bool
    encoder: Encoder
    reads_by_itself: bool  # a network with a linear head, rather than a head on vectors
    encoder_name: str
    words: LexicalModel | None
    words_folder: Path | None
    head: Calibrated
    figures: dict[str, Any]
    evaluation: dict[str, Any]
    statistics: dict[str, Any]
    judged: dict[str, Any] = field(default_factory=dict)  # arrays of the snapshot
    are_cuts_set: bool = False  # by people, after the figures were measured

    def cut_at(self, thresholds: Mapping[str, float]) -> Self:
        """The same with thresholds that people set, by label name; others keep their own."""
        cuts = self.cuts
        values = np.array(
            [
                thresholds.get(name, own)
                for name, own in zip(self.label_names, cuts.thresholds, strict=True)
            ]
        )
        return replace(self, cuts=replace(cuts, thresholds=values), are_cuts_set=True)

    @property
    def asks_documents(self) -> bool:
        """Whether the head compares texts with judged documents, and so holds their vectors."""
        heads = [part.head for part in self.head.modules() if isinstance(part, OwnHead)]
        return any("keys.vectors" in head.trained() for head in heads)

    @property
    def untaught(self) -> list[str]:
        """Labels that were never judged, and have no probability."""
        width = self.encoder.width + (self.words.width if self.words else 0)
        with torch.inference_mode():
            proba = self.head(torch.zeros(1, width))[0]
        return [name for name, p in zip(self.label_names, proba, strict=True) if p.isnan()]


def open_source(folder: Path, settings: Settings) -> Source:
    """Read a round's or a training's folder, if it is whole.

    Raises CorruptArtefact where it is not, and InputError for a learner that
    cannot be exported.
    """
    verify_model(folder)
    config: dict[str, Any] = {}
    if (folder / TRAINED_BY_CONFIG).exists():
        config = files.read_json(folder / TRAINED_BY_CONFIG)
    statistics = files.read_json(folder / files.STATISTICS)
    asked = {**statistics.get("settings", {}), **config}
    use = _use(folder)
    name = str(folder / files.TUNED_ENCODER) if use is None else use.load_name(settings)
    # A round's tuned encoder says itself where it cuts texts.
    encoder = load_encoder(name, device="cpu", max_tokens=config.get("max_tokens"))
    if use is not None and encoder.fingerprint != use.fingerprint:
        raise CorruptArtefact(
            f"The encoder '{use.base}' is not the one that '{folder.name}' was trained with: its "
            f"fingerprint is {encoder.fingerprint[:12]}…, not {use.fingerprint[:12]}…; put that "
            "one back, or run the round again."
        )
    calibration = read_calibration(folder)
    label_names = tuple(files.read_json(folder / files.SNAPSHOT_ABOUT)["label_names"])
    words_folder = _words_folder(folder, use, settings)
    figures = files.read_json(folder / files.THRESHOLD)
    learner = folder / (files.TUNED if use is None else files.LEARNER)
    return Source(
        folder=folder,
        label_names=label_names,
        cuts=read_cuts(folder, label_names),
        calibration=calibration,
        is_exclusive=bool(asked.get("exclusive", False)),
        encoder=encoder,
        reads_by_itself=use is None,
        encoder_name=_said(use, asked),
        words=None if words_folder is None else LexicalModel.load(words_folder),
        words_folder=words_folder,
        head=Calibrated(read_head(learner), calibration).eval(),
        figures=figures,
        evaluation=files.read_json(folder / files.EVALUATION),
        statistics=statistics,
        judged=files.read_arrays(folder / files.SNAPSHOT)
        if (folder / files.SNAPSHOT).exists()
        else {},
    )


def _use(folder: Path) -> EncoderUse | None:
    """The encoder of a head; None where the checkpoint is a network that reads texts by itself."""
    if not (folder / files.LEARNER).exists():
        return None
    if not (folder / files.ENCODER).exists():
        raise InputError(
            f"'{folder.name}' is a baseline, which is there to be compared with and has no form "
            "that other programs read; train the learner 'logistic', and export that."
        )
    return EncoderUse.read(folder)


def _said(use: EncoderUse | None, asked: dict[str, Any]) -> str:
    if use is None:
        return f"{asked.get('encoder', 'its own')}, fine-tuned"
    return use.base if use.tuned_in is None else f"{use.base}, fine-tuned"


def _words_folder(folder: Path, use: EncoderUse | None, settings: Settings) -> Path | None:
    """The model of words beside the encoder: the checkpoint's own, or that of a project's pool."""
    fingerprint = getattr(use, "lexical", None)
    if fingerprint is None:
        return None
    if (folder / WORDS).is_dir():
        return folder / WORDS
    there = list(settings.embeddings_dir.glob(f"*/lexical/{fingerprint[:16]}/model"))
    if not there:
        raise CorruptArtefact(
            f"The vectors of words that this model reads ({fingerprint[:16]}) are not under "
            f"'{settings.embeddings_dir}' any more; run the round again, then export it."
        )
    return there[0]
