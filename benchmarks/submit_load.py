"""Eight annotators post to a running server: time from submitting to committed, and what is kept.

    python -m benchmarks.submit_load [--documents 100000] [--annotators 8] [--seconds 20]

Each annotator is a process of its own that leases documents and hands judgements in, `--batch`
at a time, as fast as it is answered (`--rate` sets a pace). Afterwards the database is read:
every acknowledged judgement must be there once, as sent, and no document may have been served
to two.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from core.api.tokens import issue_token
from core.domain import QueryKind
from core.services.labels import NewLabel, add_labels
from core.services.projects import create_project
from core.store.store import Store
from core.store.tables import Document, Judgement, Query, Submission
from tests.e2e.serving import make_server

N_LABELS = 54
TEXT = "A message of ordinary length for a help desk, with a few sentences in it. " * 5


@dataclass(frozen=True)
class Task:
    """What one annotator does."""

    url: str
    project_id: int
    token: str
    name: str
    label_ids: tuple[int, ...]
    seconds: float
    batch: int
    rate: float


def seed(store: Store, n_documents: int) -> tuple[int, tuple[int, ...]]:
    """A project with a ranked queue, a tenth of a thousandth of it audited."""
    with store.write() as session:
        project = create_project(session, "load")
        labels = add_labels(session, project.id, [NewLabel(f"label {i}") for i in range(N_LABELS)])
        label_ids = tuple(label.id for label in labels)
        for start in range(0, n_documents, 5000):
            rows = [
                {
                    "project_id": project.id,
                    "external_id": str(i),
                    "text": f"{i} {TEXT}",
                    "content_hash": f"{i:064d}",
                    "is_audited": i % 997 == 0,
                }
                for i in range(start, min(start + 5000, n_documents))
            ]
            ids = session.scalars(insert(Document).returning(Document.id), rows).all()
            if start == 0:
                queries = [
                    {
                        "project_id": project.id,
                        "document_id": id_,
                        "kind": QueryKind.COLD_START,
                        "strategy": "label_similarity",
                        "rank": rank,
                    }
                    for rank, id_ in enumerate(ids[1:1001])
                ]
                session.execute(insert(Query), queries)
        return project.id, label_ids


class Client:
    """One kept-alive connection."""

    def __init__(self, task: Task) -> None:
        self._connection = HTTPConnection(urllib.parse.urlsplit(task.url).netloc)
        self._headers = {
            "Authorization": f"Bearer {task.token}",
            "Content-Type": "application/json",
        }
        self._base = f"/api/v1/projects/{task.project_id}"

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer, or an error that ends the benchmark."""
        self._connection.request("POST", self._base + path, json.dumps(body), self._headers)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise RuntimeError(answer)
        return answer


def states_of(document_id: int, label_ids: tuple[int, ...]) -> dict[int, str]:
    """Three labels that follow from the document, so that what is stored can be checked."""
    return {label_ids[(document_id * k) % N_LABELS]: "present" for k in (1, 7, 11)}


def annotate(task: Task) -> dict[str, Any]:
    """Judge for so many seconds; returns what was served, acknowledged and how long it took."""
    client = Client(task)
    hand: list[dict[str, Any]] = []
    latencies, leases, served, acknowledged = [], [], [], []
    sequence = 0
    until = time.perf_counter() + task.seconds
    while time.perf_counter() < until:
        if len(hand) < 10:
            asked = {
                "client_id": task.name,
                "n": 25,
                "have": [doc["document_id"] for doc in hand],
            }
            began = time.perf_counter()
            lease = client.post("/queries", asked)
            leases.append(time.perf_counter() - began)
            fresh = lease["documents"]
            served += [doc["document_id"] for doc in fresh]
            hand += fresh
            if not hand:
                break
        batch, hand = hand[: task.batch], hand[task.batch :]
        submissions = []
        for doc in batch:
            sequence += 1
            submissions.append(
                {
                    "client_id": task.name,
                    "sequence": sequence,
                    "document_id": doc["document_id"],
                    "kind": "complete",
                    "states": states_of(doc["document_id"], task.label_ids),
                    "query_id": doc["query_id"],
                    "schema_version": lease["schema_version"],
                    "seconds": 1.0,
                }
            )
        began = time.perf_counter()
        answer = client.post("/judgements", {"submissions": submissions})
        took = time.perf_counter() - began
        latencies.append(took)
        acknowledged += [doc["document_id"] for doc in batch]
        assert len(answer["acknowledged"]) == len(batch)
        if task.rate:
            time.sleep(max(0.0, task.batch / task.rate - took))
    return {
        "latencies": latencies,
        "leases": leases,
        "served": served,
        "acknowledged": acknowledged,
    }


