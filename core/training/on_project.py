"""Training on a project is a round: asked for here, run by a worker, watched to its end.

Where a worker serves the data folder, this process only watches. Else it keeps
a worker of its own for as long as the round lasts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from core.domain import JobStatus, RoundKind
from core.errors import Cancelled, InputError, MarginaliaError, NotFound, NotReady
from core.learners.catalogue import learner_info
from core.rounds.heartbeat import worker_is_alive
from core.rounds.supervisor import Supervisor
from core.services.checkpoints import check_can_be_used, folder_of_round
from core.services.jobs import JobInfo, job_info
from core.services.learner_choice import KIND
from core.services.operating_points import thresholds_by_name
from core.services.projects import get_project, project_named
from core.services.round_requests import RoundRequest, usual_request
from core.services.rounds import RoundInfo, list_rounds, request_round
from core.settings import Settings
from core.store.migrate import migrate
from core.store.store import Store
from core.store.tables import Job, Round
from core.training.config import PROJECT, TrainConfig
from core.training.info import figure_lines
from core.training.job import Stage
from core.training.layers import COMMAND_LINE, DEFAULT, Resolved
from core.training.options import checked_options
from core.training.terminal import Terminal

LOOK_S = 0.3  # between two looks at the job's row

# A round's data, split and checkpoint are the project's own business.
OF_A_ROUND = frozenset({"data", "learner", "options", "seed", "strategy", "max_tokens"})


def train_on_project(resolved: Resolved, settings: Settings, terminal: Terminal) -> RoundInfo:
    """Ask for a round, wait for it, print what came of it.

    Ctrl-C ends the watching; the round stays asked for, and the next worker
    goes on with it.
    """
    refuse_other(resolved)
    migrate(settings)
    store = Store.open(settings)
    try:
        done = _round_run(store, settings, resolved, terminal)
    finally:
        store.close()
    print(f"Round {done.number} is in force.")
    print("\n".join(figure_lines(done.metrics)))
    return done


def _round_run(
    store: Store, settings: Settings, resolved: Resolved, terminal: Terminal
) -> RoundInfo:
    project_id = find_project(store, resolved.config.data)
    request = round_request(store, project_id, resolved)
    asked = request_round(store, settings, project_id, request)
    if keys := unheard(resolved):
        terminal.say(f"Note: a round of a project takes no {', '.join(keys)}; left out.")
    terminal.say(f"Round {asked.number} of project {project_id} is asked for.")
    with terminal.at_work(), _somebody_works(settings, terminal):
        job = _watched(store, asked.id, terminal)
    if job.status is not JobStatus.DONE:
        raise MarginaliaError(f"Round {asked.number}: {job.error or job.status}")
    with store.read() as session:
        return next(one for one in list_rounds(session, project_id) if one.id == asked.id)


def refuse_other(resolved: Resolved) -> None:
    """Raise InputError for what only a training on a file can be told."""
    for key, origin in resolved.origins.items():
        if origin == COMMAND_LINE and key.split(".")[0] not in OF_A_ROUND:
            raise InputError(
                f"A round of a project takes no '{key}'; its settings stand under Train. Leave it "
                "out, or export the labels and train on the file."
            )


def unheard(resolved: Resolved) -> list[str]:
    """What a preset, a file or the environment says that a round of a project does not take."""
    return sorted(
        key
        for key, origin in resolved.origins.items()
        if origin not in (COMMAND_LINE, DEFAULT) and key.split(".")[0] not in OF_A_ROUND
    )


def find_project(store: Store, data: str) -> int:
    """The project of `project:<id or name>`; a number is an id first."""
    name = data.removeprefix(PROJECT).strip()
    with store.read() as session:
        if name.isdecimal():
            try:
                return get_project(session, int(name)).id
            except NotFound:
                pass
        return project_named(session, name).id


def checkpoint_in_force(settings: Settings, data: str) -> Path:
    """The folder of the round that is in force in `project:<id or name>`."""
    migrate(settings)
    store = Store.open(settings)
    try:
        project_id = find_project(store, data)
        with store.read() as session:
            project = get_project(session, project_id)
            if project.active_round_id is None:
                raise NotReady(f"'{data}' has no round in force yet; train it first.")
            round_ = session.get_one(Round, project.active_round_id)
            check_can_be_used(settings, round_)
            return folder_of_round(settings, round_)
    finally:
        store.close()


def thresholds_set(settings: Settings, data: str) -> dict[str, float] | None:
    """Those that people set for the round in force, by label name; None where its own hold."""
    store = Store.open(settings)
    try:
        project_id = find_project(store, data)
        with store.read() as session:
            active = get_project(session, project_id).active_round_id
            round_ = None if active is None else session.get(Round, active)
            return None if round_ is None else thresholds_by_name(session, round_)
    finally:
        store.close()


def round_request(store: Store, project_id: int, resolved: Resolved) -> RoundRequest:
    """What the configuration asks of the project, where it says so, else what is usual there."""
    config = resolved.config
    is_said = resolved.origins.get("learner", DEFAULT) != DEFAULT
    kind = RoundKind.QUICK
    if not is_said and (config.options or "max_tokens" in resolved.origins):
        said = ", ".join([*config.options, *({"max_tokens"} & resolved.origins.keys())])
        raise InputError(
            f"{said} would change a learner, and none is named; add --learner, or leave that out."
        )
    if is_said:
        kind = learner_info(config.learner).round_kind or RoundKind.QUICK
    with store.read() as session:
        usual = usual_request(session, project_id, kind)
    learner = _learner(config, resolved) if is_said else usual.learner
    strategy = config.strategy if resolved.origins.get("strategy") else usual.strategy
    seed = config.seed if resolved.origins.get("seed") else None
    return RoundRequest(
        kind=kind,
        strategy=strategy,
        n_passes=usual.n_passes,
        query_size=usual.query_size,
        seed=seed,
        learner=learner,
        recipe=usual.recipe if strategy == usual.strategy else {},
    )


def _learner(config: TrainConfig, resolved: Resolved) -> dict[str, object]:
    options = dict(checked_options(config, resolved.origins))
    if "max_tokens" in resolved.origins:
        options["max_tokens"] = config.max_tokens
    return {KIND: config.learner, **options}


@contextmanager
def _somebody_works(settings: Settings, terminal: Terminal) -> Iterator[None]:
    if worker_is_alive(settings):
        terminal.say("A worker is there; waiting for it.")
        yield
        return
    supervisor = Supervisor(settings)
    supervisor.start()
    try:
        yield
    finally:
        supervisor.stop()


def _watched(store: Store, round_id: int, terminal: Terminal) -> JobInfo:
    while True:
        with store.read() as session:
            job = job_info(session.scalars(select(Job).where(Job.round_id == round_id)).one())
        if not job.is_active:
            return job
        if terminal.should_stop():
            raise Cancelled("Stopped watching; the round goes on with the next worker.")
        terminal.on_stage(Stage(f"Round: {job.step or 'waiting'}", job.fraction or None))
        time.sleep(LOOK_S)
