from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from core.domain import JobStatus, SubmissionKind, SubmissionSource
from core.errors import Conflict, CorruptArtefact, InputError, NotFound, NotReady
from core.replay import data, project
from core.services import replay_sources
from core.services.jobs import REPLAY, active_job, request_cancel
from core.services.judgements import NewSubmission, annotator_named, record_judgements
from core.services.projects import ProjectSettings, get_project
from core.services.replay_sources import (
    FEWEST_JUDGED,
    LARGEST_POOL,
    demo_source,
    own_source,
    public_names,
    public_source,
)
from core.services.replays import (
    Replay,
    active_replay,
    delete_replay,
    list_replays,
    n_trainings,
    read_results,
    replay_folder,
    request_replay,
    resume_replay,
    seconds_per_round,
    usual_arm,
    usual_sizes,
)
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Job
from core.strategies.plan import ReplayPlan
from tests.integration.services.conftest import Small

PLAN = ReplayPlan.of({"data": "demo", "arms": ["random", "bald"]})


def plan_on(where: str) -> ReplayPlan:
    return ReplayPlan.of({"data": where, "arms": ["random", "bald"]})


def asked(store: Store, settings: Settings, small: Small, plan: ReplayPlan = PLAN) -> Replay:
    return request_replay(store, settings, small.project_id, plan)


def cancelled(store: Store, settings: Settings, small: Small) -> Replay:
    replay = asked(store, settings, small)
    with store.write() as session:
        request_cancel(session, replay.id)
    return replay


def judge_many(store: Store, small: Small, n: int, *, n_audited: int) -> None:
    """Add documents and judge each completely."""
    with store.write() as session:
        documents = [
            Document(
                project_id=small.project_id,
                external_id=f"more{i}",
                text=f"more {i}",
                content_hash=f"more{i}",
                is_audited=i < n_audited,
            )
            for i in range(n)
        ]
        session.add_all(documents)
        session.flush()
        record_judgements(
            session,
            get_project(session, small.project_id),
            annotator_named(session, "ada"),
            [
                NewSubmission(document.id, SubmissionKind.COMPLETE, "more", i, {})
                for i, document in enumerate(documents)
            ],
            source=SubmissionSource.API,
        )


def write_set(shared: Path, name: str, *, n_train: int = 3, kind: str = "multi-label") -> None:
    folder = shared / "data" / name
    folder.mkdir(parents=True)
    (folder / "info.json").write_text(f'{{"kind": "{kind}", "title": "A set."}}', encoding="utf-8")
    for part, n in (("train", n_train), ("test", 2)):
        path = folder / f"{part}.csv.gz"
        with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["text", "labels"], *([["two\nlines", "a|b"]] * n)])


def test_a_comparison_waits_in_a_row_that_other_jobs_do_not_wait_for(
    store: Store, settings: Settings, small: Small
) -> None:
    replay = asked(store, settings, small)
    assert (replay.job.kind, replay.job.status) == (REPLAY, JobStatus.QUEUED)
    assert replay.plan == PLAN
    with store.read() as session:
        assert active_replay(session, small.project_id) == replay
        assert active_job(session, small.project_id) is None


def test_a_comparison_without_random_is_refused(
    store: Store, settings: Settings, small: Small
) -> None:
    plan = ReplayPlan.of({"data": "demo", "arms": ["bald", "entropy"]})
    with pytest.raises(InputError, match="draws by lot"):
        asked(store, settings, small, plan)


@pytest.mark.parametrize("where", ["project:2", "/etc/passwd", "project:1:5", "nlupp", "demo:x"])
def test_only_data_the_project_may_see_are_played_on(
    store: Store, settings: Settings, small: Small, where: str
) -> None:
    with pytest.raises(InputError, match="cannot be played on"):
        asked(store, settings, small, plan_on(where))
    with store.read() as session:
        assert list_replays(session, small.project_id) == []


