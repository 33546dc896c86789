"""Beginning with an earlier checkpoint: its weights alone, or the whole state of its training."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.disk import UNFINISHED, room_for
from core.domain import UNJUDGED
from core.errors import InputError, NotReady
from core.known_texts import Ids, KnownTexts
from core.learners.catalogue import LearnerInfo, learner_info
from core.manifest import verify
from core.rounds import files
from core.training.checkpoint import CONFIG, Slot, latest, stem_of
from core.training.config import TrainConfig
from core.training.data import LabelledTexts, Split
from core.training.options import learner_options

STATE = ".state"  # beside the latest checkpoint of a seed: what a full resume goes on from
KEEPS_STATE = ("transformer", "cnn", "rnn")
LONGER = frozenset({"epochs", "early_stopping", "patience", "min_epochs"})


@dataclass(frozen=True)
class Start:
    """The checkpoint that a training begins with, and what it is then asked for."""

    folder: Path
    config: TrainConfig  # with the epochs that it comes to

    @property
    def weights(self) -> Path:
        """The learner's folder."""
        return self.folder / files.TUNED

    @property
    def label_names(self) -> list[str]:
        """Its labels, in their order."""
        return list(files.read_json(self.folder / files.SNAPSHOT_ABOUT)["label_names"])


def find_start(config: TrainConfig, folder: Path) -> Start | None:
    """The latest checkpoint of this seed, where the configuration asks to go on from it.

    Raises NotFound where there is none, InputError where it cannot be gone on
    from, CorruptArtefact where it is not whole.
    """
    if not config.goes_on:
        return None
    if config.learner not in KEEPS_STATE:
        raise InputError(
            f"The learner '{config.learner}' is trained anew each time; leave out resume and "
            f"warm_start, which are for {', '.join(KEEPS_STATE)}."
        )
    base = latest(folder, stem_of(config))
    verify(base)
    known = files.read_json(base / CONFIG)
    if known["learner"] != config.learner:
        raise InputError(
            f"{base.name} is a '{known['learner']}', not a '{config.learner}'; "
            f"say --learner {known['learner']}, or train from the start."
        )
    if config.warm_start and config.learner != "transformer":
        raise InputError(f"A '{config.learner}' has no warm start; say resume instead.")
    if config.resume and not state_of(base).is_dir():
        raise NotReady(
            f"The state of the training of {base.name} is no longer there; begin with its weights "
            "alone by warm_start."
        )
    return Start(base, _longer(config, known))


def _longer(config: TrainConfig, known: dict[str, Any]) -> TrainConfig:
    """With extra epochs on top of those that were asked for before."""
    default = _epochs_of(learner_info(config.learner))
    before = int(known.get("options", {}).get("epochs", default))
    options = dict(config.options)
    if config.resume:
        # The rest of the options must be the same, so what is not said is as it was.
        options = {**known.get("options", {}), **options}
        options["epochs"] = before + (config.extra_epochs or 0)
        if config.extra_epochs is None:
            options["epochs"] = max(before, int(config.options.get("epochs", before)))
        if options["epochs"] == before:
            raise InputError(
                f"Its {before} epochs are done; say how many more by extra_epochs, or begin "
                "with its weights by warm_start."
            )
    elif config.extra_epochs is not None:
        options["epochs"] = config.extra_epochs
    return config.model_copy(update={"options": options})


def refuse_other(start: Start, data_hash: str) -> None:
    """Raise InputError where the state of a training meets other texts or options than its own."""
    if not start.config.resume:
        return
    known = files.read_json(start.folder / files.STATISTICS)
    if known["data_hash"] != data_hash:
        raise InputError(
            f"{start.folder.name} was trained on other texts, labels or another split; resume "
            "goes on with the same ones, warm_start with any."
        )
    before, now = _fixed(known["config"], known["learner_options"]), _fixed_of(start.config)
    for name, value in now.items():
        if before.get(name) != value:
            raise InputError(
                f"{name} is {value!r}, and was {before.get(name)!r} in {start.folder.name}; resume "
                "goes on as it was begun, warm_start in any way."
            )


def _fixed_of(config: TrainConfig) -> dict[str, Any]:
    as_stored = json.loads(json.dumps(learner_options(config)))
    return _fixed(config.model_dump(mode="json"), as_stored)


def _fixed(config: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What a state of a training depends on: all but how long it may take."""
    said = {key: config[key] for key in ("encoder", "seed", "exclusive")}
    return {**said, **{key: value for key, value in options.items() if key not in LONGER}}


def with_labels_of(start: Start, data: LabelledTexts) -> LabelledTexts:
    """The labels in the order the checkpoint knows them, new ones after them."""
    known = start.label_names
    names = [*known, *(name for name in data.label_names if name not in known)]
    truth = np.full((len(data), len(names)), UNJUDGED, dtype=np.int8)
    for at, name in enumerate(data.label_names):
        truth[:, names.index(name)] = data.truth[:, at]
    return replace(data, truth=truth, label_names=tuple(names))


def without_seen(folder: Path, parts: Split) -> Split:
    """Leave out what would flatter a model that a checkpoint had a part in.

    Texts that the checkpoint's weights know choose nothing, and neither they
    nor those that it chose by measure anything.
    """
    known = known_to(folder)
    validation = _unseen(parts.validation, known.fit)
    test = _unseen(parts.test, known.all)
    n_left_out = len(parts.validation) + len(parts.test) - len(validation) - len(test)
    notes = parts.notes
    if n_left_out:
        notes = (*notes, f"{n_left_out} texts that {folder.name} knows measure nothing.")
    return Split(fit=parts.fit, validation=validation, test=test, notes=notes)


def known_to(folder: Path) -> KnownTexts:
    """The texts that had a part in a checkpoint.

    Raises InputError where it does not say: nothing true could be measured then.
    """
    known = KnownTexts.of(folder)
    if known is None:
        raise InputError(
            f"'{folder.name}' does not say which texts it was trained on, so nothing measured "
            "after it would be true; run that round again with this version, and use that one."
        )
    return known


def _unseen(data: LabelledTexts, seen: Ids) -> LabelledTexts:
    return data.take(np.flatnonzero(~np.isin(data.ids, seen)))


def bring_state(start: Start, slot: Slot) -> None:
    """Copy the state of the earlier training to where this one looks for it."""
    if not start.config.resume or slot.state.exists():
        return
    unfinished = slot.state.with_name(f"{slot.state.name}{UNFINISHED}")
    shutil.rmtree(unfinished, ignore_errors=True)
    with room_for(unfinished):
        shutil.copytree(state_of(start.folder), unfinished)
    unfinished.rename(slot.state)


def keep_state(slot: Slot) -> None:
    """Keep the state beside the finished checkpoint, and of the stem's others none."""
    if not slot.state.is_dir():
        return
    stem = slot.final.name.rsplit("_round", 1)[0]
    shutil.rmtree(state_of(slot.final), ignore_errors=True)
    slot.state.rename(state_of(slot.final))
    for other in slot.final.parent.glob(f"{stem}_round*{STATE}"):
        if other != state_of(slot.final):
            shutil.rmtree(other, ignore_errors=True)


def state_of(folder: Path) -> Path:
    """Where the state of a finished training lies."""
    return folder.with_name(f"{folder.name}{STATE}")


def _epochs_of(info: LearnerInfo) -> int:
    default = info.option("epochs").default
    assert isinstance(default, int)
    return default
