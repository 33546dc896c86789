"""What page tests work with: pages on a real database, and quick ways to fill it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from core.domain import EvaluationSource, JobStatus, RoundKind, SubmissionKind, SubmissionSource
from core.evaluation.report import evaluate
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.labels import NewLabel, active_labels, add_labels
from core.services.projects import create_project, get_project
from core.settings import ROOT, Settings
from core.store.store import Store
from core.store.tables import Document, Round, now
from pages.widgets.context import PAGE_FILES

SHELL = str(ROOT / "pages" / "shell.py")


@dataclass(frozen=True)
class Rooms:
    """The app's pages over one test's database."""

    settings: Settings
    store: Store

    def open(self, page: str = "projects", *, project: int | str | None = None) -> AppTest:
        """Go to a page by its address. The runner knows pages only after a first run."""
        test = AppTest.from_file(SHELL, default_timeout=60)
        if project is not None:
            test.query_params["project"] = str(project)
        test.run()
        return test if page == "projects" else test.switch_page(PAGE_FILES[page]).run()

    def project(self, *labels: str, n_documents: int = 0, name: str = "Letters") -> int:
        """A project with these labels and so many documents."""
        with self.store.write() as session:
            project_id = create_project(session, name).id
            add_labels(session, project_id, [NewLabel(label) for label in labels])
            session.add_all(
                Document(
                    project_id=project_id,
                    external_id=f"d{i}",
                    text=f"Letter number {i}",
                    content_hash=f"{i:064d}",
                )
                for i in range(n_documents)
            )
        return project_id

    def judge(self, project_id: int, *present: tuple[str, ...], annotator: str = "ann") -> None:
        """Judge the first documents completely, each with these labels present."""
        with self.store.write() as session:
            ids = {label.name: label.id for label in active_labels(session, project_id)}
            documents = session.query(Document.id).filter_by(project_id=project_id)
            record_judgements(
                session,
                get_project(session, project_id),
                annotator_named(session, annotator),
                [
                    NewSubmission(
                        document_id=document_id,
                        kind=SubmissionKind.COMPLETE,
                        client_id=f"test-{project_id}-{annotator}",
                        sequence=i,
                        states={ids[name]: "present" for name in names},
                    )
                    for i, ((document_id,), names) in enumerate(
                        zip(documents.order_by(Document.id), present, strict=False)
                    )
                ],
                source=SubmissionSource.API,
            )

    def finished_round(
        self,
        project_id: int,
        *,
        micro_f1: float,
        number: int = 1,
        config: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
    ) -> int:
        """A done round in force, with an evaluation of three documents and two labels."""
        truth = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.int8)
        proba = np.array([[0.9, 0.2], [0.4, 0.7], [0.8, 0.3]], dtype=np.float32)
        evaluation = evaluate(
            proba,
            truth,
            names=("billing", "refund"),
            source=EvaluationSource.AUDIT,
            threshold=0.5,
            seed=1,
        )
        with self.store.write() as session:
            round_ = Round(
                project_id=project_id,
                number=number,
                kind=RoundKind.QUICK,
                status=JobStatus.DONE,
                strategy="bald",
                seed=7,
                n_judged=10 * number,
                threshold=0.5,
                evaluation=evaluation.to_json(),
                history=[{"epoch": i, "loss": 1 / i} for i in range(1, 6)],
                metrics={
                    "source": "audit",
                    "n_documents": 3,
                    "micro_f1": micro_f1,
                    "micro_f1_low": micro_f1 - 0.1,
                    "micro_f1_high": micro_f1 + 0.1,
                    "macro_f1": None,
                    "note": "Measured on 3 audit documents, never trained on.",
                    **(metrics or {}),
                },
                config=config or {},
                checkpoint=f"{project_id}-letters/bald_seed7_round{number}",
                finished_at=now(),
            )
            session.add(round_)
            session.flush()
            get_project(session, project_id).active_round_id = round_.id
            return round_.id
