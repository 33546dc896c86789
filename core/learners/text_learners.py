"""The learners that read texts, made and read back by one door.

A kind is a name of the catalogue. All have the same verbs; what each does is
`core.learners.deep`, `core.learners.text_network` and `core.learners.distilling`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.domain import Proba, Samples
from core.errors import CorruptArtefact, InputError
from core.learners.artefacts import ABOUT
from core.learners.bodies import TextNetworkConfig
from core.learners.dataset import JudgedTexts
from core.learners.deep import FORMAT, DeepConfig, DeepLearner
from core.learners.distilling import StudentConfig, StudentLearner
from core.learners.finetuning import OnEpoch, OnStep, Outcome
from core.learners.text_network import TextNetworkLearner

TRANSFORMER, CNN, RNN, STUDENT = "transformer", "cnn", "rnn", "student"

MEMORY = "fits.json"  # in the data folder: how much of a training fits which device


class TextLearner(Protocol):
    """A network trained on texts, with a probability per label."""

    config: Any  # has `epochs`
    n_labels: int
    outcome: Outcome | None
    encoder_folder: Path | None

    def fit(
        self,
        train_set: JudgedTexts,
        weights: NDArray[np.float64] | None = None,
        *,
        validation: JudgedTexts | None = None,
        state: Path | None = None,
        memory: Path | None = None,
        on_epoch: OnEpoch | None = None,
        on_step: OnStep | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Any:
        """Train; a student also takes `pool_texts` and `teacher_proba`."""
        ...

    def predict_proba(
        self,
        data_set: JudgedTexts,
        multi_label_threshold: float = 0.5,
        dropout_sampling: int = 1,
    ) -> Proba | Samples:
        """Give probabilities (documents, labels), or (documents, passes, labels)."""
        ...

    def score_stream(
        self, x: list[str], *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Yield (rows, plain probabilities, samples)."""
        ...

    def embed(self, data_set: JudgedTexts) -> NDArray[np.float32]:
        """Give unit vectors (documents, width)."""
        ...

    def save(self, path: Path) -> None:
        """Write a folder whose folder `encoder` is what `load_encoder` takes."""
        ...


def new_text_learner(
    kind: str,
    options: Mapping[str, Any],
    n_labels: int,
    *,
    encoder: str,
    seed: int = 0,
    exclusive: bool = False,
    device: str | None = None,
) -> TextLearner:
    """Make a learner that has not been trained.

    Parameters
    ----------
    kind, options
        As the catalogue names them; lists stand for tuples. A transformer's
        `warm_start` is a folder here, and a student's `most_texts` is for
        whoever gathers its texts, and passed over.
    encoder
        What is tuned, or whose tokeniser and token vectors are used.
    exclusive
        Exactly one label applies to each document.

    Raises InputError for a kind or an option that does not exist.
    """
    beside = {"encoder": encoder, "seed": seed, "exclusive": exclusive}
    given = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in options.items()
        if name != "most_texts"
    }
    if kind == STUDENT:
        given["kind"] = given.pop("student", TRANSFORMER)
    elif kind in (CNN, RNN):
        given["kind"] = kind
    if kind not in MAKERS:
        raise InputError(f"No learner that reads texts is called '{kind}'; {_there_are()}.")
    config, learner = MAKERS[kind]
    try:
        made: TextLearner = learner(config(**beside, **given), n_labels, device)
    except TypeError as error:
        raise InputError(f"The learner '{kind}' does not take its options: {error}.") from error
    return made


def load_text_learner(path: Path, device: str | None = None) -> TextLearner:
    """Read what a learner's `save` wrote, of whichever kind."""
    known: dict[str, Any] = {
        FORMAT: DeepLearner,
        TextNetworkLearner.FORMAT: TextNetworkLearner,
        StudentLearner.FORMAT: StudentLearner,
    }
    form = format_of(path)
    if form not in known:
        raise CorruptArtefact(f"'{path}' holds '{form}', which is no learner that reads texts.")
    loaded: TextLearner = known[form].load(path, device)
    return loaded


def format_of(path: Path) -> str:
    """What a saved learner says it is."""
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        return str(about["format"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptArtefact(f"The learner in '{path}' cannot be read ({error}).") from error


def _there_are() -> str:
    return f"there are {', '.join(MAKERS)}"


MAKERS: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {
        TRANSFORMER: (DeepConfig, DeepLearner),
        CNN: (TextNetworkConfig, TextNetworkLearner),
        RNN: (TextNetworkConfig, TextNetworkLearner),
        STUDENT: (StudentConfig, StudentLearner),
    }
)
