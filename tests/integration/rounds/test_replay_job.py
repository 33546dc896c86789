"""A comparison as a worker's job: played to its end, killed, cancelled, and giving way."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from core.domain import JobStatus, RoundStep
from core.errors import NotFound
from core.rounds.progress import Progress
from core.rounds.replaying import FROZEN, FROZEN_TEXTS, Turn
from core.rounds.task import Workshop
from core.rounds.workflow import STEPS, begin, perform
from core.services.jobs import REPLAY, request_cancel
from core.services.projects import delete_project
from core.services.replays import (
    Replay,
    delete_replay,
    list_replays,
    n_trainings,
    read_results,
    replay_folder,
    request_replay,
    result_file,
    resume_replay,
)
from core.services.rounds import RoundRequest, request_round
from core.store.tables import Job
from core.strategies.plan import ReplayPlan
from tests.integration.rounds.office import Office

COPIES = 5  # of forty texts: 200 judged, of which 140 to ask about
TIMES = {"seconds", "query_seconds"}


def plan_on(project_id: int, **changes: Any) -> ReplayPlan:
    usual = {
        "data": f"project:{project_id}",
        "arms": ["random", "bald"],
        "seeds": 2,
        "n_initial": 10,
        "batch_size": 10,
        "n_rounds": 3,
        "learner": "mlp",
        "learner_options": {"epochs": 4},
    }
    return ReplayPlan.of({**usual, **changes})


def judged_project(office: Office, name: str, *, n_unjudged: int = 0) -> int:
    project_id = office.new_project(name, copies=COPIES + n_unjudged // 40)
    for copy in range(COPIES):
        office.judge(project_id, range(40), copy=copy)
    return project_id


def figures(office: Office, replay: Replay) -> list[dict[str, Any]]:
    """Every round of every arm and seed, but for how long it took."""
    rounds = read_results(office.settings, replay)["rounds"]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rounds]


def newest(office: Office, project_id: int) -> Replay:
    with office.store.read() as session:
        return list_replays(session, project_id)[0]


def lines_kept(office: Office, replay: Replay) -> int:
    folder = replay_folder(office.settings, replay.job.project_id, replay.id)
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.glob("rounds/*.jsonl"))


@pytest.fixture(scope="module")
def project_id(served: Office) -> int:
    return judged_project(served, "compared")


@pytest.fixture(scope="module")
def undisturbed(served: Office, project_id: int) -> Replay:
    replay = request_replay(served.store, served.settings, project_id, plan_on(project_id))
    job = served.wait_until_finished(replay.id)
    assert job.status is JobStatus.DONE, job.error
    return newest(served, project_id)


def test_a_comparison_leaves_its_record_and_no_copies_of_texts(
    served: Office, undisturbed: Replay
) -> None:
    record = read_results(served.settings, undisturbed)
    assert record["statistics"]["seeds"] == [0, 1]
    assert set(record["statistics"]["differences"]) == {"bald"}
    assert record["data"]["n_pool"] == 140
    with result_file(served.settings, undisturbed, "rounds.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2 * 2 * 4
    assert undisturbed.job.detail["seconds_per_round"] > 0
    folder = result_file(served.settings, undisturbed, "rounds.csv").parent
    assert not (folder / FROZEN).exists()
    assert not (folder / FROZEN_TEXTS).exists()


def test_killed_in_the_middle_it_goes_on_and_ends_as_if_undisturbed(
    served: Office, project_id: int, undisturbed: Replay
) -> None:
    replay = request_replay(served.store, served.settings, project_id, plan_on(project_id))
    served.wait_for(lambda: lines_kept(served, replay) >= 2, "two rounds to be played")
    served.kill_worker()
    before = lines_kept(served, replay)
    assert before < 16
    assert served.job(replay.id).is_active
    served.start_worker()
    job = served.wait_until_finished(replay.id)

    assert job.status is JobStatus.DONE, job.error
    assert figures(served, replay) == figures(served, undisturbed)
    said = read_results(served.settings, replay)["everything_judged"]
    before_kill = read_results(served.settings, undisturbed)["everything_judged"]
    assert [said[s]["micro_f1"] for s in said] == [before_kill[s]["micro_f1"] for s in said]


def test_killed_while_the_copies_of_texts_are_removed_it_is_done_all_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = judged_project(office, "tidied")
    changes = {"arms": ["random"], "seeds": 1, "n_rounds": 1, "learner_options": {"epochs": 1}}
    replay = request_replay(
        office.store, office.settings, project_id, plan_on(project_id, **changes)
    )
    with office.store.read() as session:
        workflow_id = session.get_one(Job, replay.id).workflow_id
    workshop = Workshop(settings=office.settings, store=office.store)
    begin(workshop, workflow_id)
    *before, last = STEPS[REPLAY]
    for step in before:
        assert "done" in perform(workshop, workflow_id, step)
    removed, unlink = [], Path.unlink

    def unlink_one(path: Path, *, missing_ok: bool = False) -> None:
        if path.name in {FROZEN, FROZEN_TEXTS}:
            if removed:
                raise KeyboardInterrupt
            removed.append(path)
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as killing:
        killing.setattr(Path, "unlink", unlink_one)
        with pytest.raises(KeyboardInterrupt):
            perform(workshop, workflow_id, last)
    assert "done" in perform(workshop, workflow_id, last)
    folder = replay_folder(office.settings, project_id, replay.id)
    assert not {FROZEN, FROZEN_TEXTS} & {path.name for path in folder.iterdir()}


def test_cancelled_it_stops_and_goes_on_later_on_the_same_documents(
    served: Office, undisturbed: Replay
) -> None:
    project_id = judged_project(served, "cancelled", n_unjudged=40)
    plan = plan_on(project_id)
    replay = request_replay(served.store, served.settings, project_id, plan)
    served.wait_for(lambda: lines_kept(served, replay) >= 1, "a round to be played")
    with served.store.write() as session:
        request_cancel(session, replay.id)
    assert served.wait_until_finished(replay.id).status is JobStatus.CANCELLED
    kept = lines_kept(served, replay)
    assert 0 < kept < 16

    served.judge(project_id, range(40), copy=COPIES)  # meanwhile, and so not among them
    resumed = resume_replay(served.store, served.settings, replay.id)
    job = served.wait_until_finished(resumed.id)

    assert job.status is JobStatus.DONE, job.error
    assert resumed.id == replay.id
    # The same texts under other ids: the same comparison.
    assert figures(served, resumed) == figures(served, undisturbed)


def test_a_round_asked_for_meanwhile_is_done_before_the_comparison_goes_on(
    served: Office, project_id: int
) -> None:
    plan = plan_on(project_id, seeds=3, n_rounds=8, learner_options={"epochs": 15})
    replay = request_replay(served.store, served.settings, project_id, plan)
    served.wait_for(lambda: lines_kept(served, replay) >= 1, "a round to be played")
    info = request_round(
        served.store,
        served.settings,
        project_id,
        RoundRequest(learner={"kind": "mlp", "epochs": 60}),
    )
    job_id = served.job_of_round(info.id).id
    served.wait_for(lambda: served.job(replay.id).detail.get("waits") is True, "it to hold still")
    assert served.wait_until_finished(job_id).status is JobStatus.DONE
    assert served.job(replay.id).is_active
    assert lines_kept(served, replay) < n_trainings(plan, 140) - 3
    served.wait_for(
        lambda: (
            served.job(replay.id).detail.get("told") is not None
            and not served.job(replay.id).detail.get("waits")
        ),
        "it to go on",
    )
    with served.store.write() as session:
        request_cancel(session, replay.id)
    served.wait_until_finished(replay.id)


def test_what_others_draw_while_it_holds_still_changes_nothing_it_draws(office: Office) -> None:
    project_id = judged_project(office, "drawing")
    replay = request_replay(office.store, office.settings, project_id, plan_on(project_id))
    with office.store.read() as session:
        workflow_id = session.get_one(Job, replay.id).workflow_id
    workshop = Workshop(settings=office.settings, store=office.store)
    begin(workshop, workflow_id)
    info = request_round(office.store, office.settings, project_id, RoundRequest())
    turn = Turn(workshop, Progress(office.store, workflow_id, RoundStep.TRAIN))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        undisturbed = torch.rand(3)
        torch.manual_seed(1)
        with ThreadPoolExecutor(1) as threads:
            stops = threads.submit(turn.should_stop)
            office.wait_for(lambda: office.job(replay.id).detail.get("waits") is True, "the hold")
            torch.manual_seed(99)
            with office.store.write() as session:
                request_cancel(session, office.job_of_round(info.id).id)
            assert stops.result() is False
        assert torch.equal(torch.rand(3), undisturbed)


def test_a_project_deleted_under_it_leaves_no_files(served: Office) -> None:
    doomed = judged_project(served, "doomed")
    replay = request_replay(served.store, served.settings, doomed, plan_on(doomed, n_rounds=9))
    folder = replay_folder(served.settings, doomed, replay.id)
    served.wait_for(lambda: lines_kept(served, replay) >= 1, "a round to be played")
    with served.store.write() as session:
        delete_project(session, doomed)
    served.wait_for(lambda: not folder.exists(), "the files to be removed")


def test_what_cannot_be_played_fails_with_a_sentence(served: Office, project_id: int) -> None:
    plan = plan_on(project_id, n_initial=500)
    replay = request_replay(served.store, served.settings, project_id, plan)
    job = served.wait_until_finished(replay.id)
    assert job.status is JobStatus.FAILED
    assert "fewer than the 500 to begin with" in str(job.error)
    delete_replay(served.store, served.settings, replay.id)
    assert not replay_folder(served.settings, project_id, replay.id).exists()
    with pytest.raises(NotFound, match="no comparison"):
        delete_replay(served.store, served.settings, replay.id)
