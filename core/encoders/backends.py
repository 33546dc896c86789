"""Ways to run one encoder: torch in float32 is the reference, the others are faster somewhere.

What runs here gives unit vectors and nothing else. Which one is used on this
machine is decided in `core.encoders.measuring`; training and dropout passes
always use torch itself.
"""

from __future__ import annotations

import copy
import importlib.util
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from core.encoders.pooling import pooled

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder

Fetch = Callable[[], NDArray[np.float32]]


class Backend(StrEnum):
    """How an encoder is run."""

    TORCH = "torch"  # float32 on a CPU, bfloat16 autocast on a GPU
    TORCH_BF16 = "torch-bf16"
    OPENVINO = "openvino"
    OPENVINO_BF16 = "openvino-bf16"


EXACT = frozenset({Backend.TORCH, Backend.OPENVINO})  # closer to each other than float16 tells


class Runner(Protocol):
    """Runs batches; up to `n_ahead` may be under way when the oldest is fetched."""

    n_ahead: int

    def launch(self, ids: torch.Tensor, mask: torch.Tensor) -> Fetch:
        """Start one batch, both tensors (rows, tokens); the answer gives (rows, width)."""
        ...


def candidates(encoder: Encoder) -> list[Backend]:
    """Name what can be tried on this encoder, device and installation; the reference first."""
    if encoder.device.type != "cpu" or encoder.is_network:
        return [Backend.TORCH]
    found = [Backend.TORCH]
    if has_bf16():
        found.append(Backend.TORCH_BF16)
    if importlib.util.find_spec("openvino") is not None:
        found.append(Backend.OPENVINO)
        if has_bf16():
            found.append(Backend.OPENVINO_BF16)
    return found


def has_bf16() -> bool:
    """Tell whether this processor multiplies bfloat16 by itself."""
    cpu = torch.cpu.get_capabilities()
    return any(cpu.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def build_runner(backend: Backend, encoder: Encoder, folder: Path) -> Runner | None:
    """Make what `Encoder.use` takes; `folder` keeps exported models.

    Raises whatever the backend raises where it cannot: callers fall back.
    """
    if backend is Backend.TORCH_BF16:
        return TorchBf16(encoder)
    if backend in (Backend.OPENVINO, Backend.OPENVINO_BF16):
        from core.encoders.openvino_runner import OpenVino

        return OpenVino(encoder, folder, bf16=backend is Backend.OPENVINO_BF16)
    return None


class TorchBf16:
    """A copy of the encoder in bfloat16, on a CPU; pooling stays in float32."""

    def __init__(self, encoder: Encoder) -> None:
        self.model = copy.deepcopy(encoder.model).to(torch.bfloat16).eval()
        self.pooling = encoder.pooling
        self.n_ahead = torch.get_num_threads()

    def launch(self, ids: torch.Tensor, mask: torch.Tensor) -> Fetch:
        """Start beside the batches under way."""
        return side_by_side(self._run, ids, mask)

    def _run(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return pooled(hidden, mask, self.pooling)


class TorchOnCpu:
    """The encoder itself, in float32."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.n_ahead = torch.get_num_threads()

    def launch(self, ids: torch.Tensor, mask: torch.Tensor) -> Fetch:
        """Start beside the batches under way."""
        return side_by_side(self.encoder.vectors, ids, mask)


class TorchOnGpu:
    """The encoder itself; where no GPU was named, a copy on each, taking turns."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.models = [encoder.model]
        if encoder.device == torch.device("cuda"):
            for number in range(1, torch.cuda.device_count()):
                self.models.append(copy.deepcopy(encoder.model).to(f"cuda:{number}"))
        self.n_ahead = 2 * len(self.models)  # the next batches are padded meanwhile
        self._n_launched = 0

    @torch.inference_mode()
    def launch(self, ids: torch.Tensor, mask: torch.Tensor) -> Fetch:
        """Start on the GPU whose turn it is."""
        number = self._n_launched % len(self.models)
        self._n_launched += 1
        if number:
            device = torch.device("cuda", number)
            ids, mask = ids.to(device, non_blocking=True), mask.to(device, non_blocking=True)
        vectors = self.encoder.vectors(ids, mask, model=self.models[number])
        return lambda: _array(vectors)


def side_by_side(
    run: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ids: torch.Tensor,
    mask: torch.Tensor,
) -> Fetch:
    """Run a batch on one thread of its own: threads inside a batch wait for each other."""

    @torch.inference_mode()
    def of_batch() -> NDArray[np.float32]:
        return _array(run(ids, mask))

    n_threads = torch.get_num_threads()
    if n_threads == 1:
        return of_batch
    return _workers(n_threads, os.getpid()).submit(of_batch).result


@lru_cache(maxsize=4)
def _workers(n_threads: int, _process: int) -> ThreadPoolExecutor:
    """Start threads in which torch has one thread; a forked process has none of its parent's."""
    all_started = Barrier(n_threads)

    def start() -> None:
        torch.set_num_threads(1)
        all_started.wait()

    workers = ThreadPoolExecutor(n_threads, thread_name_prefix="encoder")
    for started in [workers.submit(start) for _ in range(n_threads)]:
        started.result()
    torch.set_num_threads(n_threads)  # for threads to come: setting is theirs too
    return workers


def _array(vectors: torch.Tensor) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = vectors.cpu().numpy()
    return rows
