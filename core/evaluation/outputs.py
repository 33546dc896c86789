"""What an evaluation was made from, in one file: enough to draw every figure again.

The file is an .npz without pickles, or the same as .json. It holds the measured
documents only, with the beginnings of their texts, and needs neither database
nor app to be read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.disk import write_whole
from core.domain import EvaluationSource, Proba, Truth
from core.errors import CorruptArtefact, InputError
from core.evaluation.counts import Floats, Mask, predict
from core.evaluation.report import Evaluation, evaluate

FORMAT = 1
OUTPUTS = "eval_outputs.npz"
UNWEIGHTED = "unweighted_because"  # in `about`
TEXT_LENGTH = 1000  # characters kept of each text
_ARRAYS = ("proba", "truth", "thresholds", "predicted", "raw", "folds", "weights", "document_ids")


@dataclass(frozen=True, eq=False)
class EvaluationOutputs:
    """The measured documents: what was judged, predicted, and by what.

    proba : (documents, labels), calibrated as it is reported: on documents that
        chose the calibration, by what the other folds chose; NaN where unknown
    truth : (documents, labels), -1 unjudged
    names : one per label
    thresholds : (labels,) in force
    shared : the threshold of labels without one of their own
    predicted : (documents, labels) honest predictions, by cuts these documents did
        not choose; None: cut at `thresholds`
    raw : (documents, labels) before calibration, or None
    folds : (documents,) the fold that each was left out of, or None
    weights : (documents,) how many documents of the pool each stands for, up to a
        constant, or None where selection tells nothing
    document_ids, external_ids, texts : which documents, and how they begin; may be empty
    label_ids, colours : as in the project's schema; may be empty
    about : plain data: project, round, learner, epochs (`history`), seeds, notes
    """

    proba: Proba
    truth: Truth
    names: tuple[str, ...]
    thresholds: Floats
    source: EvaluationSource
    shared: float = 0.5
    predicted: Mask | None = None
    raw: Proba | None = None
    folds: NDArray[np.int64] | None = None
    weights: Floats | None = None
    document_ids: NDArray[np.int64] | None = None
    external_ids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    label_ids: tuple[int, ...] = ()
    colours: tuple[str, ...] = ()
    exclusive: bool = False
    seed: int = 0
    about: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.proba)

    def __post_init__(self) -> None:
        n, width = self.proba.shape
        for name, shape in (
            ("truth", (n, width)),
            ("thresholds", (width,)),
            ("predicted", (n, width)),
            ("raw", (n, width)),
            ("folds", (n,)),
            ("weights", (n,)),
            ("document_ids", (n,)),
        ):
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise InputError(
                    f"Evaluation outputs have {name} of shape {array.shape} beside probabilities "
                    f"of shape {(n, width)}; it should be {shape}."
                )
        for name, length in (("external_ids", n), ("texts", n), ("label_ids", width)):
            if getattr(self, name) and len(getattr(self, name)) != length:
                raise InputError(
                    f"Evaluation outputs have {len(getattr(self, name))} {name}, not {length}."
                )
        if len(self.names) != width:
            raise InputError(f"{len(self.names)} names were given for {width} labels.")

    @property
    def guesses(self) -> Mask:
        """(documents, labels): the predictions that figures are made from."""
        if self.predicted is not None:
            return self.predicted
        return predict(self.proba, self.thresholds)

    def evaluate(self) -> Evaluation:
        """Measure again: the same figures as were stored."""
        one_cut = bool((self.thresholds == self.shared).all())
        return evaluate(
            self.proba,
            self.truth,
            names=self.names,
            source=self.source,
            threshold=self.shared,
            predicted=self.predicted if one_cut else self.guesses,
            uncalibrated_proba=self.raw,
            weights=self.weights,
            unweighted_because=str(self.about.get(UNWEIGHTED, "")),
            exclusive=self.exclusive,
            seed=self.seed,
        )

    def only(self, labels: NDArray[np.int64]) -> EvaluationOutputs:
        """The same documents with these labels alone."""
        columns = [int(label) for label in labels]
        return replace(
            self,
            proba=self.proba[:, columns],
            truth=self.truth[:, columns],
            names=tuple(self.names[i] for i in columns),
            thresholds=self.thresholds[columns],
            predicted=None if self.predicted is None else self.predicted[:, columns],
            raw=None if self.raw is None else self.raw[:, columns],
            label_ids=tuple(self.label_ids[i] for i in columns) if self.label_ids else (),
            colours=tuple(self.colours[i] for i in columns) if self.colours else (),
        )


def write_outputs(path: Path, outputs: EvaluationOutputs) -> None:
    """Write .npz, or .json by its suffix: whole or not at all."""
    arrays = {
        name: getattr(outputs, name) for name in _ARRAYS if getattr(outputs, name) is not None
    }
    about = {
        "format": FORMAT,
        "names": list(outputs.names),
        "source": str(outputs.source),
        "external_ids": list(outputs.external_ids),
        "texts": [text[:TEXT_LENGTH] for text in outputs.texts],
        "label_ids": list(outputs.label_ids),
        "colours": list(outputs.colours),
        "shared": outputs.shared,
        "exclusive": outputs.exclusive,
        "seed": outputs.seed,
        "about": outputs.about,
    }
    if path.suffix == ".json":
        plain = {name: _plain(array) for name, array in arrays.items()}
        text = json.dumps(about | plain, ensure_ascii=False, allow_nan=False)
        write_whole(path, lambda file: file.write(text.encode()))
        return
    # surrogates and NULs of texts survive as escapes
    told = np.frombuffer(json.dumps(about).encode("ascii"), dtype=np.uint8)
    write_whole(
        path, lambda file: np.savez_compressed(file, allow_pickle=False, told=told, **arrays)
    )


def read_outputs(path: Path) -> EvaluationOutputs:
    """Read what `write_outputs` wrote.

    Raises InputError where there is no such file or it is of a newer format,
    CorruptArtefact where it is not whole.
    """
    if not path.is_file():
        raise InputError(f"There is no file '{path}'; give an eval_outputs.npz or .json.")
    try:
        stored = _read_json(path) if path.suffix == ".json" else _read_npz(path)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise CorruptArtefact(
            f"'{path}' is no file of evaluation outputs, or not whole ({error}); evaluate again."
        ) from error
    if stored.get("format", 0) > FORMAT:
        raise InputError(
            f"'{path}' has format {stored['format']}, and this version reads up to {FORMAT}; "
            "use the version that wrote it, or a newer one."
        )
    try:
        return _outputs(stored)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptArtefact(f"'{path}' lacks {error}; evaluate again.") from error


def _read_npz(path: Path) -> dict[str, Any]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    told: dict[str, Any] = json.loads(stored.pop("told").tobytes())
    return stored | told


def _read_json(path: Path) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    width = len(stored["names"])
    for name in ("proba", "raw"):
        if name in stored:
            stored[name] = _floats(stored[name], np.float32).reshape(-1, width)
    for name in ("thresholds", "weights"):
        if name in stored:
            stored[name] = _floats(stored[name], np.float64)
    for name, kind in (("truth", np.int8), ("predicted", np.bool_)):
        if name in stored:
            stored[name] = np.asarray(stored[name], dtype=kind).reshape(-1, width)
    for name in ("folds", "document_ids"):
        if name in stored:
            stored[name] = np.asarray(stored[name], dtype=np.int64)
    return stored


def _outputs(stored: dict[str, Any]) -> EvaluationOutputs:
    return EvaluationOutputs(
        **{name: stored[name] for name in _ARRAYS if name in stored},
        names=tuple(stored["names"]),
        source=EvaluationSource(stored["source"]),
        external_ids=tuple(stored.get("external_ids", ())),
        texts=tuple(stored.get("texts", ())),
        label_ids=tuple(stored.get("label_ids", ())),
        colours=tuple(stored.get("colours", ())),
        shared=float(stored["shared"]),
        exclusive=bool(stored.get("exclusive", False)),
        seed=int(stored.get("seed", 0)),
        about=dict(stored.get("about", {})),
    )


def _plain(array: NDArray[Any]) -> Any:
    """Lists with None for NaN."""
    if array.dtype.kind != "f":
        return array.tolist()
    plain = array.astype(object)
    plain[np.isnan(array)] = None
    return plain.tolist()


def _floats(values: Any, kind: type) -> NDArray[Any]:
    return np.array(
        [np.nan if value is None else value for value in np.asarray(values, dtype=object).ravel()],
        dtype=kind,
    )
