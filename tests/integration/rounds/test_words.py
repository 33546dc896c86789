"""A project's vectors of words: fitted once, again for a pool twice as large, kept while needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.domain import RoundKind
from core.encoders.lexical import VOCABULARY
from core.errors import Cancelled
from core.rounds import files
from core.rounds.lexical import MODEL, load_words, with_words
from core.rounds.task import EncoderUse, Task, Workshop, all_document_ids
from core.services.projects import get_project
from core.store.tables import Project, Round
from tests.integration.rounds.office import Office, open_office
from tests.integration.rounds.texts import TEXTS

USE = EncoderUse(base="none", fingerprint="none", width=2)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    office = open_office(tmp_path)
    yield Bench(office)
    office.store.close()


class Bench:
    """A project of forty texts, and rounds of it that never run."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.project_id = office.new_project("words", copies=5)
        self.workshop = Workshop(settings=office.settings, store=office.store)
        self.ids = all_document_ids(office.store, self.project_id)
        self.told: list[tuple[int, int]] = []

    @property
    def project(self) -> Project:
        with self.office.store.read() as session:
            project = get_project(session, self.project_id)
            session.expunge_all()
        return project

    @property
    def root(self) -> Path:
        return files.lexical_folder(self.office.settings, self.project)

    def task(self, number: int = 1, **config: object) -> Task:
        checkpoint = f"{self.project_id}-words/random_seed0_round{number}"
        round_ = Round(kind=RoundKind.QUICK, seed=0, checkpoint=checkpoint, config=config)
        folder = self.office.settings.checkpoints_dir / checkpoint
        return Task("none", self.project, folder, round_)

    def words(self, n: int, task: Task | None = None, *, stops: bool = False) -> EncoderUse:
        return with_words(
            self.workshop,
            task or self.task(),
            USE,
            self.ids[:n],
            on_progress=lambda *told: self.told.append(told),
            should_stop=lambda: stops,
        )

    def keep(self, task: Task, use: EncoderUse) -> None:
        """As a finished round does."""
        files.write_json(task.folder / files.ENCODER, {**USE.__dict__, "lexical": use.lexical})
        files.write_json(task.folder / files.THRESHOLD, {})
        (task.folder / files.LEARNER).mkdir()


def test_words_are_learnt_once_and_later_documents_only_added(bench: Bench) -> None:
    first = bench.words(40)
    assert first.blocks == (2, first.lexical_width)
    assert bench.told == [(40, 40)]
    again = bench.words(60)
    assert again == first
    assert bench.told == [(40, 40), (20, 20)]
    bench.words(60)
    assert len(bench.told) == 2


def test_features_lie_beside_the_embeddings_in_the_order_asked_for(bench: Bench) -> None:
    use, settings = bench.words(40), bench.office.settings
    meanings = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    use.cache(settings, bench.project).append(bench.ids[:40], meanings)
    rows = use.features(settings, bench.project).rows(bench.ids[[7, 4]])
    model = load_words(settings, bench.project, use)
    assert rows[:, :2].tolist() == [[0, 1], [1, 0]]
    assert rows[:, 2:] == pytest.approx(model.encode([TEXTS[7][0], TEXTS[4][0]]), abs=1e-3)


def test_a_pool_twice_as_large_is_learnt_anew_and_what_no_round_needs_goes(bench: Bench) -> None:
    first = bench.words(40)
    assert bench.words(80) == first
    second = bench.words(81)
    assert second.lexical != first.lexical
    assert [folder.name for folder in bench.root.iterdir()] == [second.lexical[:16]]


def test_a_round_keeps_its_words_as_long_as_its_weights(bench: Bench) -> None:
    task = bench.task()
    first = bench.words(20, task)
    bench.keep(task, first)
    second = bench.words(41, bench.task(2))
    names = {use.lexical[:16] for use in (first, second)}
    assert {folder.name for folder in bench.root.iterdir()} == names
    assert load_words(bench.office.settings, bench.project, first).fingerprint == first.lexical
    shutil.rmtree(task.folder / files.LEARNER)  # its weights were pruned
    third = bench.words(83, bench.task(3))
    assert {folder.name for folder in bench.root.iterdir()} == {third.lexical[:16]}


def test_a_model_that_is_not_whole_is_made_anew(bench: Bench) -> None:
    first = bench.words(40)
    (bench.root / first.lexical[:16] / MODEL / VOCABULARY).write_text("[]")
    again = bench.words(41)
    assert load_words(bench.office.settings, bench.project, again).fingerprint == again.lexical
    (bench.root / again.lexical[:16] / MODEL / "lexical.json").unlink()
    assert bench.words(41) == again


def test_the_round_or_the_project_may_do_without(bench: Bench) -> None:
    off = bench.words(40, bench.task(learner={"kind": "logistic", "lexical": False}))
    assert (off.lexical, off.blocks) == (None, (2,))
    assert not bench.root.exists()
    assert bench.words(0).lexical is None


def test_it_can_be_stopped(bench: Bench) -> None:
    with pytest.raises(Cancelled):
        bench.words(40, stops=True)
    assert not bench.root.exists()
