"""An ensemble of quick heads: another source of several opinions about one document.

After Lakshminarayanan, Pritzel and Blundell (2017), "Simple and scalable
predictive uncertainty estimation using deep ensembles". Networks differ by
their seed; heads that are solved exactly learn from documents drawn with
replacement. What their disagreement is worth is for strategies to say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from core.domain import UNJUDGED, Embeddings, Proba, Samples
from core.errors import InputError, NotReady
from core.learners.artefacts import read_artefact, write_artefact
from core.learners.dataset import JudgedVectors
from core.learners.naming import StreamingClassifier
from core.learners.quick import QuickConfig, QuickHead, QuickKind, new_quick
from core.learners.quick_head import VALUES_PER_CHUNK, OnEpoch, ShouldStop

FORMAT = "marginalia-quick-ensemble-2"
DIFFER_BY_SEED = frozenset({QuickKind.MLP, QuickKind.LINEAR})


class QuickEnsemble(StreamingClassifier):
    """Several quick heads that answer with their mean, and each for itself.

    Parameters
    ----------
    config
        How to build and train every member. The first member has its seed, and
        without `bootstrap` is alone the quick head of that seed.
    n_labels
        Columns of truth and of every probability.
    n_members
        How many heads.
    bootstrap
        Let every member learn from documents drawn with replacement; None does
        so for heads that would all be the same otherwise.
    blocks
        Widths of the unit vectors that stand side by side in the features.
    n_threads
        Members trained at a time; what is learnt is the same with any number.
    """

    def __init__(
        self,
        config: QuickConfig,
        n_labels: int,
        n_members: int = 5,
        *,
        bootstrap: bool | None = None,
        blocks: tuple[int, ...] = (),
        n_threads: int = 1,
    ) -> None:
        if n_members < 1:
            raise InputError(f"An ensemble of {n_members} members answers nothing; give 1 or more.")
        self.config = config
        self.n_labels = n_labels
        self.n_members = n_members
        self.bootstrap = config.kind not in DIFFER_BY_SEED if bootstrap is None else bootstrap
        self.blocks = blocks
        self.n_threads = n_threads
        self.multi_label = not config.exclusive
        self._members: list[QuickHead] = []

    # --- training ---------------------------------------------------------

    def fit(
        self,
        train_set: JudgedVectors,
        weights: NDArray[np.float64] | None = None,
        *,
        on_epoch: OnEpoch | None = None,
        should_stop: ShouldStop | None = None,
    ) -> Self:
        """Train every member from scratch, all of them epoch by epoch side by side.

        `on_epoch` is told (epoch from 1, mean loss over members) in the calling
        thread and may ask for predictions. Raises Cancelled when `should_stop`
        says so, leaving what was learnt before in force.
        """
        if weights is not None:
            raise ValueError("sample weights are not supported; unjudged cells are masked instead")
        before = self._members
        self._members = self._new_members()
        try:
            for epoch, loss in enumerate(self._epochs(train_set, should_stop), start=1):
                if on_epoch is not None:
                    on_epoch(epoch, loss)
        except BaseException:
            self._members = before
            raise
        return self

    def _epochs(self, train_set: JudgedVectors, should_stop: ShouldStop | None) -> Iterator[float]:
        """Let every member learn an epoch, then yield their mean loss."""
        learning = [
            member.learn(self._share_of(train_set, member), should_stop or (lambda: False))
            for member in self._members
        ]
        with ThreadPoolExecutor(max(1, self.n_threads)) as threads:
            while True:
                losses = list(threads.map(lambda steps: next(steps, None), learning))
                told = [loss for loss in losses if loss is not None]
                if not told:
                    return
                yield float(np.mean(told))

    def _new_members(self) -> list[QuickHead]:
        further = np.random.SeedSequence(abs(self.config.seed)).generate_state(self.n_members - 1)
        return [
            new_quick(
                dataclasses.replace(self.config, seed=int(seed)), self.n_labels, blocks=self.blocks
            )
            for seed in (self.config.seed, *further)
        ]

    def _share_of(self, train_set: JudgedVectors, member: QuickHead) -> JudgedVectors:
        """Draw the member's documents; a label judged anywhere stays judged in one of them."""
        if not self.bootstrap or not len(train_set):
            return train_set
        rng = np.random.default_rng(abs(member.config.seed))
        rows = rng.integers(0, len(train_set), len(train_set))
        judged = train_set.truth != UNJUDGED
        lost = np.flatnonzero(judged.any(axis=0) & ~judged[rows].any(axis=0))
        kept = [rng.choice(np.flatnonzero(judged[:, label])) for label in lost]
        return train_set[np.concatenate([rows, np.asarray(kept, dtype=np.int64)])]

    # --- predicting -------------------------------------------------------

    def score_stream(
        self, x: Embeddings, *, n_passes: int, chunk: int | None = None
    ) -> Iterator[tuple[slice, Proba, Samples]]:
        """Predict chunk by chunk, so that memory stays bounded on any pool.

        Parameters
        ----------
        x
            Shape (documents, width); may be memory-mapped.
        n_passes
            Above 0, every member's probabilities come along, as many as there
            are members; 0 gives samples of shape (chunk, 0, labels).
        chunk
            Documents at a time; by default what fits the processor's cache.

        Yields
        ------
        rows, proba, samples
            Which documents; the mean over members (chunk, labels); each
            member's probabilities (chunk, members, labels).
        """
        members = self._trained()
        chunk = chunk or max(64, VALUES_PER_CHUNK // max(256, self.n_members * self.n_labels))
        for start in range(0, len(x), chunk):
            rows = slice(start, min(start + chunk, len(x)))
            block = np.ascontiguousarray(x[rows], dtype=np.float32)
            samples = np.empty((len(block), len(members), self.n_labels), dtype=np.float32)
            for number, member in enumerate(members):
                for _, proba, _ in member.score_stream(block, n_passes=0, chunk=len(block)):
                    samples[:, number] = proba
            yield rows, samples.mean(axis=1), samples[:, : len(members) if n_passes else 0]

    def _trained(self) -> list[QuickHead]:
        if not self._members:
            raise NotReady("This ensemble has not been trained; call fit or load first.")
        return self._members

    # --- keeping ----------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write `path` as one folder of all members' weights, whole or not at all."""
        tensors: dict[str, torch.Tensor] = {}
        for number, member in enumerate(self._trained()):
            tensors |= {f"{number}.{name}": t for name, t in member.trained().items()}
        about = {
            "format": FORMAT,
            "config": dataclasses.asdict(self.config),
            "n_labels": self.n_labels,
            "blocks": list(self.blocks),
            "n_members": self.n_members,
            "bootstrap": self.bootstrap,
        }
        write_artefact(path, tensors=tensors, about=about)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raises CorruptArtefact when it is not whole."""
        tensors, about = read_artefact(path, expected_format=FORMAT)
        ensemble = cls(
            QuickConfig(**about["config"]),
            about["n_labels"],
            about["n_members"],
            bootstrap=about["bootstrap"],
            blocks=tuple(about["blocks"]),
        )
        ensemble._members = ensemble._new_members()
        for number, member in enumerate(ensemble._members):
            prefix = f"{number}."
            member.remember(
                {
                    name.removeprefix(prefix): tensor
                    for name, tensor in tensors.items()
                    if name.startswith(prefix)
                }
            )
        return ensemble
