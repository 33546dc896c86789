"""An encoder exported to OpenVINO once, kept on disk, and run with one stream per core.

OpenVINO is optional and imported by name only. An export that is damaged, or
of another version, is made anew.
"""

from __future__ import annotations

import copy
import importlib
import importlib.metadata
import json
import logging
import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.disk import sha256_of
from core.encoders.pooling import Pooling, pooled

if TYPE_CHECKING:
    from core.encoders.backends import Fetch
    from core.encoders.encoder import Encoder

log = logging.getLogger(__name__)

FORMAT = "marginalia-exported-encoder-1"
KEPT_EXPORTS = 3  # each as large as the encoder's weights; a deep round makes a new one


class OpenVino:
    """The encoder compiled by OpenVINO, with one stream per core.

    Parameters
    ----------
    encoder
        Exported once from torch, as it stands.
    folder
        Keeps the exported models of this and a few other encoders.
    bf16
        Whether matrix products are in bfloat16.
    """

    def __init__(self, encoder: Encoder, folder: Path, *, bf16: bool) -> None:
        openvino = importlib.import_module("openvino")
        self.n_ahead = max(1, torch.get_num_threads())
        core = openvino.Core()
        self._compiled = core.compile_model(
            core.read_model(_exported(encoder, folder)),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
                "INFERENCE_NUM_THREADS": self.n_ahead,
                "NUM_STREAMS": self.n_ahead,
            },
        )

    def launch(self, ids: torch.Tensor, mask: torch.Tensor) -> Fetch:
        """Start on a stream that is free."""
        request = self._compiled.create_infer_request()
        request.start_async({0: ids.numpy(), 1: mask.numpy()}, share_inputs=False)

        def fetch() -> NDArray[np.float32]:
            request.wait()
            return np.array(request.get_output_tensor(0).data, dtype=np.float32)

        return fetch


class _ToVectors(torch.nn.Module):
    """The encoder and its pooling as one network, for exporting."""

    def __init__(self, model: Any, pooling: Pooling) -> None:
        super().__init__()
        self.model = model
        self.pooling = pooling

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Give unit vectors (rows, width)."""
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return pooled(hidden, attention_mask, self.pooling)


def _exported(encoder: Encoder, folder: Path) -> Path:
    """Give the exported model's file, whole and of this encoder; export it where it is not."""
    kept = folder / f"openvino-{encoder.fingerprint[:16]}"
    about = {"format": FORMAT, "fingerprint": encoder.fingerprint, "openvino": _version()}
    if kept.exists() and _is_whole(kept, about):
        os.utime(kept)
        return kept / "model.xml"
    if kept.exists():
        log.warning("The exported encoder in '%s' is damaged or old; exporting it again", kept)
    partial = folder / f".{kept.name}.{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _export(encoder, partial / "model.xml")
        sums = {path.name: sha256_of(path) for path in sorted(partial.iterdir())}
        (partial / "about.json").write_text(json.dumps({**about, "sha256": sums}), encoding="utf-8")
        shutil.rmtree(kept, ignore_errors=True)
        partial.replace(kept)
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # of an encoder that cannot be exported
    _prune(folder)
    return kept / "model.xml"


def _export(encoder: Encoder, path: Path) -> None:
    """Trace the torch model; OpenVINO's own `convert_model` would report the use of it."""
    openvino = importlib.import_module("openvino")
    frontends = importlib.import_module("openvino.frontend")
    tracing = importlib.import_module("openvino.frontend.pytorch.ts_decoder")
    example = torch.ones((2, 8), dtype=torch.int64)
    network = _ToVectors(copy.deepcopy(encoder.model), encoder.pooling).eval()
    given = {"input_ids": example, "attention_mask": example}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # OpenVINO traces, which torch calls deprecated
        decoder = tracing.TorchScriptPythonDecoder(network, example_input=given)
        frontend = frontends.FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
    openvino.save_model(model, path, compress_to_fp16=False)


def _is_whole(kept: Path, about: dict[str, str]) -> bool:
    try:
        found = json.loads((kept / "about.json").read_text(encoding="utf-8"))
        sums: dict[str, str] = found.pop("sha256")
        return found == about and all(sha256_of(kept / name) == sums[name] for name in sums)
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _prune(folder: Path) -> None:
    exports = sorted(folder.glob("openvino-*"), key=lambda path: path.stat().st_mtime)
    for path in exports[:-KEPT_EXPORTS]:
        shutil.rmtree(path, ignore_errors=True)


def _version() -> str:
    return importlib.metadata.version("openvino")
