from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.domain import JobStatus
from core.replay.compare import compare
from core.replay.results import RoundResult, Run
from core.services.jobs import finish_job
from core.services.projects import ProjectSettings, change_settings, get_project
from core.services.replays import (
    ROUNDS,
    STATISTICS,
    Replay,
    list_replays,
    replay_folder,
    request_replay,
)
from core.store.tables import Job
from core.strategies.plan import ReplayPlan
from pages.widgets.compare_words import results_table, settings_of, verdict
from tests.ui.rooms import Rooms

Said = Callable[[AppTest], str]
SEEDS = 5
UNLIKE = (0.0, 0.01, -0.01, 0.02, -0.02)  # what chance adds, by seed
RANDOM = (0.30, 0.40, 0.50, 0.56, 0.58)
QUICKER = (0.30, 0.50, 0.58, 0.59, 0.60)
SLOWER = (0.30, 0.35, 0.40, 0.42, 0.44)
WHOLE = 0.60


def result(n_judged: int, micro_f1: float) -> RoundResult:
    return RoundResult(n_judged, 0.5, micro_f1, micro_f1 / 2, micro_f1, micro_f1 / 2, 1.0, 0.25)


def runs_of(plan: ReplayPlan, curves: dict[str, Sequence[float]]) -> list[Run]:
    return [
        Run(
            arm,
            seed,
            tuple(
                result(100 + 50 * at, value + UNLIKE[seed])
                for at, value in enumerate(curves[arm.name])
            ),
        )
        for seed in plan.seeds
        for arm in plan.arms
    ]


def plan_of(curves: dict[str, Sequence[float]], *, seeds: int = SEEDS) -> ReplayPlan:
    return ReplayPlan.of({"data": "demo", "arms": list(curves), "seeds": seeds, "n_rounds": 4})


def found(curves: dict[str, Sequence[float]], *, seeds: int = SEEDS) -> dict[str, object]:
    plan = plan_of(curves, seeds=seeds)
    whole = {seed: result(1000, WHOLE + UNLIKE[seed]) for seed in plan.seeds}
    return compare(plan, runs_of(plan, curves), whole)


def done(rooms: Rooms, project: int, curves: dict[str, Sequence[float]]) -> Replay:
    """A finished comparison, with the files that a worker leaves."""
    replay = request_replay(rooms.store, rooms.settings, project, plan_of(curves))
    folder = replay_folder(rooms.settings, project, replay.id)
    folder.mkdir(parents=True)
    data = {"name": "demo", "n_pool": 1000, "n_test": 400, "n_labels": 6, "note": ""}
    record = {"statistics": found(curves), "data": data}
    (folder / STATISTICS).write_text(json.dumps(record), encoding="utf-8")
    (folder / ROUNDS).write_text("arm,seed\n", encoding="utf-8")
    set_job(rooms, replay, status=JobStatus.DONE, detail={"seconds_per_round": 2.0})
    return replay


def set_job(rooms: Rooms, replay: Replay, **values: object) -> None:
    with rooms.store.write() as session:
        job = session.get_one(Job, replay.id)
        for name, value in values.items():
            setattr(job, name, value)


def replays(rooms: Rooms, project: int) -> list[Replay]:
    with rooms.store.read() as session:
        return list_replays(session, project)


def test_with_few_judgements_the_page_says_how_many_are_missing_and_offers_the_demo_texts(
    rooms: Rooms,
) -> None:
    project = rooms.project("billing", "refund", n_documents=10)
    rooms.judge(project, ("billing",), ("refund",), ())
    test = rooms.open("compare", project=project)
    choice = test.radio(key="compare_on")
    assert choice.value == "demo"
    assert "Judge 147 more" in choice.proto.captions[0]
    choice.set_value("own").run()
    assert test.button(key="run_replay").disabled