def test_too_few_judgements_are_told_with_how_many_are_missing(
    store: Store, settings: Settings, small: Small
) -> None:
    judge_many(store, small, 10, n_audited=0)
    with pytest.raises(NotReady, match="Judge 140 more"):
        asked(store, settings, small, plan_on(f"project:{small.project_id}"))


@pytest.mark.parametrize("n_audited", [0, 20, 60])
def test_the_counts_told_are_those_that_are_played_on(
    store: Store, settings: Settings, small: Small, n_audited: int
) -> None:
    judge_many(store, small, FEWEST_JUDGED, n_audited=n_audited)
    with store.read() as session:
        told = own_source(session, small.project_id)
    played = project.project_data(store, settings, small.project_id)
    assert (told.n_pool, told.n_test) == (len(played.texts), len(played.test_texts))
    assert told.why_not == ""


def test_the_demo_is_counted_as_it_is_played_on(settings: Settings) -> None:
    told, played = demo_source(), data.load_dataset("demo", settings)
    assert (told.n_pool, told.n_test) == (len(played.texts), len(played.test_texts))


def test_both_sides_part_pool_and_test_alike() -> None:
    assert replay_sources.ENOUGH_AUDITED == project.ENOUGH_AUDITED
    assert replay_sources.TEST_SHARE == data.TEST_SHARE


def test_of_the_optional_folder_only_whole_sets_with_several_labels_are_offered(
    tmp_path: Path, settings: Settings
) -> None:
    assert public_names(settings) == []
    shared = settings.model_copy(update={"shared": tmp_path / "shared"})
    assert public_names(shared) == []
    write_set(tmp_path / "shared", "news")
    write_set(tmp_path / "shared", "films", kind="single-label")
    (tmp_path / "shared" / "data" / "empty").mkdir()
    assert public_names(shared) == ["news"]
    source = public_source(shared, "news")
    assert (source.data, source.n_pool, source.n_test) == ("news", 3, 2)
    assert source.told == "A set: 3 texts to ask about, 2 to test on."


def test_of_a_large_public_set_a_part_is_played_on(tmp_path: Path, settings: Settings) -> None:
    shared = settings.model_copy(update={"shared": tmp_path / "shared"})
    write_set(tmp_path / "shared", "news", n_train=LARGEST_POOL + 1)
    source = public_source(shared, "news")
    assert source.n_pool == LARGEST_POOL
    assert len(data.load_dataset(source.data, shared).texts) == LARGEST_POOL


def test_one_comparison_of_a_project_at_a_time(
    store: Store, settings: Settings, small: Small
) -> None:
    asked(store, settings, small)
    with pytest.raises(Conflict, match="already under way"):
        asked(store, settings, small)


def test_a_cancelled_comparison_goes_on_as_the_same_one_under_a_new_name_for_the_engine(
    store: Store, settings: Settings, small: Small
) -> None:
    replay = cancelled(store, settings, small)
    with store.read() as session:
        before = session.get_one(Job, replay.id).workflow_id
    resumed = resume_replay(store, settings, replay.id)
    assert (resumed.id, resumed.job.status) == (replay.id, JobStatus.QUEUED)
    assert not resumed.job.cancel_requested
    with store.read() as session:
        assert session.get_one(Job, replay.id).workflow_id != before
    with pytest.raises(Conflict, match="only a stopped one"):
        resume_replay(store, settings, replay.id)


def test_nothing_goes_on_beside_another_comparison(
    store: Store, settings: Settings, small: Small
) -> None:
    replay = cancelled(store, settings, small)
    asked(store, settings, small)
    with pytest.raises(Conflict, match="already under way"):
        resume_replay(store, settings, replay.id)


