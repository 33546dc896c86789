"""A model as one ONNX graph: token ids, mask, and words where it reads them, to probabilities."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from core.disk import write_whole
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
        self.is_raw = source.encoder.is_network and source.reads_by_itself

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, words: Any = None
    ) -> torch.Tensor:
        """Give probabilities of texts as (texts, tokens) ids and mask, words (texts, width)."""
        if self.is_network:
            vectors = self.encoder(input_ids, attention_mask)
            if not self.is_raw:
                vectors = torch.nn.functional.normalize(vectors, dim=-1)
        else:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask)
            vectors = pooled(hidden.last_hidden_state, attention_mask, self.pooling)
        if words is not None:
            vectors = torch.cat([vectors, words], dim=-1)
        proba: torch.Tensor = self.head(vectors)
        return proba


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
    texts, tokens = torch.export.Dim("texts"), torch.export.Dim("tokens")
    shapes: list[dict[int, Any]] = [{0: texts, 1: tokens}, {0: texts, 1: tokens}]
    if source.words is not None:
        inputs.append(torch.zeros(2, source.words.width))
        names.append(WORDS)
        shapes.append({0: texts})
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter's own use of torch
            program = torch.onnx.export(
                model,
                tuple(inputs),
                dynamo=True,
                input_names=names,
                output_names=[PROBABILITIES],
                dynamic_shapes=tuple(shapes),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise InputError(
            f"This network cannot be written as ONNX ({str(error).splitlines()[0]}); "
            "export it without ONNX, or train a student with the learner 'cnn' or 'transformer'."
        ) from error
    assert program is not None
    data = program.model_proto.SerializeToString()
    write_whole(path, lambda file: file.write(data))
