"""A replay with the encoder itself fine-tuned in every round, on a handful of texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.encoders.encoder import load_encoder
from core.replay.data import ReplayData, vectors_of
from core.replay.run import full_data_scores, run_plan
from core.strategies.plan import ReplayPlan

PLAN = ReplayPlan.of(
    {
        "data": "handful",
        "arms": ["contrastive", "bald:n_passes=2,stochastic_layers=-1,name=bald"],
        "seeds": 1,
        "n_initial": 4,
        "batch_size": 2,
        "n_rounds": 1,
        "n_folds": 2,
        "learner": "deep",
        "learner_options": {"epochs": 1, "lr": 1e-3},
    }
)


def handful() -> ReplayData:
    texts = [f"I want {n} {fruit}" for n in ("one", "two", "three") for fruit in ("pears", "figs")]
    truth = np.array([["pears" in text, "figs" in text] for text in texts], dtype=np.int8)
    return ReplayData("handful", ["pears", "figs"], texts, truth, texts, truth)


def test_a_deep_learner_is_played_with_reading_texts_where_strategies_read_vectors(
    tmp_path: Path,
) -> None:
    data, encoder = handful(), load_encoder("bundled", device="cpu")
    x, test_x = vectors_of(data, encoder, folder=tmp_path / "vectors")
    runs = run_plan(PLAN, data, x, test_x, folder=tmp_path / "played")
    assert [[r.n_judged for r in run.rounds] for run in runs] == [[4, 6], [4, 6]]
    assert runs[0].rounds[0].micro_f1 == runs[1].rounds[0].micro_f1  # they begin alike
    assert full_data_scores(tmp_path / "played", [0])[0].n_judged == 6
