"""What a person can do with replays: ask for one, go on with one, look back, let one go.

A replay plays labelling again on documents whose labels are known
(`core.replay`), as a worker's job; nothing here loads torch. Which data it can
be played on is `core.services.replay_sources`.
"""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.domain import JobStatus
from core.errors import Conflict, CorruptArtefact, InputError, NotFound
from core.services import job_queue
from core.services.jobs import ACTIVE, REPLAY, JobInfo, job_info
from core.services.projects import ProjectSettings, get_project
from core.services.replay_sources import check_source
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Job
from core.strategies.plan import BASELINE, Arm, ReplayPlan

STATISTICS, ROUNDS = "statistics.json", "rounds.csv"  # what a finished replay leaves
CURVES_END = 700  # judgements in a usual comparison; by then most curves are flat
NOT_PLAYED = ("stochastic_layers", "per_second")  # want an encoder at work, and logged times
SEVERAL_REPLAYS = 20  # the newest, that an estimate looks at


@dataclass(frozen=True)
class Replay:
    """One comparison at one moment."""

    job: JobInfo
    plan: ReplayPlan

    @property
    def id(self) -> int:
        """Its job's."""
        return self.job.id

    @property
    def is_done(self) -> bool:
        """Whether there are results to read."""
        return self.job.status is JobStatus.DONE

    @property
    def can_go_on(self) -> bool:
        """Whether it was stopped before its end; what is played already is kept."""
        return self.job.status in (JobStatus.CANCELLED, JobStatus.FAILED)

    @property
    def created_at(self) -> datetime:
        """When it was asked for."""
        return self.job.created_at


def request_replay(
    store: Store, settings: Settings, project_id: int, plan: ReplayPlan, *, title: str = ""
) -> Replay:
    """Check a comparison, write it down and hand it to the worker.

    Raises InputError for a plan without a random arm or on data that are not
    there, NotReady for a project with too few judgements, Conflict while another
    comparison of the project waits or runs.
    """
    if plan.baseline is None:
        raise InputError(
            f"The comparison has no arm that draws by lot; add '{BASELINE}', the yardstick that "
            "every other strategy is measured against."
        )
    with store.read() as session:
        get_project(session, project_id)
        check_source(session, settings, project_id, plan.data)
    with store.write() as session:
        _check_nothing_is_played(session, project_id)
        job = job_queue.add_job(
            session,
            project_id=project_id,
            kind=REPLAY,
            request={"plan": plan.to_json(), "title": title or plan.name},
        )
        replay = _replay(job)
    job_queue.enqueue(settings, job.workflow_id, queue=job_queue.REPLAY_QUEUE)
    return replay


def resume_replay(store: Store, settings: Settings, replay_id: int) -> Replay:
    """Go on with a comparison that was cancelled or failed, behind the last round it played.

    The same data are played on, whatever was judged since. Raises Conflict for
    one that is under way or done, or while another is.
    """
    with store.write() as session:
        job = _get_job(session, replay_id)
        if not _replay(job).can_go_on:
            raise Conflict(f"This comparison is {job.status}; only a stopped one can go on.")
        _check_nothing_is_played(session, job.project_id)
        # The engine takes up no workflow twice once it has ended.
        job.workflow_id = f"{REPLAY}-{job.project_id}-{secrets.token_hex(4)}"
        job.status, job.cancel_requested, job.error = JobStatus.QUEUED, False, None
        job.started_at = job.finished_at = None
        session.flush()
        replay = _replay(job)
        workflow_id = job.workflow_id
    job_queue.enqueue(settings, workflow_id, queue=job_queue.REPLAY_QUEUE)
    return replay


def list_replays(session: Session, project_id: int) -> list[Replay]:
    """A project's comparisons, the newest first."""
    jobs = session.scalars(
        select(Job).where(Job.project_id == project_id, Job.kind == REPLAY).order_by(Job.id.desc())
    )
    return [_replay(job) for job in jobs]


def active_replay(session: Session, project_id: int) -> Replay | None:
    """The comparison that waits or runs."""
    return next((r for r in list_replays(session, project_id) if r.job.is_active), None)


