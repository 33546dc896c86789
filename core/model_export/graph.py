"""A model as one ONNX graph: token ids, mask, and words where it reads them, to probabilities."""

from __future__ import annotations

import io
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from core.disk import write_whole
from core.encoders.networks import RecurrentBody
from core.encoders.pooling import pooled
from core.errors import InputError, NotReady
from core.model_export.source import Source

IDS, MASK, WORDS, PROBABILITIES = "input_ids", "attention_mask", "words", "probabilities"
NEEDED = ("onnx", "onnxscript")


class WholeModel(torch.nn.Module):
    """Everything between token ids and calibrated probabilities (texts, labels)."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.encoder: Any = source.encoder.model
        self.head = source.head
        self.is_network = source.encoder.is_network
        self.pooling = source.encoder.pooling
        self.is_recurrent = isinstance(self.encoder, RecurrentBody)
        self.is_raw = source.encoder.is_network and source.reads_by_itself

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, words: Any = None
    ) -> torch.Tensor:
        """Give probabilities of texts as (texts, tokens) ids and mask, words (texts, width)."""
        if self.is_network:
            vectors = self._features(input_ids, attention_mask)
            if not self.is_raw:
                vectors = torch.nn.functional.normalize(vectors, dim=-1)
        else:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
            vectors = pooled(hidden.last_hidden_state, attention_mask, self.pooling)
        if words is not None:
            vectors = torch.cat([vectors, words], dim=-1)
        proba: torch.Tensor = self.head(vectors)
        return proba

    def _features(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        """What the network gives; a recurrent one picks its states by an operation ONNX has."""
        if not self.is_recurrent:
            return self.encoder(ids, mask)
        vectors, last = self.encoder.words(ids, mask), mask.sum(dim=1).clamp(min=1) - 1
        at = torch.arange(ids.shape[1]).unsqueeze(0)
        turned = last.unsqueeze(1) - at
        turned = torch.where(turned >= 0, turned, at).unsqueeze(2)
        readings = [vectors, vectors.gather(1, turned.expand(-1, -1, vectors.shape[2]))]
        states = []
        for run, reading in zip(self.encoder.directions, readings, strict=False):
            every = run(reading)[0]
            picked = last.view(-1, 1, 1).expand(-1, 1, every.shape[2])
            states.append(every.gather(1, picked).squeeze(1))
        return torch.cat(states, dim=1)


def write_onnx(source: Source, path: Path) -> None:
    """Write the graph; texts may be as many and as long as the encoder takes.

    Raises NotReady where the packages that write ONNX are missing, and
    InputError for a network that ONNX cannot express.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise NotReady(
            f"Writing ONNX needs {' and '.join(missing)}, which this installation lacks; "
            f"install {'it' if len(missing) == 1 else 'them'} with pip install "
            f"{' '.join(missing)}, or export without ONNX."
        )
    model = WholeModel(source).eval()
    ids = torch.ones((2, 8), dtype=torch.int64)
    inputs: list[torch.Tensor] = [ids, torch.ones_like(ids)]
    names = [IDS, MASK]
    axes: list[dict[int, str]] = [{0: "texts", 1: "tokens"}, {0: "texts", 1: "tokens"}]
    if source.words is not None:
        inputs.append(torch.zeros(2, source.words.width))
        names.append(WORDS)
        axes.append({0: "texts"})
    export = _traced if model.is_recurrent else _captured
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter's own use of torch
            proto = export(model, tuple(inputs), names, axes)
    except torch.onnx.OnnxExporterError as error:
        raise InputError(_cannot(str(error).splitlines()[0])) from error
    for given in proto.graph.input:
        n_free = 1 if given.name == WORDS else 2
        if not all(dim.dim_param for dim in given.type.tensor_type.shape.dim[:n_free]):
            raise InputError(_cannot(f"its input '{given.name}' has a fixed size"))
    data = proto.SerializeToString()
    write_whole(path, lambda file: file.write(data))


def _captured(
    model: WholeModel,
    inputs: tuple[torch.Tensor, ...],
    names: list[str],
    axes: list[dict[int, str]],
) -> Any:
    """By torch.export, the way that PyTorch goes on with."""
    sizes = {name: torch.export.Dim(name) for name in ("texts", "tokens")}
    program = torch.onnx.export(
        model,
        inputs,
        dynamo=True,
        input_names=names,
        output_names=[PROBABILITIES],
        dynamic_shapes=tuple({at: sizes[name] for at, name in one.items()} for one in axes),
        verbose=False,
    )
    assert program is not None
    return program.model_proto


def _traced(
    model: WholeModel,
    inputs: tuple[torch.Tensor, ...],
    names: list[str],
    axes: list[dict[int, str]],
) -> Any:
    """By tracing: torch.export fixes the sizes of what goes through an LSTM, a GRU or an RNN."""
    import onnx

    written = io.BytesIO()
    torch.onnx.export(
        model,
        inputs,
        written,  # type: ignore[arg-type]  # a file will do, as ever
        dynamo=False,
        input_names=names,
        output_names=[PROBABILITIES],
        dynamic_axes=dict(zip(names, axes, strict=True)),
        opset_version=17,
        verbose=False,
    )
    return onnx.load_from_string(written.getvalue())


def _cannot(why: str) -> str:
    return (
        f"This network cannot be written as ONNX ({why}); export it without ONNX, or train a "
        "student with the learner 'cnn' or 'transformer'."
    )
