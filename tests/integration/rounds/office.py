"""A real SQLite file, a real worker process, and a small project to run rounds in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import insert, select

from core.domain import JudgementState, SubmissionKind, SubmissionSource
from core.services.jobs import JobInfo, job_info
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.projects import create_project, get_project
from core.settings import Settings
from core.store.migrate import migrate
from core.store.store import Store
from core.store.tables import Document, Job
from tests.integration.rounds.texts import LABELS, TEXTS

PATIENCE_S = 180.0  # a stuck worker fails the test; none waits that long when all is well


@dataclass
class Office:
    """Settings and store of one data folder, and the worker that serves it."""

    settings: Settings
    store: Store
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    def start_worker(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "core", "worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ
            | {
                "MARGINALIA_DATA_DIR": str(self.settings.data_dir),
                "MARGINALIA_CHECKPOINTS_DIR": str(self.settings.checkpoints_dir),
                "OMP_NUM_THREADS": "1",
            },
        )
        self.workers.append(process)
        return process

    def kill_worker(self) -> None:
        process = self.workers[-1]
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def stop_workers(self) -> str:
        """Stop them all; gives what the last one printed."""
        printed = ""
        for process in self.workers:
            if process.poll() is None:
                process.terminate()
            if not process.stdin.closed:
                process.stdin.close()
            if not process.stdout.closed:
                printed = process.stdout.read()
                process.stdout.close()
            process.wait(timeout=30)
        self.workers.clear()
        return printed

    def job(self, job_id: int) -> JobInfo:
        with self.store.read() as session:
            return job_info(session.get_one(Job, job_id))

    def job_of_round(self, round_id: int) -> JobInfo:
        with self.store.read() as session:
            return job_info(session.scalars(select(Job).where(Job.round_id == round_id)).one())

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain for: {what}"
            time.sleep(0.02)

    def wait_until_finished(self, job_id: int) -> JobInfo:
        self.wait_for(lambda: not self.job(job_id).is_active, f"job {job_id} to finish")
        return self.job(job_id)

    def new_project(self, name: str, *, copies: int = 1, labels: dict[str, str] = LABELS) -> int:
        """The texts with labels, nothing judged; more copies make steps last."""
        with self.store.write() as session:
            project = create_project(session, name)
            add_labels(session, project.id, [NewLabel(n, d) for n, d in labels.items()])
            rows = [
                {
                    "project_id": project.id,
                    "external_id": f"{copy}-{at}",
                    "text": text if copy == 0 else f"{text} (case {copy})",
                    "content_hash": f"{copy}-{at}",
                }
                for copy in range(copies)
                for at, (text, _) in enumerate(TEXTS)
            ]
            session.execute(insert(Document), rows)
            return project.id

    def judge(
        self,
        project_id: int,
        at: range,
        truth: Callable[[int], set[str]] | None = None,
        *,
        copy: int = 0,
    ) -> None:
        """Judge the texts at these positions completely, truly unless told otherwise."""
        truth = truth or (lambda i: TEXTS[i][1])
        with self.store.write() as session:
            project = get_project(session, project_id)
            label_of = {label.name: label.id for label in active_labels(session, project_id)}
            documents = dict(
                session.execute(
                    select(Document.external_id, Document.id).where(
                        Document.project_id == project_id
                    )
                ).all()
            )
            submissions = [
                NewSubmission(
                    document_id=documents[f"{copy}-{i}"],
                    kind=SubmissionKind.COMPLETE,
                    client_id=f"test-{project_id}-{copy}",
                    sequence=i,
                    states={
                        label_of[name]: JudgementState.PRESENT
                        for name in truth(i)
                        if name in label_of
                    },
                )
                for i in at
            ]
            record_judgements(
                session,
                project,
                annotator_named(session, "tester"),
                submissions,
                source=SubmissionSource.API,
            )


def open_office(folder: Path) -> Office:
    settings = Settings(data_dir=folder / "data", checkpoints_dir=folder / "checkpoints")
    migrate(settings)
    return Office(settings=settings, store=Store.open(settings))