def test_ones_own_documents_are_offered_where_enough_are_judged(rooms: Rooms) -> None:
    project = rooms.project("billing", "refund", n_documents=200)
    rooms.judge(project, *((("billing",), ("refund",)) * 100))
    test = rooms.open("compare", project=project)
    choice = test.radio(key="compare_on")
    assert choice.value == "own"
    assert "200 documents are judged completely; tested on 60" in choice.proto.captions[0]
    test.button(key="run_replay").click().run()
    (replay,) = replays(rooms, project)
    assert replay.plan.data == f"project:{project}"
    assert replay.plan.budget <= 140 * 0.6


def test_what_was_chosen_is_asked_for_and_random_is_always_among_it(
    rooms: Rooms, said: Said
) -> None:
    project = rooms.project("billing", n_documents=3)
    with rooms.store.write() as session:
        change_settings(session, project, strategy="entropy", n_passes=30)
    test = rooms.open("compare", project=project)
    strategies = test.multiselect(key="compare_strategies")
    assert strategies.value == ["entropy"]
    assert "Random" not in strategies.options
    assert "not known before the first comparison" in said(test)
    strategies.set_value(["entropy", "variance"])
    test.number_input(key="compare_seeds").set_value(2).run()
    test.button(key="run_replay").click().run()
    (replay,) = replays(rooms, project)
    assert [arm.name for arm in replay.plan.arms] == ["random", "entropy", "variance"]
    assert {arm.recipe.n_passes for arm in replay.plan.arms} == {30}
    assert replay.plan.seeds == (0, 1)
    assert "Comparing 3 strategies" in said(test)
    assert "run_replay" not in [button.key for button in test.button]  # one at a time


def test_without_a_strategy_there_is_nothing_to_compare(rooms: Rooms, said: Said) -> None:
    test = rooms.open("compare", project=rooms.project("billing"))
    test.multiselect(key="compare_strategies").set_value([]).run()
    assert test.button(key="run_replay").disabled
    assert "at least one strategy" in said(test)


