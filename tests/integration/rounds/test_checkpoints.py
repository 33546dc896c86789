"""A finished round's folder: whole, gone back to, exported, and safe from a full disk."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from core.domain import JobStatus, RoundStep
from core.errors import CorruptArtefact, NotFound
from core.manifest import MANIFEST, verify
from core.model_export.command import export_in_terminal
from core.rounds import files
from core.rounds.task import Workshop, load_task
from core.rounds.workflow import STEPS, begin, perform
from core.services.checkpoints import folder_of_round, prune_checkpoints
from core.services.jobs import ROUND
from core.services.model_exports import model_export_of, request_model_export
from core.services.operating_points import (
    reset_operating_point,
    set_operating_point,
    thresholds_in_force,
)
from core.services.predictions import POOL_IDS, POOL_PROBA, suggestions
from core.services.projects import change_settings
from core.services.rounds import RoundRequest, active_round, list_rounds, request_round, roll_back
from core.store.tables import Document, Job, Query, Round
from core.training.model import TextModel
from core.training.on_project import thresholds_set
from tests.integration.rounds.office import Office

HALF = 2e-3  # what half precision leaves of a probability


def run(office: Office, project_id: int, **options: object) -> int:
    info = request_round(
        office.store, office.settings, project_id, RoundRequest(query_size=4, **options)
    )
    job = office.wait_until_finished(office.job_of_round(info.id).id)
    assert job.status is JobStatus.DONE, job.error
    return info.id


def folder_of(office: Office, round_id: int) -> Path:
    with office.store.read() as session:
        return folder_of_round(office.settings, session.get_one(Round, round_id))


def in_force(office: Office, project_id: int) -> tuple[dict[int, dict[int, float]], float, list]:
    """What people see: probabilities, threshold, and the questions waiting."""
    with office.store.read() as session:
        ids = list(session.scalars(select(Document.id).where(Document.project_id == project_id)))
        active = active_round(session, project_id)
        asked = session.execute(
            select(Query.document_id, Query.rank).where(Query.round_id == active.id)
        ).all()
        return (
            suggestions(session, office.settings, project_id, ids),
            thresholds_in_force(session, project_id),
            sorted(map(tuple, asked)),
        )


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    project_id = served.new_project("Kept & whole")
    served.judge(project_id, range(24))
    return project_id


@pytest.fixture(scope="module")
def first(served: Office, project_id: int) -> int:
    return run(served, project_id, seed=3)


def test_a_finished_rounds_folder_holds_all_that_made_it(
    served: Office, project_id: int, first: int
) -> None:
    folder = folder_of(served, first)
    assert folder.name.endswith("_seed3_round1")
    assert folder.parent.name == f"{project_id}-kept-whole"
    manifest = verify(folder)
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {*manifest.files, MANIFEST}
    newest = max(folder.rglob("*"), key=lambda path: path.stat().st_mtime_ns)
    assert (folder / MANIFEST).stat().st_mtime_ns == newest.stat().st_mtime_ns
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {
        ".json",
        ".npy",
        ".npz",
        ".safetensors",
    }
    told = json.loads((folder / files.STATISTICS).read_text())
    assert told["settings"]["seed"] == 3
    assert told["settings"]["recipe"]["n_passes"] == 20
    assert told["settings"]["project"]["keep_weights"] == 5
    assert told["learners"]["learner"]["config"]["seed"] == 3
    assert told["device"].startswith(("cpu", "cuda"))
    assert told["packages"]["torch"]
    assert len(told["data_hash"]) == 64


def test_going_back_to_a_round_gives_what_it_gave(
    served: Office, project_id: int, first: int
) -> None:
    before = in_force(served, project_id)
    served.judge(project_id, range(24, 34))
    second = run(served, project_id, seed=4)
    assert in_force(served, project_id) != before
    with served.store.write() as session:
        roll_back(session, project_id, first, settings=served.settings)
    assert in_force(served, project_id) == before
    with served.store.write() as session:
        roll_back(session, project_id, second, settings=served.settings)
    assert in_force(served, project_id) != before


def test_an_exported_round_answers_as_the_app_and_runs_from_its_zip(
    served: Office, project_id: int, first: int, tmp_path: Path
) -> None:
    job = request_model_export(served.store, served.settings, project_id, first)
    done = served.wait_until_finished(job.id)
    assert done.status is JobStatus.DONE, done.error
    assert done.step == RoundStep.EXPORT
    path = model_export_of(served.store, served.settings, first)
    assert (done.detail["file"], done.detail["n_bytes"]) == (path.name, path.stat().st_size)
    assert request_model_export(served.store, served.settings, project_id, first).id == job.id
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    verify(folder)
    round_folder = folder_of(served, first)
    ids, proba = np.load(round_folder / POOL_IDS), np.load(round_folder / POOL_PROBA)
    with served.store.read() as session:
        texts = [session.get_one(Document, int(id_)).text for id_ in ids[:6]]
    ran = subprocess.run(
        [sys.executable, folder / "example.py", *texts], capture_output=True, text=True, check=True
    )
    found = [list(json.loads(line)["probabilities"].values()) for line in ran.stdout.splitlines()]
    np.testing.assert_allclose(np.array(found), proba[:6].astype(np.float32), atol=HALF)
    card = (folder / "README.md").read_text()
    assert "the judged documents were chosen by import or free choice (24)" in card
    left = {path.name for path in round_folder.parent.iterdir()}
    assert not [name for name in left if name.startswith("export-model")]


def test_an_export_follows_the_thresholds_that_people_set(
    served: Office, project_id: int, first: int, tmp_path: Path
) -> None:
    def exported() -> dict[str, float]:
        job = request_model_export(served.store, served.settings, project_id, first)
        done = served.wait_until_finished(job.id)
        assert done.status is JobStatus.DONE, done.error
        with zipfile.ZipFile(model_export_of(served.store, served.settings, first)) as archive:
            (name,) = [one for one in archive.namelist() if one.endswith("thresholds.json")]
            told: dict[str, float] = json.loads(archive.read(name))
        return told

    own = exported()
    with served.store.write() as session:
        label_ids = session.get_one(Round, first).label_ids
        set_operating_point(
            session,
            project_id,
            first,
            shared=0.25,
            own={label_ids[0]: 0.75},
            aim=None,
            annotator="ada",
        )
    assert model_export_of(served.store, served.settings, first) is None  # it is out of date
    assert list(exported().values()) == [0.75, 0.25, 0.25]
    out = tmp_path / "model"
    export_in_terminal(
        str(first), out, settings=served.settings, store=served.store, with_onnx=False, quiet=True
    )
    assert "people set this after the round" in (out / "README.md").read_text()
    with served.store.write() as session:
        roll_back(session, project_id, first)
    set_by_name = thresholds_set(served.settings, f"project:{project_id}")
    model = TextModel.load(folder_of(served, first), settings=served.settings)
    assert model.cut_at(set_by_name).thresholds.tolist() == [0.75, 0.25, 0.25]
    with served.store.write() as session:
        reset_operating_point(session, project_id, first, annotator="ada")
    assert thresholds_set(served.settings, f"project:{project_id}") is None
    assert exported() == own
    assert model.thresholds.tolist() == list(own.values())


def test_the_command_takes_a_rounds_id(served: Office, first: int, tmp_path: Path) -> None:
    out = tmp_path / "model"
    export_in_terminal(
        str(first), out, settings=served.settings, store=served.store, with_onnx=False, quiet=True
    )
    assert "_seed3_round1" in (out / "README.md").read_text()
    with pytest.raises(NotFound, match="There is no round 999"):
        export_in_terminal("999", out, settings=served.settings, store=served.store)


def test_a_pruned_round_keeps_its_figures_and_later_rounds_go_on(
    served: Office, project_id: int, first: int
) -> None:
    with served.store.write() as session:
        change_settings(session, project_id, keep_weights=1)
    third = run(served, project_id, seed=5)
    gone = folder_of(served, first) / files.LEARNER  # pruned when the round is in force already
    served.wait_for(lambda: not gone.exists(), "the pruning of the first round")
    served.wait_for(
        lambda: not (folder_of(served, first) / POOL_PROBA).exists(), "the rest of its pruning"
    )
    assert json.loads((folder_of(served, first) / files.EVALUATION).read_text())
    with served.store.read() as session:
        old = next(info for info in list_rounds(session, project_id) if info.id == first)
    assert old.pruned_because == "only the newest round keeps them"
    assert old.metrics["n_documents"] > 0
    served.wait_for(
        lambda: (
            prune_checkpoints(served.store, served.settings, project_id, dry_run=True).n_bytes == 0
        ),
        "the end of the pruning",
    )
    fourth = run(served, project_id, seed=6)
    assert verify(folder_of(served, fourth))
    gone = folder_of(served, third) / files.LEARNER
    served.wait_for(lambda: not gone.exists(), "the pruning of the third round")


@contextmanager
def a_disk_of(n_bytes: int) -> Iterator[None]:
    """Files may not grow beyond so much: what the system says then is that they are too large."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_fails_a_round_in_words_and_leaves_the_one_in_force(office: Office) -> None:
    project_id = office.new_project("full")
    office.judge(project_id, range(30))
    workshop = Workshop(settings=office.settings, store=office.store)
    round_ids, outcomes = [], []
    for units in (8, 4096):
        request = RoundRequest(
            seed=1, query_size=4, learner={"kind": "mlp", "layers": [units], "epochs": 1}
        )
        info = request_round(office.store, office.settings, project_id, request)
        round_ids.append(info.id)
        with office.store.read() as session:
            job = session.scalars(select(Job).where(Job.round_id == info.id)).one()
            workflow_id = job.workflow_id
        begin(workshop, workflow_id)
        for step in STEPS[ROUND]:
            if step is not RoundStep.TRAIN:
                outcome = perform(workshop, workflow_id, step)
            else:  # the wide network takes ten megabytes
                with a_disk_of(4_000_000):
                    outcome = perform(workshop, workflow_id, step)
            if "done" not in outcome:
                break
        outcomes.append(outcome)
        folder = load_task(workshop, workflow_id).folder
    assert "done" in outcomes[0], outcomes[0]
    assert outcomes[1]["failed"].startswith("There is no room on the disk for '")
    assert "what was in force is untouched" in outcomes[1]["failed"]
    assert not (folder / files.LEARNER).exists()
    assert not (folder / MANIFEST).exists()
    with office.store.read() as session:
        assert active_round(session, project_id).id == round_ids[0]
    verify(folder_of(office, round_ids[0]))


def test_a_tuned_encoder_that_was_altered_is_not_gone_on_with(
    served: Office, project_id: int, first: int
) -> None:
    """As a deep round's would be: the encoder lies in an earlier round's folder."""
    from core.rounds.task import EncoderUse

    with served.store.read() as session:
        active = active_round(session, project_id)
        checkpoint = session.get_one(Round, active.id).checkpoint
    folder = served.settings.checkpoints_dir / checkpoint
    tuned = folder / files.TUNED_ENCODER
    tuned.mkdir(parents=True)
    (tuned / "config.json").write_text("{}")
    manifest = json.loads((folder / MANIFEST).read_text())
    name = f"{files.TUNED_ENCODER}/config.json"
    sha256 = hashlib.sha256(b"{}").hexdigest()
    manifest["files"][name] = {"size": 2, "sha256": sha256}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    use = EncoderUse("bundled", "f" * 64, 384, tuned_in=checkpoint)
    assert use.load_name(served.settings) == str(tuned)
    (tuned / "config.json").write_text("[]")
    with pytest.raises(CorruptArtefact, match=r"tuned/encoder/config.json' is not what was"):
        use.load_name(served.settings)
