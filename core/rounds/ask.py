"""Step 7: choose which documents to ask about, and write down why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.domain import QueryKind
from core.encoders.cache import EmbeddingCache
from core.rounds import files
from core.rounds.chosen import read_calibration
from core.rounds.known import candidates_of, judged_of, recipe_of
from core.rounds.large_pool import part_to_look_at
from core.rounds.progress import Progress
from core.rounds.seconds import expected_seconds
from core.rounds.shortlist import rescored
from core.rounds.task import EncoderUse, Snapshot, Task, Workshop, read_texts
from core.services.predictions import POOL_PROBA
from core.strategies.batches import Batch
from core.strategies.judged import Judged
from core.strategies.reasons import (
    Because,
    Neighbour,
    because_of_labels,
    because_of_wanted,
    neighbours_of,
    sentence,
)
from core.strategies.recipe import Recipe
from core.strategies.score_pool import PoolScores
from core.strategies.selection import choose_batch


def choose_queries(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """What the recipe asks about: documents without a complete judgement, never audited ones."""
    room = _Room(workshop, task)
    candidates, scores = room.candidates, room.scores(room.candidates)
    if room.recipe.stochastic_layers:
        candidates, scores = rescored(workshop, task, candidates, scores, progress=progress)
    batch = choose_batch(
        scores,
        task.the_round.config["query_size"],
        np.random.default_rng(task.the_round.seed),
        recipe=room.recipe,
        judged=room.judged,
        read_vectors=lambda rows: room.cache.rows(room.snapshot.pool_ids[candidates[rows]]),
        expected_seconds=room.seconds(scores, candidates),
        subpool=part_to_look_at(
            workshop,
            task,
            room.snapshot.pool_ids[candidates],
            judged=room.judged,
            progress=progress,
        ),
    )
    queries = room.described(batch, candidates, scores)
    files.write_json(task.folder / files.QUERIES, queries)
    return {"n_queries": len(queries), "n_pool": len(room.candidates)}


class _Room:
    """Everything that the choice looks at, read when it is wanted."""

    def __init__(self, workshop: Workshop, task: Task) -> None:
        self.workshop, self.task = workshop, task

    @cached_property
    def snapshot(self) -> Snapshot:
        return Snapshot.read(self.task.folder)

    @cached_property
    def label_ids(self) -> list[int]:
        about = files.read_json(self.task.folder / files.SNAPSHOT_ABOUT)
        return [int(id_) for id_ in about["label_ids"]]

    @cached_property
    def recipe(self) -> Recipe:
        return recipe_of(self.task)

    @cached_property
    def candidates(self) -> NDArray[np.int64]:
        return candidates_of(self.snapshot)

    @cached_property
    def judged(self) -> Judged:
        plain = judged_of(self.workshop, self.task, self.snapshot)
        calibrated = read_calibration(self.task.folder).apply(plain.proba)  # as the candidates' are
        is_open = np.isin(self.snapshot.train_ids, self.snapshot.pool_ids[self.candidates])
        return replace(plain, proba=calibrated, is_open=is_open)

    @cached_property
    def cache(self) -> EmbeddingCache:
        use = EncoderUse.read(self.task.folder)
        return use.cache(self.workshop.settings, self.task.project)

    def scores(self, rows: NDArray[np.int64]) -> PoolScores:
        """What the score step wrote, of these rows; probabilities are calibrated."""
        folder = self.task.folder
        gains = folder / files.POOL_GAINS
        return PoolScores(
            proba=_floats(folder / POOL_PROBA, rows),
            score=files.read_array(folder / files.POOL_SCORE)[rows],
            contributions=_floats(folder / files.POOL_CONTRIBUTIONS, rows),
            gains=_floats(gains, rows) if self.recipe.strategy == "besra" else None,
        )

    def seconds(
        self, scores: PoolScores, candidates: NDArray[np.int64]
    ) -> NDArray[np.float32] | None:
        """How long each is expected to take, for recipes that mind it."""
        if not self.recipe.per_second:
            return None
        ids = self.snapshot.pool_ids[candidates]
        return expected_seconds(self.workshop.store, self.task.project.id, ids, scores.proba)

    def described(
        self, batch: Batch, candidates: NDArray[np.int64], scores: PoolScores
    ) -> list[dict[str, Any]]:
        """The queries as they are stored, in the order of asking."""
        rows = candidates[batch.positions]
        neighbours = neighbours_of(
            self.cache.rows(self.snapshot.pool_ids[rows]),
            self.judged.x,
            self._judged_ids,
            query_ids=self.snapshot.pool_ids[rows].tolist(),
        )
        quotes = self._quotes(neighbours)
        names = dict(zip(self.label_ids, self.snapshot.label_names, strict=True))
        queries = []
        for at, position in enumerate(batch.positions.tolist()):
            kind, label = batch.kinds[at], int(batch.labels[at])
            is_scored = kind is QueryKind.MODEL
            because = self._because(scores, position, kind, label).beside(neighbours[at])
            told = sentence(
                because,
                kind,
                names,
                quote=quotes.get(neighbours[at][0].document_id) if neighbours[at] else None,
                n_present=int(self.judged.n_present[label]) if label >= 0 else None,
            )
            queries.append(
                {
                    "document_id": int(self.snapshot.pool_ids[rows[at]]),
                    "kind": kind,
                    "rank": at + 1,
                    "score": float(scores.score[position]) if is_scored else None,
                    "reason": told,
                    "because": because.to_json(),
                    "selection_probability": _known(batch.probabilities[at]),
                }
            )
        return queries

    @property
    def _judged_ids(self) -> Sequence[int]:
        ids: list[int] = self.snapshot.train_ids.tolist()
        return ids

    def _because(self, scores: PoolScores, position: int, kind: QueryKind, label: int) -> Because:
        if kind is QueryKind.RARE and label >= 0:
            return because_of_wanted(self.label_ids[label], float(scores.proba[position, label]))
        if kind is QueryKind.MODEL:
            return because_of_labels(
                scores.contributions[position], scores.proba[position], self.label_ids
            )
        return Because()

    def _quotes(self, neighbours: list[tuple[Neighbour, ...]]) -> dict[int, str]:
        nearest = np.unique([near[0].document_id for near in neighbours if near]).astype(np.int64)
        return dict(zip(nearest.tolist(), read_texts(self.workshop.store, nearest), strict=True))


def _floats(path: Any, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.asarray(files.read_array(path, mapped=True)[rows], dtype=np.float32)


def _known(probability: float) -> float | None:
    return None if np.isnan(probability) else float(probability)
