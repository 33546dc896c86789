"""A replay as a job: freeze the data, encode, play what is not played yet, write the record.

It has a queue of its own, so that no round ever waits behind it, and it holds
still while anything else is to be done here: between two looks nothing is
lost, since every round that is played is kept. Its threads stand back behind
all others where the system lets them.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from threadpoolctl import threadpool_info, threadpool_limits

from core.domain import Embeddings, JobStatus, RoundStep
from core.encoders.encoder import Encoder, load_encoder
from core.errors import Cancelled
from core.replay.command import describe, label_vectors, words_for
from core.replay.compare import compare
from core.replay.data import ReplayData, VectorsOfDocuments, load_dataset, vectors_of
from core.replay.folder import ReplayFolder
from core.replay.options import check_learners
from core.replay.report import write_results
from core.replay.results import Run
from core.replay.run import Progress as Played
from core.replay.run import full_data_scores, run_plan
from core.rounds import files
from core.rounds.patience import is_locked
from core.rounds.progress import Progress
from core.rounds.task import Task, Workshop
from core.services.jobs import ACTIVE, REPLAY, finish_job, job_of_workflow
from core.store.tables import Job
from core.strategies.plan import ReplayPlan

FROZEN, FROZEN_TEXTS = "frozen.npz", "frozen.json"  # copies of texts: removed at the end
PACE = "pace.json"
LOOK_S = 0.5  # between two looks whether something else is to be done
NICENESS = 10

T = TypeVar("T")


def freeze_data(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Write down what is played on: a replay of hours must not change with new judgements."""
    plan = _plan_of(task)
    check_learners(plan)
    if not (task.folder / FROZEN_TEXTS).exists():  # it does where a stopped replay goes on
        data = load_dataset(plan.data, workshop.settings, workshop.store)
        _freeze(task.folder, data)
    data = _thaw(task.folder)
    return {"n_pool": len(data.texts), "n_test": len(data.test_texts), "told": describe(data)}