def delete_replay(store: Store, settings: Settings, replay_id: int) -> None:
    """Remove a comparison with its files; raises Conflict while it is under way."""
    with store.write() as session:
        job = _get_job(session, replay_id)
        if job.status in ACTIVE:
            raise Conflict("This comparison is under way; cancel it before deleting it.")
        project_id = job.project_id
        session.delete(job)
    shutil.rmtree(replay_folder(settings, project_id, replay_id), ignore_errors=True)


def replays_folder(settings: Settings, project_id: int) -> Path:
    """Where the comparisons of a project keep their files."""
    return settings.data_dir / "replays" / str(project_id)


def replay_folder(settings: Settings, project_id: int, replay_id: int) -> Path:
    """Where one keeps its files; a deleted one's number never comes again."""
    return replays_folder(settings, project_id) / str(replay_id)


def result_file(settings: Settings, replay: Replay, name: str) -> Path:
    """One of a finished comparison's files; raises CorruptArtefact where it is gone."""
    path = replay_folder(settings, replay.job.project_id, replay.id) / name
    if not path.is_file():
        raise CorruptArtefact(
            f"The comparison's file '{path}' is not there; delete the comparison and run it again."
        )
    return path


def read_results(settings: Settings, replay: Replay) -> dict[str, Any]:
    """A finished comparison's record: plan, data, versions, and under "statistics" what it found.

    Raises CorruptArtefact where it cannot be read.
    """
    path = result_file(settings, replay, STATISTICS)
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptArtefact(
            f"The comparison's file '{path}' cannot be read ({error}); "
            "delete the comparison and run it again."
        ) from error
    return record


def usual_sizes(n_pool: int) -> tuple[int, int, int]:
    """First documents, documents per round and rounds that suit a pool.

    Up to 700 judgements and at most six tenths of the pool: where nearly all is
    judged in the end, no strategy can differ from another.
    """
    budget = max(2, min(CURVES_END, n_pool * 6 // 10))
    n_initial = max(1, min(100, budget // 7))
    n_rounds = min(12, budget - n_initial)
    return n_initial, max(1, (budget - n_initial) // n_rounds), n_rounds


def usual_arm(usual: ProjectSettings, strategy: str) -> Arm:
    """A strategy as the project's people would use it: by their recipe where it is their own.

    But for what no replay can play, and for random, which is the yardstick.
    """
    changes: dict[str, Any] = {}
    if strategy == usual.strategy and strategy != BASELINE:
        changes = {key: value for key, value in usual.recipe.items() if key not in NOT_PLAYED}
    return Arm.of({**changes, "n_passes": usual.n_passes, "strategy": strategy, "name": strategy})


def n_trainings(plan: ReplayPlan, n_pool: int) -> int:
    """Rounds of all arms and seeds, and for each seed one with everything judged."""
    n_left = max(0, n_pool - plan.n_initial)
    n_questions = min(plan.n_rounds, -(-n_left // plan.batch_size))
    return len(plan.seeds) * (len(plan.arms) * (n_questions + 1) + 1)


def seconds_per_round(session: Session, plan: ReplayPlan) -> float | None:
    """How long a round took lately with this learner, on the same data where it was played."""
    newest = session.scalars(
        select(Job)
        .where(Job.kind == REPLAY, Job.status == JobStatus.DONE)
        .order_by(Job.id.desc())
        .limit(SEVERAL_REPLAYS)
    )
    measured = [
        (replay.plan.data == plan.data, float(replay.job.detail["seconds_per_round"]))
        for replay in map(_replay, newest)
        if replay.plan.learner == plan.learner and replay.job.detail.get("seconds_per_round")
    ]
    return next((s for is_same, s in sorted(measured, key=lambda m: not m[0])), None)


def _get_job(session: Session, replay_id: int) -> Job:
    job = session.get(Job, replay_id)
    if job is None or job.kind != REPLAY:
        raise NotFound(f"There is no comparison {replay_id}; it may have been deleted.")
    return job


def _check_nothing_is_played(session: Session, project_id: int) -> None:
    if active_replay(session, project_id) is not None:
        raise Conflict(
            "A comparison of this project is already under way; wait until it is done, or cancel "
            "it. A cancelled one can go on later."
        )


def _replay(job: Job) -> Replay:
    info = job_info(job)
    return Replay(job=info, plan=ReplayPlan.of(info.request["plan"]))