def verify(
    store: Store, results: list[dict[str, Any]], label_ids: tuple[int, ...]
) -> dict[str, int]:
    """What was lost, doubled, stored wrong, or served to two people."""
    acknowledged = Counter(id_ for result in results for id_ in result["acknowledged"])
    served = Counter(id_ for result in results for id_ in result["served"])
    stored: Counter[int] = Counter()
    cells: dict[int, set[int]] = {}
    with store.read() as session:
        for id_, document_id in session.execute(select(Submission.id, Submission.document_id)):
            stored[document_id] += 1
            cells[id_] = set()
        document_of = dict(session.execute(select(Submission.id, Submission.document_id)).all())
        for id_, label_id in session.execute(select(Judgement.submission_id, Judgement.label_id)):
            cells[id_].add(label_id)
    return {
        "lost": sum((acknowledged - stored).values()),
        "doubled": sum(n - 1 for n in stored.values()),
        "not acknowledged": sum((stored - acknowledged).values()),
        "wrong": sum(
            found != set(states_of(document_of[id_], label_ids)) for id_, found in cells.items()
        ),
        "served to two": sum(n > 1 for n in served.values()),
    }


def cpu_seconds(pid: int) -> float:
    """What a process has used so far; 0 where the system does not tell in this way."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def quantiles(seconds: list[float]) -> str:
    """p50, p95 and p99 in milliseconds."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms (n={len(seconds)})"


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--annotators", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0, help="documents/s of each; 0: no pause")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = make_server(Path(folder))
        project_id, label_ids = seed(server.store, options.documents)
        server.start()
        try:
            tasks = [
                Task(
                    url=server.url,
                    project_id=project_id,
                    token=issue_token(
                        server.settings, annotator=f"annotator {i}", project_id=project_id
                    ),
                    name=f"client {i}",
                    label_ids=label_ids,
                    seconds=options.seconds,
                    batch=options.batch,
                    rate=options.rate,
                )
                for i in range(options.annotators)
            ]
            pid = server.process.pid if server.process else 0
            cpu = cpu_seconds(pid)
            began = time.perf_counter()
            with get_context("spawn").Pool(options.annotators) as pool:
                results = pool.map(annotate, tasks, chunksize=1)
            wall = time.perf_counter() - began
            cpu = cpu_seconds(pid) - cpu
        finally:
            server.stop()
        found = verify(server.store, results, label_ids)
        server.store.close()
    n = sum(len(result["acknowledged"]) for result in results)
    pace = f"{options.rate:g}/s each" if options.rate else "no pause"
    print(
        f"{options.annotators} annotators, {options.documents:,} documents, {N_LABELS} labels, "
        f"{options.batch} per post, {pace}"
    )
    print(f"  submit to committed: {quantiles([t for r in results for t in r['latencies']])}")
    print(f"  lease of 15 to 25:   {quantiles([t for r in results for t in r['leases']])}")
    print(f"  {n / options.seconds:.0f} documents/s ({n:,} in {options.seconds:g} s of {wall:.0f})")
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"  server: {1000 * cpu / max(n, 1):.1f} ms of CPU per document{load}")
    print("  " + ", ".join(f"{name}: {count}" for name, count in found.items()))


if __name__ == "__main__":
    main()