def encode_data(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """See that every text has its vector."""
    data = _thaw(task.folder)
    n_total = len(data.texts) + len(data.test_texts)
    turn = Turn(workshop, progress)

    def on_progress(n_done: int) -> None:
        turn.tell(n_done / n_total, n_done=n_done, n_total=n_total)

    encoder = load_encoder(_plan_of(task).encoder)
    _vectors(workshop, data, encoder, should_stop=turn.should_stop, on_progress=on_progress)
    return {"encoder": encoder.fingerprint, "n_texts": n_total}


def play(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Play every arm with every seed; what an earlier attempt has played is not played again."""
    plan, data = _plan_of(task), _thaw(task.folder)
    turn = Turn(workshop, progress)
    encoder = load_encoder(plan.encoder)
    x, test_x = _vectors(workshop, data, encoder, should_stop=turn.should_stop)
    words = words_for(plan, data, workshop.settings, turn.should_stop)
    label_x = label_vectors(plan, data, encoder)
    about_encoder = {"name": plan.encoder, "fingerprint": encoder.fingerprint}
    files.write_json(task.folder / files.ENCODER, about_encoder)
    del encoder  # a deep learner wants the room
    pace = Pace(turn)
    try:
        _standing_back(
            lambda: run_plan(
                plan,
                data,
                x,
                test_x,
                folder=task.folder,
                label_x=label_x,
                words=words,
                should_stop=turn.should_stop,
                on_progress=pace.tell,
            )
        )
    except Cancelled:
        _remove_if_deleted(workshop, task)
        raise
    if pace.n_new:  # else everything was played before a kill, which kept its own pace
        files.write_json(task.folder / PACE, {"seconds_per_round": pace.seconds_per_round})
    return {"n_played": pace.n_new}


def publish_replay(workshop: Workshop, task: Task, progress: Progress) -> dict[str, Any]:
    """Compare the arms, write the record, and say that it is done."""
    plan = _plan_of(task)
    if (task.folder / FROZEN_TEXTS).exists():  # else killed between the end and saying so
        kept = ReplayFolder(task.folder)
        runs = [
            Run(arm, seed, tuple(kept.rounds_of(arm, seed)))
            for seed in plan.seeds
            for arm in plan.arms
        ]
        full = full_data_scores(task.folder, plan.seeds)
        write_results(
            task.folder,
            plan,
            _thaw(task.folder),
            encoder=files.read_json(task.folder / files.ENCODER),
            runs=runs,
            full=full,
            statistics=compare(plan, runs, full),
        )
    pace = task.folder / PACE
    detail = files.read_json(pace) if pace.exists() else {}
    with workshop.store.write() as session:
        job = job_of_workflow(session, task.workflow_id)
        if job is None:
            raise Cancelled("The comparison has been deleted.")
        if job.status is not JobStatus.DONE:
            job.step, job.fraction, job.detail = RoundStep.PUBLISH, 1.0, detail
            finish_job(session, job, JobStatus.DONE)
    for name in (FROZEN_TEXTS, FROZEN):  # first what says that both are there
        (task.folder / name).unlink(missing_ok=True)
    return dict(detail)


STEPS: dict[RoundStep, Callable[[Workshop, Task, Progress], dict[str, Any]]] = {
    RoundStep.SNAPSHOT: freeze_data,
    RoundStep.ENCODE: encode_data,
    RoundStep.TRAIN: play,
    RoundStep.PUBLISH: publish_replay,
}


class Turn:
    """Whose turn it is: rounds, preparations and searches of any project go before a replay.

    Several threads may ask and tell.
    """

    def __init__(self, workshop: Workshop, progress: Progress) -> None:
        self._store, self._progress = workshop.store, progress
        self._lock = threading.Lock()
        self._looked = 0.0
        self._told: tuple[float, dict[str, Any]] = (0.0, {})
        self._n_blas = _blas_threads()
        self.waited_s = 0.0  # in all

    def should_stop(self) -> bool:
        """Whether somebody asked to stop; holds still first while something else is to be done."""
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_S:
                self._hold_still()
            return self._progress.should_stop()

    def tell(self, fraction: float, **detail: Any) -> None:
        """Show how far the step is."""
        with self._lock:
            self._told = fraction, detail
            self._progress.report(fraction, **detail)

    def _hold_still(self) -> None:
        began = time.monotonic()
        # What plays keeps the whole process to one thread of linear algebra; others get theirs.
        # They also seed torch's one generator, in the middle of a training here.
        with threadpool_limits(self._n_blas, user_api="blas"), _same_draws_afterwards():
            while self._others_wait() and not self._progress.should_stop():
                fraction, detail = self._told
                waiting = detail | {"waits": True, "seconds_left": None}
                self._progress.report(fraction, **waiting)
                time.sleep(LOOK_S)
        self._looked = time.monotonic()
        self.waited_s += self._looked - began

    def _others_wait(self) -> bool:
        others = select(Job.id).where(Job.status.in_(ACTIVE), Job.kind != REPLAY).limit(1)
        try:
            with self._store.read() as session:
                return session.scalar(others) is not None
        except OperationalError as error:
            if not is_locked(error):
                raise
            return True  # somebody is busy indeed


@dataclass
class Pace:
    """How fast rounds are played, and so how long the others will take."""

    turn: Turn
    n_new: int = 0  # played by this attempt
    seconds_per_round: float = 0.0  # without the time it held still
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._began -= self.turn.waited_s  # what was waited before is no part of the rounds

    def tell(self, played: Played) -> None:
        """Take a round that was played into account, and show it."""
        self.n_new += 1
        busy = time.monotonic() - self._began - self.turn.waited_s
        self.seconds_per_round = busy / self.n_new
        self.turn.tell(
            played.share,
            n_rounds_done=played.n_done,
            n_rounds=played.n_total,
            told=played.sentence,
            seconds_left=round((played.n_total - played.n_done) * self.seconds_per_round, 1),
        )


def _standing_back(act: Callable[[], T]) -> T:
    """Act in a thread behind all others; on Linux alone do threads have a niceness of their own.

    Threads that it starts inherit it.
    """

    def stand_back() -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

    with ThreadPoolExecutor(1, "replay", initializer=stand_back) as alone:
        return alone.submit(act).result()


def _same_draws_afterwards() -> AbstractContextManager[None]:
    """Whatever is drawn meanwhile, torch's generators go on from here."""
    return torch.random.fork_rng(devices=range(torch.cuda.device_count()))


def _blas_threads() -> int:
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max((int(pool["num_threads"]) for pool in pools), default=1)


def _plan_of(task: Task) -> ReplayPlan:
    return ReplayPlan.of(task.request["plan"])


def _vectors(
    workshop: Workshop,
    data: ReplayData,
    encoder: Encoder,
    *,
    should_stop: Callable[[], bool],
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Embeddings, Embeddings]:
    return vectors_of(
        data,
        encoder,
        folder=workshop.settings.data_dir / "replay-embeddings",
        should_stop=should_stop,
        on_progress=on_progress,
    )


def _freeze(folder: Path, data: ReplayData) -> None:
    arrays: dict[str, NDArray[Any]] = {"truth": data.truth, "test_truth": data.test_truth}
    words = {
        name: getattr(data, name)
        for name in ("name", "labels", "texts", "test_texts", "label_texts", "note")
    }
    if data.vectors is not None:
        arrays |= {"ids": data.vectors.ids, "test_ids": data.vectors.test_ids}
        words["vectors"] = str(data.vectors.folder)
    files.write_arrays(folder / FROZEN, **arrays)
    files.write_json(folder / FROZEN_TEXTS, words)  # the last: with it all is there


def _thaw(folder: Path) -> ReplayData:
    arrays, words = files.read_arrays(folder / FROZEN), files.read_json(folder / FROZEN_TEXTS)
    vectors = None
    if (kept_in := words.pop("vectors", None)) is not None:
        vectors = VectorsOfDocuments(Path(kept_in), arrays["ids"], arrays["test_ids"])
    return ReplayData(
        **words,
        truth=np.asarray(arrays["truth"]),
        test_truth=np.asarray(arrays["test_truth"]),
        vectors=vectors,
    )


def _remove_if_deleted(workshop: Workshop, task: Task) -> None:
    with workshop.store.read() as session:
        is_there = job_of_workflow(session, task.workflow_id) is not None
    if not is_there:
        shutil.rmtree(task.folder, ignore_errors=True)
