"""Rounds' folders: their names, which keep their weights, and going back to one."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from core.domain import JobStatus, RoundKind
from core.errors import Conflict, CorruptArtefact, InputError, NotFound
from core.manifest import read_manifest, seal, verify
from core.rounds import files
from core.services import checkpoints
from core.services.checkpoints import (
    checkpoint_name,
    folder_of_round,
    list_checkpoints,
    pin_round,
    project_folder_name,
    project_folders,
    prune_checkpoints,
)
from core.services.model_exports import (
    export_path,
    latest_model_export,
    model_export_of,
    request_model_export,
)
from core.services.predictions import POOL_PROBA
from core.services.projects import change_settings, get_project
from core.services.rounds import list_rounds, roll_back
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Round
from tests.integration.services.conftest import Small

KEPT_FOR_EVER = (
    files.STATISTICS,
    files.EVALUATION,
    files.THRESHOLD,
    files.CALIBRATION,
    files.HISTORY,
    files.SNAPSHOT,
    files.TRAINED_ON,
    files.QUERIES,
)


def add_round(
    store: Store,
    settings: Settings,
    small: Small,
    number: int,
    *,
    status: JobStatus = JobStatus.DONE,
    tuned_in: int | None = None,
) -> int:
    """A round with every file a real one has; `tuned_in` names the round whose encoder it reads."""
    with store.write() as session:
        project = get_project(session, small.project_id)
        name = checkpoint_name(session, project, strategy="bait", seed=7, number=number)
        round_ = Round(
            project_id=project.id,
            number=number,
            kind=RoundKind.DEEP if tuned_in == number else RoundKind.QUICK,
            status=status,
            strategy="bait",
            seed=7,
            checkpoint=name,
            metrics={"micro_f1": number / 10},
        )
        session.add(round_)
        session.flush()
        if status is JobStatus.DONE:
            project.active_round_id = round_.id
        folder, id_ = folder_of_round(settings, round_), round_.id
    made_by = None if tuned_in is None else f"{Path(name).parent}/bait_seed7_round{tuned_in}"
    files.write_json(
        folder / files.ENCODER, {"tuned_in": made_by, "fingerprint": f"{tuned_in}" * 20}
    )
    for kept in KEPT_FOR_EVER:
        (folder / kept).write_text("kept")
    for part in (files.LEARNER, *((files.TUNED_ENCODER,) if tuned_in == number else ())):
        (folder / part).mkdir(parents=True)
        (folder / part / "model.safetensors").write_bytes(b"w" * 1000)
    for array in (POOL_PROBA, files.POOL_SCORE, files.POOL_CONTRIBUTIONS, files.POOL_GAINS):
        (folder / array).write_bytes(b"a" * 100)
    seal(folder)
    return id_


def keep(store: Store, small: Small, n: int) -> None:
    with store.write() as session:
        change_settings(session, small.project_id, keep_weights=n)


def folder_of(store: Store, settings: Settings, round_id: int) -> Path:
    with store.read() as session:
        return folder_of_round(settings, session.get_one(Round, round_id))


def test_a_folder_says_project_strategy_seed_and_round(store: Store, small: Small) -> None:
    with store.write() as session:
        project = get_project(session, small.project_id)
        project.name = "Ärger & Lob: 2026/27 (Süd)!"
        name = checkpoint_name(session, project, strategy="small-text:bald", seed=3, number=12)
    assert name == f"{small.project_id}-arger-lob-2026-27-sud/small-text-bald_seed3_round12"


def test_a_name_without_one_letter_of_ours_still_makes_a_folder(store: Store, small: Small) -> None:
    with store.write() as session:
        project = get_project(session, small.project_id)
        project.name = "退款 / ../.."
        assert project_folder_name(session, project) == f"{small.project_id}-project"


def test_renaming_a_project_moves_nothing(store: Store, settings: Settings, small: Small) -> None:
    first = add_round(store, settings, small, 1)
    with store.write() as session:
        get_project(session, small.project_id).name = "another name"
    second = add_round(store, settings, small, 2)
    folders = [folder_of(store, settings, id_) for id_ in (first, second)]
    assert folders[0].parent == folders[1].parent == settings.checkpoints_dir / "1-small"
    assert folders[0].parent in project_folders(settings, small.project_id)


def test_folders_of_another_project_are_not_mine(settings: Settings) -> None:
    for name in ("1", "1-small", "12-other", "2-1-x"):
        (settings.checkpoints_dir / name).mkdir(parents=True)
    assert {path.name for path in project_folders(settings, 1)} == {"1", "1-small"}


def test_only_the_newest_rounds_keep_their_weights(
    store: Store, settings: Settings, small: Small
) -> None:
    ids = [add_round(store, settings, small, number) for number in range(1, 6)]
    keep(store, small, 2)

    planned = prune_checkpoints(store, settings, small.project_id, dry_run=True)
    for id_ in ids:
        verify(folder_of(store, settings, id_), files.LEARNER)  # nothing happened yet
    report = prune_checkpoints(store, settings, small.project_id)

    assert report == planned
    assert {removed.round_number for removed in report.removed} == {1, 2, 3}
    assert report.n_bytes == 3 * (1000 + 4 * 100)
    assert report.kept == {5: "it is in force", 4: "it is one of the newest 2"}
    for id_ in ids[:3]:
        folder = folder_of(store, settings, id_)
        assert not (folder / files.LEARNER).exists()
        assert not (folder / POOL_PROBA).exists()
        assert all((folder / kept).read_text() == "kept" for kept in KEPT_FOR_EVER)
        verify(folder)  # what is left is as it was written
    for id_ in ids[3:]:
        assert read_manifest(folder_of(store, settings, id_)).removed == {}
        verify(folder_of(store, settings, id_), files.LEARNER)
    assert prune_checkpoints(store, settings, small.project_id).removed == ()


def test_what_is_in_force_pinned_or_under_way_is_kept(
    store: Store, settings: Settings, small: Small
) -> None:
    ids = [add_round(store, settings, small, number) for number in range(1, 5)]
    add_round(store, settings, small, 5, status=JobStatus.RUNNING)
    keep(store, small, 1)
    with store.write() as session:
        roll_back(session, small.project_id, ids[0], settings=settings)
        pin_round(session, small.project_id, ids[1])
    report = prune_checkpoints(store, settings, small.project_id)
    assert report.kept == {
        1: "it is in force",
        2: "it is pinned",
        4: "it is the newest",
        5: "it is under way",
    }
    assert {removed.round_number for removed in report.removed} == {3}
    with store.write() as session:
        pin_round(session, small.project_id, ids[1], is_pinned=False)
    assert {
        r.round_number for r in prune_checkpoints(store, settings, small.project_id).removed
    } == {2}


def test_a_tuned_encoder_stays_while_a_kept_round_reads_it(
    store: Store, settings: Settings, small: Small
) -> None:
    deep = add_round(store, settings, small, 1, tuned_in=1)
    add_round(store, settings, small, 2, tuned_in=1)
    keep(store, small, 1)
    folder = folder_of(store, settings, deep)

    prune_checkpoints(store, settings, small.project_id)
    assert not (folder / files.LEARNER).exists()
    verify(folder, files.TUNED)

    add_round(store, settings, small, 3)
    report = prune_checkpoints(store, settings, small.project_id)
    assert "its tuned encoder" in {removed.what for removed in report.removed}
    assert not (folder / files.TUNED).exists()
    with pytest.raises(CorruptArtefact, match=r"was removed on .*only the newest round keeps"):
        verify(folder, files.TUNED)


def test_vectors_of_a_pruned_encoder_go_with_it(
    store: Store, settings: Settings, small: Small
) -> None:
    add_round(store, settings, small, 1, tuned_in=1)
    with store.read() as session:
        project = get_project(session, small.project_id)
        vectors = files.embeddings_folder(settings, project)
    for fingerprint in ("1" * 16, "a" * 16):
        (vectors / fingerprint).mkdir(parents=True)
        (vectors / fingerprint / "vectors.f16").write_bytes(b"v" * 50)
    add_round(store, settings, small, 2)
    keep(store, small, 1)
    report = prune_checkpoints(store, settings, small.project_id)
    assert ("vectors of its tuned encoder", 50) in {(r.what, r.n_bytes) for r in report.removed}
    assert [path.name for path in vectors.iterdir()] == ["a" * 16]


def test_vectors_stay_while_a_kept_round_made_the_same_encoder_again(
    store: Store, settings: Settings, small: Small
) -> None:
    first = add_round(store, settings, small, 1, tuned_in=1)
    again = add_round(store, settings, small, 2, tuned_in=2)
    keep(store, small, 1)
    use = files.read_json(folder_of(store, settings, again) / files.ENCODER)
    files.write_json(
        folder_of(store, settings, first) / files.ENCODER,
        files.read_json(folder_of(store, settings, first) / files.ENCODER)
        | {"fingerprint": use["fingerprint"]},
    )
    with store.read() as session:
        project = get_project(session, small.project_id)
    vectors = files.embeddings_folder(settings, project) / use["fingerprint"][:16]
    vectors.mkdir(parents=True)
    prune_checkpoints(store, settings, small.project_id)
    assert vectors.is_dir()
    assert not (folder_of(store, settings, first) / files.TUNED).exists()


def test_the_encoder_that_a_round_under_way_began_with_stays(
    store: Store, settings: Settings, small: Small
) -> None:
    deep = add_round(store, settings, small, 1, tuned_in=1)
    add_round(store, settings, small, 2)  # in force now
    beginner = add_round(store, settings, small, 3, status=JobStatus.RUNNING)
    keep(store, small, 1)
    use = files.read_json(folder_of(store, settings, deep) / files.ENCODER)
    files.write_json(folder_of(store, settings, beginner) / checkpoints.BEGUN_WITH, use)
    prune_checkpoints(store, settings, small.project_id)
    verify(folder_of(store, settings, deep), files.TUNED)


def test_a_round_gone_back_to_meanwhile_is_not_pruned(
    store: Store, settings: Settings, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = add_round(store, settings, small, 1)
    add_round(store, settings, small, 2)
    keep(store, small, 1)
    began = threading.Event()

    def go_back() -> None:
        began.set()
        with contextlib.suppress(Conflict), store.write() as session:  # refused: pruned by then
            roll_back(session, small.project_id, earlier, settings=settings)

    visitor = threading.Thread(target=go_back)
    sized = checkpoints.folder_size

    def size_while_somebody_comes(path: Path) -> int:
        if not began.is_set():
            visitor.start()
            visitor.join(0.5)  # it waits for us; without a lock it is done by now
        return sized(path)

    monkeypatch.setattr(checkpoints, "folder_size", size_while_somebody_comes)
    prune_checkpoints(store, settings, small.project_id)
    visitor.join()
    with store.read() as session:
        in_force = get_project(session, small.project_id).active_round_id
        assert in_force is not None
        verify(folder_of(store, settings, in_force), files.LEARNER)


def test_a_pruned_round_shows_its_figures_and_cannot_be_gone_back_to(
    store: Store, settings: Settings, small: Small
) -> None:
    first = add_round(store, settings, small, 1)
    second = add_round(store, settings, small, 2)
    keep(store, small, 1)
    prune_checkpoints(store, settings, small.project_id)
    with store.read() as session:
        old = list_rounds(session, small.project_id)[-1]
    assert old.metrics == {"micro_f1": 0.1}
    assert old.pruned_because == "only the newest round keeps them"
    (gone, here) = sorted(
        list_checkpoints(store, settings, small.project_id), key=lambda one: one.number
    )
    assert (gone.pruned_because, gone.kept_because) == (old.pruned_because, "")
    assert (here.pruned_because, here.is_active) == (None, True)
    assert gone.n_bytes < here.n_bytes
    sentence = "Round 1's weights were pruned on .* run it again with strategy 'bait' and seed 7"
    with store.write() as session:
        with pytest.raises(Conflict, match=sentence):
            roll_back(session, small.project_id, first)
        with pytest.raises(Conflict, match=sentence):
            pin_round(session, small.project_id, first)
        assert get_project(session, small.project_id).active_round_id == second
    with pytest.raises(Conflict, match=sentence):
        request_model_export(store, settings, small.project_id, first)


def test_a_round_that_is_not_whole_cannot_be_gone_back_to(
    store: Store, settings: Settings, small: Small
) -> None:
    first = add_round(store, settings, small, 1)
    add_round(store, settings, small, 2)
    weights = folder_of(store, settings, first) / files.LEARNER / "model.safetensors"
    weights.write_bytes(b"w" * 999)
    with (
        store.write() as session,
        pytest.raises(CorruptArtefact, match="has 999 bytes, not the 1,000"),
    ):
        roll_back(session, small.project_id, first, settings=settings)


def test_rounds_of_older_versions_go_on_working(
    store: Store, settings: Settings, small: Small
) -> None:
    id_ = add_round(store, settings, small, 1)
    old = settings.checkpoints_dir / f"{small.project_id}/round-1"
    old.parent.mkdir()
    folder_of(store, settings, id_).rename(old)
    (old / "checkpoint.json").unlink()
    with store.write() as session:
        session.get_one(Round, id_).checkpoint = f"{small.project_id}/round-1"
    add_round(store, settings, small, 2)
    with store.write() as session:
        assert roll_back(session, small.project_id, id_, settings=settings).is_active
        roll_back(session, small.project_id, id_ + 1)
    keep(store, small, 1)
    assert prune_checkpoints(store, settings, small.project_id).n_bytes == 1400
    assert not (old / files.LEARNER).exists()
    assert (old / files.EVALUATION).read_text() == "kept"


def test_how_many_rounds_keep_their_weights_is_checked(store: Store, small: Small) -> None:
    with pytest.raises(InputError, match="keep_weights is 0; give a number from 1 to"):
        keep(store, small, 0)
    with store.write() as session, pytest.raises(NotFound, match="Round 99 is not one of"):
        pin_round(session, small.project_id, 99)


def test_a_model_is_asked_for_once_and_found_where_it_was_written(
    store: Store, settings: Settings, small: Small
) -> None:
    id_ = add_round(store, settings, small, 1)
    job = request_model_export(store, settings, small.project_id, id_)
    assert request_model_export(store, settings, small.project_id, id_).id == job.id
    assert (job.kind, job.round_id, job.request) == ("export-model", None, {"round_id": id_})
    assert model_export_of(store, settings, id_) is None
    with store.read() as session:
        assert latest_model_export(session, id_).id == job.id
        path = export_path(session, settings, session.get_one(Round, id_))
    assert path == settings.checkpoints_dir / "1-small" / "exports" / "small_round1.zip"
    path.parent.mkdir()
    path.write_bytes(b"PK")
    assert model_export_of(store, settings, id_) == path


def test_a_round_that_is_not_done_has_no_model(
    store: Store, settings: Settings, small: Small
) -> None:
    id_ = add_round(store, settings, small, 1, status=JobStatus.FAILED)
    with pytest.raises(Conflict, match="Round 1 is failed, so it has no model"):
        request_model_export(store, settings, small.project_id, id_)
    with pytest.raises(NotFound, match="Round 99 is not in this project"):
        request_model_export(store, settings, small.project_id, 99)