def test_deleting_takes_the_files_along_and_spares_what_is_under_way(
    store: Store, settings: Settings, small: Small
) -> None:
    replay = asked(store, settings, small)
    folder = replay_folder(settings, small.project_id, replay.id)
    folder.mkdir(parents=True)
    with pytest.raises(Conflict, match="cancel it before"):
        delete_replay(store, settings, replay.id)
    with store.write() as session:
        request_cancel(session, replay.id)
    delete_replay(store, settings, replay.id)
    assert not folder.exists()
    with pytest.raises(NotFound, match="no comparison"):
        resume_replay(store, settings, replay.id)


def test_a_record_that_is_gone_or_damaged_is_told(
    store: Store, settings: Settings, small: Small
) -> None:
    replay = asked(store, settings, small)
    with pytest.raises(CorruptArtefact, match="is not there"):
        read_results(settings, replay)
    folder = replay_folder(settings, small.project_id, replay.id)
    folder.mkdir(parents=True)
    (folder / "statistics.json").write_text('{"half', encoding="utf-8")
    with pytest.raises(CorruptArtefact, match="cannot be read"):
        read_results(settings, replay)


@pytest.mark.parametrize("n_pool", [2, 3, 10, 105, 1000, 2000, 50_000])
def test_the_usual_sizes_fit_the_pool_and_leave_something_unasked(n_pool: int) -> None:
    n_initial, batch_size, n_rounds = usual_sizes(n_pool)
    assert min(n_initial, batch_size, n_rounds) >= 1
    assert n_initial + batch_size * n_rounds <= max(2, min(700, 0.6 * n_pool))


def test_large_pools_are_played_with_the_plans_own_sizes() -> None:
    assert usual_sizes(2000) == (PLAN.n_initial, PLAN.batch_size, PLAN.n_rounds)


def test_trainings_are_counted_up_to_the_end_of_the_pool() -> None:
    # 3 seeds × (2 arms × (12 questions + 1) + 1); with 160 documents two questions empty the pool.
    assert n_trainings(PLAN, 10_000) == 81
    assert n_trainings(PLAN, 160) == 3 * (2 * 3 + 1)


def test_the_pace_is_taken_from_the_newest_comparison_on_the_same_data_if_there_is_one(
    store: Store, settings: Settings, small: Small, tmp_path: Path
) -> None:
    shared = settings.model_copy(update={"shared": tmp_path / "shared"})
    write_set(tmp_path / "shared", "news")
    with store.read() as session:
        assert seconds_per_round(session, PLAN) is None
    for where, seconds in (("demo", 2.0), ("news", 5.0)):
        replay = asked(store, shared, small, plan_on(where))
        with store.write() as session:
            job = session.get_one(Job, replay.id)
            job.status, job.detail = JobStatus.DONE, {"seconds_per_round": seconds}
    with store.read() as session:
        assert seconds_per_round(session, PLAN) == 2.0
        assert seconds_per_round(session, plan_on(f"project:{small.project_id}")) == 5.0
        deep = ReplayPlan.of({**PLAN.to_json(), "learner": "deep"})
        assert seconds_per_round(session, deep) is None


def test_an_arm_asks_as_the_project_does_and_others_by_their_own_recipe() -> None:
    usual = ProjectSettings(strategy="bald", recipe={"random_share": 0.2}, n_passes=40)
    assert usual_arm(usual, "bald").recipe.random_share == 0.2
    assert usual_arm(usual, "entropy").recipe.random_share == 0.0
    assert usual_arm(usual, "entropy").recipe.n_passes == 40


def test_an_arm_leaves_out_what_no_replay_can_play_and_random_stays_random() -> None:
    usual = ProjectSettings(strategy="bald", recipe={"stochastic_layers": 1, "per_second": True})
    assert usual_arm(usual, "bald").recipe.stochastic_layers == 0
    assert not usual_arm(usual, "bald").recipe.per_second
    usual = ProjectSettings(strategy="random", recipe={"rare_share": 0.3})
    assert usual_arm(usual, "random").draws_by_lot
