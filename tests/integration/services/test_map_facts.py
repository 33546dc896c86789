"""What is known of the documents on a map."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from core.domain import (
    ABSENT,
    PRESENT,
    UNJUDGED,
    JobStatus,
    JudgementState,
    RoundKind,
    SubmissionKind,
    SubmissionSource,
)
from core.errors import CorruptArtefact
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.map_facts import MapFacts, beginnings, facts_revision, map_facts
from core.services.maps import map_in_force, map_state
from core.services.projects import get_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Round
from tests.integration.services.conftest import Small
from tests.ui.mapped import give_map

SEQUENCE = itertools.count()


def say(store: Store, small: Small, at: int, kind: SubmissionKind, **more: object) -> None:
    """Judge a document red, or undo."""
    states = {} if kind is SubmissionKind.UNDO else {small.label_ids[0]: JudgementState.PRESENT}
    new = NewSubmission(
        document_id=small.document_ids[at],
        kind=kind,
        client_id="facts",
        sequence=next(SEQUENCE),
        states=states,
        **more,  # type: ignore[arg-type]
    )
    with store.write() as session:
        record_judgements(
            session,
            get_project(session, small.project_id),
            annotator_named(session, "ada"),
            [new],
            source=SubmissionSource.API,
        )


def begin_round(store: Store, small: Small, number: int) -> None:
    with store.write() as session:
        round_ = Round(
            project_id=small.project_id,
            number=number,
            kind=RoundKind.QUICK,
            status=JobStatus.DONE,
            strategy="bald",
            seed=1,
        )
        session.add(round_)
        session.flush()
        get_project(session, small.project_id).active_round_id = round_.id


def facts(store: Store, small: Small, at: list[int], folder: Path | None = None) -> MapFacts:
    with store.read() as session:
        ids = np.array([small.document_ids[i] for i in at])
        return map_facts(session, small.project_id, ids, folder=folder)


def test_states_and_the_round_of_the_first_judgement_are_told(store: Store, small: Small) -> None:
    say(store, small, 0, SubmissionKind.COMPLETE)
    begin_round(store, small, 3)
    say(store, small, 1, SubmissionKind.PARTIAL)
    begin_round(store, small, 4)
    say(store, small, 1, SubmissionKind.COMPLETE)
    say(store, small, 2, SubmissionKind.COMPLETE)
    undone = next(SEQUENCE) - 1
    say(store, small, 2, SubmissionKind.UNDO, undoes_sequence=undone)
    found = facts(store, small, [0, 1, 2, 5, 39])
    assert found.truth.tolist() == [
        [PRESENT, ABSENT],
        [PRESENT, ABSENT],
        [UNJUDGED, UNJUDGED],
        [UNJUDGED, UNJUDGED],
        [UNJUDGED, UNJUDGED],
    ]
    assert found.is_complete.tolist() == [True, True, False, False, False]
    assert found.is_judged.tolist() == [True, True, False, False, False]
    assert found.is_audited.tolist() == [False, False, False, False, True]
    assert found.judged_in.tolist() == [0, 3, -1, -1, -1]
    assert found.n_present.tolist() == [1, 1, 0, 0, 0]
    assert found.names == ("red", "blue")


def test_scores_and_probabilities_are_the_rounds_by_label(
    store: Store, small: Small, tmp_path: Path
) -> None:
    ids = np.array(small.document_ids[:3])
    np.save(tmp_path / "pool_ids.npy", ids)
    np.save(tmp_path / "pool_score.npy", np.array([0.1, 0.2, 0.3], dtype=np.float32))
    proba = np.array([[0.5, 0.25], [0.75, 0.125], [1.0, 0.0]], dtype=np.float16)
    np.save(tmp_path / "pool_proba.npy", proba)
    labels = [small.label_ids[1], 99]  # another order, and a label that is gone
    (tmp_path / "label_ids.json").write_text(json.dumps(labels))
    found = facts(store, small, [2, 7], tmp_path)
    np.testing.assert_allclose(found.uncertainty, [0.3, np.nan], rtol=1e-6)
    np.testing.assert_allclose(found.proba, [[np.nan, 1.0], [np.nan, np.nan]])


def test_without_a_round_nothing_is_scored(store: Store, small: Small, tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        found = facts(store, small, [0, 1], folder)
        assert np.isnan(found.uncertainty).all()
        assert np.isnan(found.proba).all()


def test_what_was_deleted_is_not_there(store: Store, small: Small) -> None:
    with store.write() as session:
        session.delete(session.get_one(Document, small.document_ids[1]))
    found = facts(store, small, [0, 1, 2])
    assert found.is_there.tolist() == [True, False, True]
    with store.read() as session:
        texts = beginnings(session, small.project_id, np.array(small.document_ids[:3]))
    assert texts == ["text 0", "", "text 2"]


def test_the_revision_changes_with_every_word(store: Store, small: Small) -> None:
    with store.read() as session:
        before = facts_revision(session, small.project_id)
    say(store, small, 0, SubmissionKind.PARTIAL)
    with store.read() as session:
        assert facts_revision(session, small.project_id) > before


def test_a_map_with_a_file_missing_says_draw_it_again(
    store: Store, settings: Settings, small: Small
) -> None:
    give_map(store, settings, small.project_id)
    with store.read() as session:
        found = map_in_force(session, settings, small.project_id)
        assert found is not None
        assert found.document_ids.tolist() == list(small.document_ids)
    path = next(settings.embeddings_dir.rglob("points.npy"))
    path.write_bytes(path.read_bytes()[:100])
    with store.read() as session, pytest.raises(CorruptArtefact, match="draw it again"):
        map_in_force(session, settings, small.project_id)
    next(settings.embeddings_dir.rglob("about.json")).unlink()
    with store.read() as session:
        assert map_in_force(session, settings, small.project_id) is None


def test_a_round_with_another_encoder_makes_the_map_one_of_before(
    store: Store, settings: Settings, small: Small
) -> None:
    give_map(store, settings, small.project_id, encoder="first")
    for number, (encoder, is_other) in enumerate((("first", False), ("second", True)), start=1):
        begin_round(store, small, number)
        with store.write() as session:
            round_ = session.get_one(Round, get_project(session, small.project_id).active_round_id)
            round_.checkpoint = f"{small.project_id}-small/{number}"
        folder = settings.checkpoints_dir / f"{small.project_id}-small/{number}"
        folder.mkdir(parents=True)
        (folder / "encoder.json").write_text(json.dumps({"fingerprint": encoder}))
        with store.read() as session:
            state = map_state(session, settings, small.project_id)
        assert state.is_of_another_encoder is is_other
        assert state.is_current is not is_other
