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
        "arms": ["random", "contrastive", "bald:n_passes=2,stochastic_layers=-1,name=bald"],
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


def test_a_deep_learner_is_played_with_and_repeats_itself(tmp_path: Path) -> None:
    data, encoder = handful(), load_encoder("bundled", device="cpu")
    x, test_x = vectors_of(data, encoder, folder=tmp_path / "vectors")
    first, again = (
        run_plan(PLAN, data, x, test_x, folder=tmp_path / name) for name in ("first", "again")
    )
    assert [run.rounds[-1].n_judged for run in first] == [6, 6, 6]
    assert [[r.micro_f1 for r in run.rounds] for run in first] == [
        [r.micro_f1 for r in run.rounds] for run in again
    ]
    assert full_data_scores(tmp_path / "first", [0])[0].n_judged == 6
