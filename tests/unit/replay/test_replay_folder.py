"""What is played stays on the disk, and only its own plan goes on with it."""

import dataclasses
import json
import threading

import numpy as np
import pytest

from core.errors import Cancelled, Conflict, CorruptArtefact
from core.replay.folder import ReplayFolder
from core.replay.results import RoundResult
from core.replay.run import full_data_scores, run_plan
from core.strategies.plan import Arm
from tests.unit.replay.gold import gold
from tests.unit.replay.gold import plan_of as plan_to_learn

ARM = Arm.of("bald")
FIRST = RoundResult(10, 0.4, 0.5, float("nan"), 0.5, 0.5, 1.0, 0.5, (3, 1))
SECOND = RoundResult(12, 0.41, 0.1 + 0.2, 0.5, 0.5, 0.5, 1.0, 0.0)


def plan_of(*arms, **changed):
    """Loops that learn next to nothing, but soon."""
    options = {"layers": [8], "epochs": 1}
    return plan_to_learn(*arms, **{"learner_options": options, **changed})


def same(one, other):
    """NaN equals NaN here."""
    return json.dumps([r.to_json() for r in one]) == json.dumps([r.to_json() for r in other])


def timeless(runs):
    """All but what depends on the clock."""
    now = {"seconds": 0, "query_seconds": 0}
    return [(r.arm.name, r.seed, [x.to_json() | now for x in r.rounds]) for r in runs]


def test_rounds_are_read_back_to_the_last_bit(tmp_path):
    kept = ReplayFolder(tmp_path)
    assert kept.rounds_of(ARM, 0) == []
    kept.keep(ARM, 0, FIRST)
    kept.keep(ARM, 0, SECOND)
    assert same(kept.rounds_of(ARM, 0), [FIRST, SECOND])
    assert kept.rounds_of(ARM, 0)[1].micro_f1 == 0.1 + 0.2
    assert kept.rounds_of(ARM, 1) == []


@pytest.mark.parametrize("n_lost", range(1, 30, 4))
def test_a_line_half_written_is_dropped_and_written_anew(tmp_path, n_lost):
    kept = ReplayFolder(tmp_path)
    kept.keep(ARM, 0, FIRST)
    kept.keep(ARM, 0, SECOND)
    (file,) = (tmp_path / "rounds").iterdir()
    file.write_bytes(file.read_bytes()[:-n_lost])
    assert same(kept.rounds_of(ARM, 0), [FIRST])
    kept.keep(ARM, 0, SECOND)
    assert same(kept.rounds_of(ARM, 0), [FIRST, SECOND])


def test_a_file_with_nothing_but_half_a_first_line_begins_anew(tmp_path):
    kept = ReplayFolder(tmp_path)
    kept.keep(ARM, 0, FIRST)
    (file,) = (tmp_path / "rounds").iterdir()
    file.write_bytes(file.read_bytes()[:7])
    assert kept.rounds_of(ARM, 0) == []
    kept.keep(ARM, 0, FIRST)
    assert same(kept.rounds_of(ARM, 0), [FIRST])


def test_a_whole_line_that_cannot_be_read_is_no_crash_but_damage(tmp_path):
    kept = ReplayFolder(tmp_path)
    kept.keep(ARM, 0, FIRST)
    (file,) = (tmp_path / "rounds").iterdir()
    file.write_bytes(file.read_bytes() + b"{oops\n")
    with pytest.raises(CorruptArtefact, match="Line 3 of"):
        kept.rounds_of(ARM, 0)


def test_arms_whose_names_look_alike_on_disk_keep_apart(tmp_path):
    kept = ReplayFolder(tmp_path)
    one, other = (Arm.of({"strategy": "bald", "name": name}) for name in ("a b", "a-b"))
    kept.keep(one, 0, FIRST)
    assert kept.rounds_of(other, 0) == []


