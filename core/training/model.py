"""A trained model from its folder: texts in, calibrated probabilities and named labels out.

It opens what a training of `core.training` kept and what a round of a project
kept, whole folders only, and never a pickle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np

from core.domain import Proba
from core.encoders.encoder import load_encoder
from core.encoders.lexical import LexicalModel
from core.errors import CorruptArtefact
from core.evaluation.counts import Floats, Mask, predict
from core.evaluation.operating_points import Cuts
from core.evaluation.recalibration import Recalibration
from core.evaluation.thresholds import predict_exclusive
from core.learners.baselines import BaselineLearner
from core.learners.text_learners import load_text_learner
from core.manifest import MANIFEST, verify_model
from core.rounds import files
from core.rounds.chosen import read_calibration, read_cuts
from core.rounds.task import EncoderUse
from core.settings import Settings, get_settings
from core.training.checkpoint import CONFIG
from core.training.learning import RawProba, raw_proba_of
from core.training.on_vectors import WORDS, load_head, raw_proba_on_vectors

TEXTS_AT_ONCE = 1000
PICKLES = (".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib")


@dataclass(frozen=True)
class TextModel:
    """A learner with its labels, its calibration and its thresholds.

    `thresholds` is (labels,), in the order of `label_names`: those that the training
    or the round chose. A label that was never judged has NaN for a probability,
    and is never named.
    """

    folder: Path
    label_names: tuple[str, ...]
    thresholds: Floats
    calibration: Recalibration
    is_exclusive: bool
    raw_proba: RawProba

    @classmethod
    def load(
        cls, folder: Path | str, device: str | None = None, *, settings: Settings | None = None
    ) -> Self:
        """Read a checkpoint's folder.

        Raises CorruptArtefact, with the way out, for a folder that is not
        whole, was altered, belongs to another encoder, or holds a pickle.
        """
        folder = Path(folder)
        check_whole(folder)
        about = read_about(folder)
        return cls(
            folder=folder,
            label_names=about.label_names,
            thresholds=about.cuts.thresholds,
            calibration=about.calibration,
            is_exclusive=about.is_exclusive,
            raw_proba=_opened(folder, about, device, settings or get_settings()),
        )

    def cut_at(self, thresholds: Mapping[str, float]) -> Self:
        """The same with other thresholds, by label name; labels not named keep theirs."""
        kept = zip(self.label_names, self.thresholds.tolist(), strict=True)
        return replace(self, thresholds=np.array([thresholds.get(*one) for one in kept]))

    def proba(self, texts: Sequence[str]) -> Proba:
        """Calibrated probabilities, shape (texts, labels), in the order of `label_names`."""
        if not len(texts):
            return np.empty((0, len(self.label_names)), dtype=np.float32)
        return self.calibration.apply(self.raw_proba(texts))

    def named(self, proba: Proba) -> list[tuple[str, ...]]:
        """Names of the labels at or above their thresholds, for each row of `proba`."""
        chosen = self.chosen(proba)
        return [tuple(self.label_names[at] for at in np.flatnonzero(row)) for row in chosen]

    def chosen(self, proba: Proba) -> Mask:
        """The same as a mask (texts, labels); exactly one in a row where labels exclude others."""
        if not self.is_exclusive:
            return predict(proba, self.thresholds)
        return predict_exclusive(proba)

    def stream(
        self, texts: Iterable[str], *, chunk: int = TEXTS_AT_ONCE
    ) -> Iterator[tuple[list[str], Proba]]:
        """Texts with their probabilities, a chunk at a time, so that memory stays bounded."""
        iterator = iter(texts)
        while part := list(islice(iterator, chunk)):
            yield part, self.proba(part)


@dataclass(frozen=True)
class About:
    """What a checkpoint's small files say of the model."""

    label_names: tuple[str, ...]
    cuts: Cuts
    calibration: Recalibration
    config: dict[str, Any]  # of the training; empty for a project's round
    settings: dict[str, Any]  # of a project's round; empty for a training

    @property
    def is_exclusive(self) -> bool:
        """Whether exactly one label applies to each text."""
        said = {**self.settings, **self.config}
        return self.calibration.temperature.exclusive or bool(said.get("exclusive", False))

    @property
    def max_tokens(self) -> int | None:
        """Where the encoder cuts texts; None leaves it to the encoder's folder."""
        return self.config.get("max_tokens")


def read_about(folder: Path) -> About:
    """Read a checkpoint's small files; raises CorruptArtefact where one is missing or torn."""
    try:
        names = tuple(files.read_json(folder / files.SNAPSHOT_ABOUT)["label_names"])
        return About(
            label_names=names,
            cuts=read_cuts(folder, names),
            calibration=read_calibration(folder),
            config=files.read_json(folder / CONFIG) if (folder / CONFIG).exists() else {},
            settings=files.read_json(folder / files.STATISTICS).get("settings", {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptArtefact(
            f"'{folder}' is not a checkpoint this version can read ({error!r}); train it again."
        ) from error


def check_whole(folder: Path) -> None:
    """Raise CorruptArtefact unless the folder is a checkpoint as it was written."""
    if not (folder / MANIFEST).exists() and (pickles := _pickles(folder)):
        raise CorruptArtefact(
            f"'{folder}' holds {pickles[0].name}, a pickle, which could run any program and is "
            "never opened; save the model as .safetensors, or train it here."
        )
    verify_model(folder)


def _pickles(folder: Path) -> list[Path]:
    """Files that could only be opened as pickles, where there are no other weights."""
    if any(folder.rglob("*.safetensors")):
        return []
    return sorted(path for path in folder.rglob("*") if path.suffix in PICKLES)


def _opened(folder: Path, about: About, device: str | None, settings: Settings) -> RawProba:
    if not (folder / files.LEARNER).exists():
        return raw_proba_of(load_text_learner(folder / files.TUNED, device))
    if not (folder / files.ENCODER).exists():
        return raw_proba_of(BaselineLearner.load(folder / files.LEARNER, device))
    use = EncoderUse.read(folder)
    name = use.load_name(settings)
    encoder = load_encoder(name, device=device, max_tokens=about.max_tokens)
    if encoder.fingerprint != use.fingerprint:
        raise CorruptArtefact(
            f"The encoder '{name}' is not the one that '{folder.name}' was trained on: its "
            f"fingerprint is {encoder.fingerprint[:12]}…, not {use.fingerprint[:12]}…; put that "
            "one back, or train again."
        )
    head, words = load_head(folder / files.LEARNER), _words(folder, use, settings)
    return raw_proba_on_vectors(head, encoder, words, len(about.label_names))


def _words(folder: Path, use: EncoderUse, settings: Settings) -> LexicalModel | None:
    """The model of words beside the encoder: the checkpoint's own, or its project's."""
    if use.lexical is None:
        return None
    if (folder / WORDS).exists():
        return LexicalModel.load(folder / WORDS)
    there = sorted(settings.embeddings_dir.glob(f"*/lexical/{use.lexical[:16]}/model"))
    if not there:
        raise CorruptArtefact(
            f"The model of words that '{folder.name}' reads ({use.lexical[:16]}) is not under "
            f"'{settings.embeddings_dir}' any more; run the round again."
        )
    return LexicalModel.load(there[0])
