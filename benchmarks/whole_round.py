"""Seconds of whole quick rounds, as a real worker runs them, over 100,000 documents.

    python -m benchmarks.whole_round [--documents 100000] [--labels 54] [--judged 1000]

A real database, a real worker process, cached embeddings (random unit vectors:
times do not depend on what they mean). Prints the seconds of every step, from
the workflow's own record, and from the click to the new queries.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from core.domain import JobStatus, JudgementState, SubmissionKind, SubmissionSource
from core.encoders.cache import EmbeddingCache
from core.encoders.encoder import load_encoder
from core.rounds.files import embeddings_folder
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import NewLabel, add_labels
from core.services.projects import create_project, get_project
from core.services.rounds import RoundRequest, list_rounds, request_round
from core.settings import Settings
from core.store.migrate import migrate
from core.store.store import Store
from core.store.tables import Document

ROOT = Path(__file__).resolve().parent.parent

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--labels", type=int, default=54)
    parser.add_argument("--judged", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder, "data"), checkpoints_dir=Path(folder, "rounds"))
        migrate(settings)
        store = Store.open(settings)
        project_id = fill(store, settings, given)
        environment = {
            **os.environ,
            "MARGINALIA_DATA_DIR": str(settings.data_dir),
            "MARGINALIA_CHECKPOINTS_DIR": str(settings.checkpoints_dir),
        }
        worker = subprocess.Popen(
            [sys.executable, "-m", "core", "worker"], cwd=ROOT, env=environment
        )
        try:
            for number in range(1, ROUNDS + 1):
                measure(store, settings, project_id, number)
        finally:
            worker.terminate()
            worker.wait()
            store.close()


def fill(store: Store, settings: Settings, given: argparse.Namespace) -> int:
    """Documents with their vectors in the cache, and judgements of the first ones."""
    rng = np.random.default_rng(0)
    encoder = load_encoder(settings.encoder)
    with store.write() as session:
        project = create_project(session, "benchmark")
        labels = add_labels(
            session, project.id, [NewLabel(f"label {i}") for i in range(given.labels)]
        )
        rows = (
            {
                "project_id": project.id,
                "external_id": str(i),
                "text": f"document number {i}",
                "content_hash": f"{i:064d}",
                "is_audited": False,
            }
            for i in range(given.documents)
        )
        session.execute(insert(Document), list(rows))
        ids = np.arange(1, given.documents + 1)
        x = rng.standard_normal((given.documents, encoder.width), dtype=np.float32)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        submissions = [
            NewSubmission(
                int(document_id),
                SubmissionKind.COMPLETE,
                "benchmark",
                int(document_id),
                {
                    labels[at].id: JudgementState.PRESENT
                    for at in np.flatnonzero(x[document_id - 1, : given.labels] > 0.09)
                },
            )
            for document_id in ids[: given.judged]
        ]
        record_judgements(
            session,
            get_project(session, project.id),
            annotator_named(session, "benchmark"),
            submissions,
            source=SubmissionSource.API,
        )
        project_id = project.id
    cache = EmbeddingCache(
        embeddings_folder(settings, project),
        fingerprint=encoder.fingerprint,
        width=encoder.width,
    )
    cache.append(ids, x)
    return project_id


def measure(store: Store, settings: Settings, project_id: int, number: int) -> None:
    from dbos import DBOSClient

    started = time.perf_counter()
    request_round(store, settings, project_id, RoundRequest(seed=number))
    while True:
        with store.read() as session:
            newest = list_rounds(session, project_id)[0]
        if newest.status not in (JobStatus.QUEUED, JobStatus.RUNNING):
            break
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    note = " (the first one also waits for the worker's imports)" if number == 1 else ""
    print(f"round {number}: {newest.status}, {seconds:.2f} s from click to queries{note}")
    client = DBOSClient(system_database_url=settings.resolved_jobs_database_url)
    newest_workflow = client.list_workflows(sort_desc=True, limit=1)[0]
    for step in client.list_workflow_steps(newest_workflow.workflow_id):
        begun, ended = step.get("started_at_epoch_ms"), step.get("completed_at_epoch_ms")
        if begun and ended:
            print(f"  {step['function_name']:<12}{(ended - begun) / 1000:6.2f} s")
    client.destroy()


if __name__ == "__main__":
    main()