def test_an_arm_of_the_same_name_with_another_recipe_is_refused(tmp_path):
    kept = ReplayFolder(tmp_path)
    kept.keep(ARM, 0, FIRST)
    with pytest.raises(Conflict, match="another arm called 'bald'"):
        kept.rounds_of(Arm.of({"strategy": "bald", "batching": "top", "name": "bald"}), 0)


@pytest.fixture
def played(tmp_path):
    """A plan played once."""
    plan = plan_of("random", "bald", n_rounds=1, seeds=2)
    return plan, run_plan(plan, *gold(), folder=tmp_path)


def test_all_runs_come_back_seed_by_seed_with_the_score_of_everything_judged(played, tmp_path):
    plan, runs = played
    expected = [(0, "random"), (0, "bald"), (1, "random"), (1, "bald")]
    assert [(run.seed, run.arm.name) for run in runs] == expected
    full = full_data_scores(tmp_path, plan.seeds)
    assert {result.n_judged for result in full.values()} == {100}


def test_nothing_is_played_twice(played, tmp_path):
    plan, runs = played
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json*")}
    told = []
    again = run_plan(plan, *gold(), folder=tmp_path, on_progress=told.append)
    assert again == runs
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json*")} == before
    assert told[-1].n_done == told[-1].n_total == 2 * (2 * 2 + 1)


def test_arms_and_seeds_may_be_added_and_the_others_stay(played, tmp_path):
    _, runs = played
    more = plan_of("random", "bald", "entropy", n_rounds=1, seeds=3, name="more")
    grown = run_plan(more, *gold(), folder=tmp_path)
    assert len(grown) == 9
    kept = [run for run in grown if run.seed < 2 and run.arm.name != "entropy"]
    assert kept == runs


def test_other_rules_are_refused_and_named(played, tmp_path):
    other = plan_of("random", "bald", n_rounds=2, batch_size=5, seeds=2)
    with pytest.raises(Conflict, match="batch_size 15, not 5; n_rounds 1, not 2"):
        run_plan(other, *gold(), folder=tmp_path)


def test_other_data_and_other_vectors_are_refused(played, tmp_path):
    plan, _ = played
    data, x, test_x = gold()
    changed = dataclasses.replace(data, truth=1 - data.truth)
    with pytest.raises(Conflict, match="other data"):
        run_plan(plan, changed, x, test_x, folder=tmp_path)
    with pytest.raises(Conflict, match="vectors of another encoder"):
        run_plan(plan, data, -x, test_x, folder=tmp_path)


def test_two_processes_do_not_play_into_one_folder(played, tmp_path):
    plan, _ = played
    kept = ReplayFolder(tmp_path)
    with (
        kept.open_for(plan, *gold()),
        pytest.raises(Conflict, match="Another process"),
        kept.open_for(plan, *gold()),
    ):
        pass


def test_stopped_anywhere_and_gone_on_with_it_ends_as_if_never_stopped(played, tmp_path):
    plan, runs = played
    n_stops, found = 0, None
    for patience in range(1, 1000, 3):
        asked = iter([False] * patience)
        lock = threading.Lock()

        def stops(asked=asked, lock=lock):
            with lock:
                return next(asked, True)

        try:
            found = run_plan(plan, *gold(), folder=tmp_path / "stopped", should_stop=stops)
            break
        except Cancelled:
            n_stops += 1
    assert n_stops > 3
    assert timeless(found) == timeless(runs)


def test_any_number_of_threads_plays_the_same(played, tmp_path):
    plan, runs = played
    for n in (1, 3):
        found = run_plan(plan, *gold(), folder=tmp_path / f"{n} threads", n_threads=n)
        assert timeless(found) == timeless(runs)


def test_a_failure_in_one_loop_ends_the_others_and_is_the_one_that_is_told(tmp_path):
    plan = plan_of("random", "bald:cold_start=true", n_rounds=1)
    data, x, test_x = gold()
    with pytest.raises(ValueError, match="matmul"):
        run_plan(plan, data, x, test_x, folder=tmp_path, label_x=np.ones((4, 3), np.float32))
