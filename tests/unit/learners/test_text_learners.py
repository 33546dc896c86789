"""The door to all learners that read texts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from core.errors import CorruptArtefact, InputError
from core.learners.artefacts import write_artefact
from core.learners.catalogue import learner_info
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.text_learners import MAKERS, load_text_learner, new_text_learner
from tests.unit.learners.tiny import judged, make_encoder


@pytest.mark.parametrize("kind", list(MAKERS))
def test_every_option_of_the_catalogue_is_taken_as_it_is_offered(kind: str) -> None:
    options = {option.name: option.default for option in learner_info(kind).options}
    options.pop("warm_start", None)  # a folder here, and a yes or no there
    plain = {
        name: list(value) if isinstance(value, tuple) else value for name, value in options.items()
    }
    learner = new_text_learner(kind, plain, 3, encoder="bundled", seed=7, exclusive=True)
    assert (learner.config.seed, learner.config.exclusive, learner.n_labels) == (7, True, 3)
    for name, value in options.items():
        if name not in ("most_texts", "student"):
            assert getattr(learner.config, name) == value


def test_the_catalogues_defaults_are_the_transformers_own() -> None:
    own = {field.name: field.default for field in dataclasses.fields(DeepConfig)}
    for option in learner_info("transformer").options:
        if option.name != "warm_start":
            assert own[option.name] == option.default, option.name


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="'svm'; there are transformer, cnn, rnn, student"):
        new_text_learner("svm", {}, 3, encoder="bundled")
    with pytest.raises(InputError, match=r"'cnn' does not take its options.*'lora_rank'"):
        new_text_learner("cnn", {"lora_rank": 8}, 3, encoder="bundled")


def test_a_saved_learner_is_read_back_as_what_it_was(tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path / "encoder")
    learner = new_text_learner("transformer", {"epochs": 1}, 3, encoder=encoder, device="cpu")
    learner.fit(judged(8)).save(tmp_path / "learner")
    loaded = load_text_learner(tmp_path / "learner", device="cpu")
    assert isinstance(loaded, DeepLearner)
    assert (loaded.predict_proba(judged(4)) == learner.predict_proba(judged(4))).all()
    write_artefact(tmp_path / "other", tensors={}, about={"format": "a head"})
    with pytest.raises(CorruptArtefact, match="holds 'a head'"):
        load_text_learner(tmp_path / "other")
    with pytest.raises(CorruptArtefact, match="cannot be read"):
        load_text_learner(tmp_path / "nothing")