def test_the_time_is_estimated_from_earlier_comparisons(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing")
    done(rooms, project, {"random": RANDOM, "bald": QUICKER})
    test = rooms.open("compare", project=project)
    # 3 seeds × (2 strategies × 13 rounds + 1) of 2 s each
    assert "81 trainings in all" in said(test)
    assert "About 3 min, going by the 2.0 s" in said(test)


def test_a_comparison_under_way_shows_how_far_it_is_and_that_it_gives_way(
    rooms: Rooms, said: Said
) -> None:
    project = rooms.project("billing")
    plan = plan_of({"random": RANDOM, "bald": QUICKER})
    replay = request_replay(rooms.store, rooms.settings, project, plan)
    detail = {
        "n_rounds_done": 13,
        "n_rounds": 52,
        "told": "seed 1, bald: micro-F1 0.5000 at 200 judged",
        "seconds_left": 300.0,
    }
    running = {"status": JobStatus.RUNNING, "step": "train", "fraction": 0.25}
    set_job(rooms, replay, **running, detail=detail)
    test = rooms.open("compare", project=project)
    (bar,) = test.get("progress")
    assert bar.proto.text == "Playing, round 13 of 52, about 5 min left"
    assert bar.proto.value == 25
    assert "seed 1, bald" in said(test).replace("\\", "")
    set_job(rooms, replay, detail=detail | {"waits": True, "seconds_left": None})
    assert "Holding still while a round" in said(rooms.open("compare", project=project))


def test_a_cancelled_comparison_can_go_on_or_be_deleted(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing")
    plan = plan_of({"random": RANDOM, "bald": QUICKER})
    replay = request_replay(rooms.store, rooms.settings, project, plan)
    test = rooms.open("compare", project=project)
    test.button(key=f"cancel_{replay.id}").click().run()
    assert "it can go on from there" in said(test)
    test.button(key=f"resume_{replay.id}").click().run()
    (again,) = replays(rooms, project)
    assert again.job.status is JobStatus.QUEUED
    test.button(key=f"cancel_{replay.id}").click().run()
    test.button(key=f"delete_{replay.id}").click().run()
    assert replays(rooms, project) == []


def test_a_failed_comparison_says_why(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing")
    plan = plan_of({"random": RANDOM, "bald": QUICKER})
    replay = request_replay(rooms.store, rooms.settings, project, plan)
    with rooms.store.write() as session:
        job = session.get_one(Job, replay.id)
        finish_job(session, job, JobStatus.FAILED, error="The disk is full.")
    words = said(rooms.open("compare", project=project)).replace("\\", "")
    assert "Failed: The disk is full." in words


def test_results_are_read_as_a_verdict_and_a_table_and_can_be_used(
    rooms: Rooms, said: Said
) -> None:
    project = rooms.project("billing")
    with rooms.store.write() as session:
        change_settings(session, project, strategy="entropy")
    done(rooms, project, {"random": RANDOM, "variance": QUICKER, "entropy": SLOWER})
    test = rooms.open("compare", project=project)
    assert not test.exception
    assert not test.error
    words = said(test).replace("\\", "")
    assert "**Variance** needs" in words
    assert "fewer judgements" in words
    assert "**Entropy** did worse than random" in words
    table = test.dataframe[0].value
    assert table["Strategy"].tolist() == ["Variance", "Random", "Entropy"]
    assert table["For 95 %"].tolist()[2] == "not within 300"
    test.button(key="use_strategy").click().run()
    with rooms.store.read() as session:
        usual = ProjectSettings.of(get_project(session, project))
    assert (usual.strategy, usual.recipe) == ("variance", {})
    assert test.button(key="use_strategy").disabled


def test_results_whose_files_are_gone_say_so_and_can_be_deleted(rooms: Rooms) -> None:
    project = rooms.project("billing")
    replay = done(rooms, project, {"random": RANDOM, "bald": QUICKER})
    (replay_folder(rooms.settings, project, replay.id) / STATISTICS).unlink()
    test = rooms.open("compare", project=project)
    assert "is not there" in test.error[0].value
    test.button(key=f"delete_{replay.id}").click().run()
    assert not test.error


def test_an_earlier_comparison_is_opened(rooms: Rooms, said: Said) -> None:
    project = rooms.project("billing")
    first = done(rooms, project, {"random": RANDOM, "entropy": SLOWER})
    done(rooms, project, {"random": RANDOM, "variance": QUICKER})
    test = rooms.open("compare", project=project)
    assert "Variance" in test.dataframe[0].value["Strategy"].tolist()
    test.button(key=f"open_{first.id}").click().run()
    assert "Entropy" in test.dataframe[0].value["Strategy"].tolist()
    assert "did worse than random" in said(test)


def test_a_difference_within_chance_is_no_victory() -> None:
    alike = [value + 0.001 * (-1) ** at for at, value in enumerate(RANDOM)]
    told = found({"random": RANDOM, "bald": alike})
    area = told["differences"]["bald"]["micro_f1"]["area"]
    crossing = {**area, "low": -0.01, "high": 0.01}
    told["differences"]["bald"]["micro_f1"]["area"] = crossing
    assert "Nothing can be told apart" in verdict(told)
    assert "95 % interval −0.010 to +0.010" in verdict(told)


def test_one_seed_claims_nothing() -> None:
    told = found({"random": RANDOM, "bald": QUICKER}, seeds=1)
    assert "With one seed nothing can be told from chance" in verdict(told)


def test_what_was_never_reached_is_said_and_not_counted() -> None:
    flat = dict.fromkeys(("random", "bald"), [0.1] * 5)
    told = found({**flat, "bald": [0.2] * 5})
    assert "did not come near" in verdict(told)
    table = results_table(told)
    assert table["For 90 %"].tolist() == ["not within 300", "not within 300"]
    assert table["Saved at 95 %"].tolist() == ["never reached", ""]


@pytest.mark.parametrize("n_passes", [20, 40])
def test_the_settings_of_an_arm_are_its_changes_to_the_strategys_own_recipe(n_passes: int) -> None:
    arm = plan_of({"random": RANDOM, "bald": QUICKER}).arms[1]
    recipe = replace(arm.recipe, n_passes=n_passes, random_share=0.2)
    assert settings_of(replace(arm, recipe=recipe)) == {
        "strategy": "bald",
        "recipe": {"random_share": 0.2},
        "n_passes": n_passes,
    }
