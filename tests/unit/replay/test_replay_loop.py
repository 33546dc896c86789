"""The loop played against gold labels, on vectors from which the labels follow."""

import dataclasses

import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.replay.learners import Documents, Trainer
from core.replay.loop import Ground, first_documents, micro_macro_f1, number_from, play
from core.replay.options import check_learners, options_in_full, reads_words
from core.replay.run import whole_pool
from core.replay.words import Words
from core.strategies.plan import Arm
from tests.unit.replay.gold import gold, plan_of

LABEL_X = np.eye(4, 12, dtype=np.float32)


NO_WORDS = {"lexical": False}


def played(arm="bald", seed=0, n=100, **changed):
    plan = plan_of(arm, **changed)
    return play(plan, plan.arms[0], seed, Ground.of(*gold(n), LABEL_X))


def figures(rounds):
    """All but what depends on the clock."""
    return [dataclasses.replace(r, seconds=0.0, query_seconds=0.0) for r in rounds]


@pytest.mark.parametrize(
    "arm",
    [
        "random",
        "bald",
        "entropy",
        "beal-mean",
        "cvirs",
        "contrastive",
        "badge",
        "bald:random_share=.2,rare_share=.2,coverage_share=.2",
        "bald:posterior=ensemble,n_passes=3",
        "besra:n_passes=3",
    ],
)
def test_the_loop_learns(arm):
    rounds = played(arm)
    assert [r.n_judged for r in rounds] == [10, 25, 40, 55]
    assert rounds[-1].micro_f1 > rounds[0].micro_f1 + 0.05
    assert rounds[-1].micro_f1 > 0.75
    asked = [row for r in rounds for row in r.asked]
    assert len(set(asked)) == len(asked) == 45


@pytest.mark.parametrize(
    ("learner", "options"),
    [
        ("quick", {}),
        ("logistic", {"C": 3.0}),
        ("neighbours", {}),
        ("mlp", {"layers": [16, 8], "activation": "gelu", "epochs": 3}),
        ("linear", {"epochs": 3}),
        ("ensemble", {"layers": [16], "epochs": 3, "n_members": 2}),
    ],
)
@pytest.mark.parametrize("arm", ["bald", "bald:posterior=ensemble,n_passes=2"])
def test_every_learner_can_be_played_with(learner, options, arm):
    rounds = played(arm, learner=learner, learner_options=options, n_rounds=1)
    assert [r.n_judged for r in rounds] == [10, 25]


def with_words(n=100):
    """Gold whose vectors tell nothing: only the words know the labels."""
    data, x, test_x = gold(n)
    blank, test_blank = (np.tile(np.eye(1, 12, dtype=np.float32), (len(v), 1)) for v in (x, test_x))
    return data, blank, test_blank, LABEL_X, Words(x, test_x)


def test_a_quick_learner_reads_words_beside_vectors_unless_told_not_to():
    plans = [plan_of("random", learner="logistic", learner_options=o) for o in ({}, NO_WORDS)]
    ground = Ground.of(*with_words())
    told, blind = (play(plan, plan.arms[0], 0, ground)[-1].micro_f1 for plan in plans)
    assert told > 0.75 > 0.65 > blind
    assert [reads_words(plan) for plan in plans] == [True, False]


def test_a_plan_reads_words_when_one_of_its_arms_does():
    own = {"strategy": "random", "learner_options": {"lexical": True}}
    off = {"learner": "logistic", "learner_options": NO_WORDS}
    assert reads_words(plan_of("bald", own, **off))
    assert not reads_words(plan_of("bald", learner="deep", learner_options={}))


def test_arms_of_a_seed_begin_alike_and_seeds_differ():
    first, other, elsewhere = played("random")[0], played("bald")[0], played("random", seed=1)[0]
    assert (first.micro_f1, first.threshold) == (other.micro_f1, other.threshold)
    assert first.micro_f1 != elsewhere.micro_f1


def test_the_same_seed_plays_the_same_loop():
    assert figures(played()) == figures(played())


def test_a_loop_goes_on_from_any_round_as_if_it_had_not_been_broken_off():
    whole = played()
    plan = plan_of("bald")
    for n_before in range(len(whole) + 1):
        told = []
        again = play(
            plan,
            plan.arms[0],
            0,
            Ground.of(*gold(), LABEL_X),
            before=whole[:n_before],
            on_round=told.append,
        )
        assert figures(again) == figures(whole)
        assert len(told) == len(whole) - n_before


def test_it_ends_when_the_pool_is_used_up():
    assert [r.n_judged for r in played(n=30, n_rounds=9)] == [10, 25, 30]
    assert [r.n_judged for r in played(n=10, n_rounds=9)] == [10]


def test_a_pool_too_small_to_begin_with_is_refused():
    with pytest.raises(InputError, match="9 documents, fewer than the 10"):
        played(n=9)


def test_a_cold_start_begins_with_documents_like_the_labels_and_not_by_lot():
    plan = plan_of("bald:cold_start=true,name=cold", "bald")
    ground = Ground.of(*gold(), LABEL_X)
    cold, by_lot = (first_documents(plan, arm, 0, ground) for arm in plan.arms)
    assert len(set(cold.tolist())) == len(set(by_lot.tolist())) == 10
    likeness = (ground.pool.x @ LABEL_X.T).max(axis=1)
    assert likeness[cold].mean() > likeness[by_lot].mean() + 0.1
    with pytest.raises(InputError, match="'cold' starts by label names"):
        first_documents(plan, plan.arms[0], 0, dataclasses.replace(ground, label_x=None))


def test_a_loop_can_be_stopped_within_a_round():
    plan = plan_of("bald")
    asked = iter([False, False, False, True])
    with pytest.raises(Cancelled):
        play(
            plan,
            plan.arms[0],
            0,
            Ground.of(*gold(), None),
            should_stop=lambda: next(asked, True),
        )


def test_without_folds_the_threshold_is_one_half():
    rounds = played(n_folds=0)
    assert {r.threshold for r in rounds} == {0.5}
    assert all(r.micro_f1 == r.micro_f1_at_half for r in rounds)


def test_unjudged_cells_are_neither_trained_nor_measured_on():
    data, x, test_x = gold()
    truth, test_truth = data.truth.copy(), data.test_truth.copy()
    truth[:, 0] = test_truth[:, 0] = -1
    masked = dataclasses.replace(data, truth=truth, test_truth=test_truth)
    plan = plan_of("bald")
    rounds = play(plan, plan.arms[0], 0, Ground.of(masked, x, test_x, None))
    assert all(0 < r.micro_f1 <= 1 for r in rounds)
    assert rounds[-1].micro_f1 > 0.75


def test_an_ensemble_beside_the_learner_changes_the_questions_and_not_the_measure():
    plain, beside = played("bald"), played("bald:posterior=ensemble,n_passes=3,name=bald")
    assert plain[0].micro_f1 == beside[0].micro_f1
    assert plain[0].asked != beside[0].asked


def test_an_arm_may_bring_a_learner_of_its_own():
    own = Arm.of({"strategy": "random", "learner_options": {"layers": [8]}})
    plan = plan_of("random")
    both = [Trainer(plan, arm, 4)._quick for arm in (None, own)]
    assert [config.layers for config in both] == [(64,), (8,)]
    assert [config.epochs for config in both] == [10, 10]
    other = Arm.of({"strategy": "random", "learner": "ensemble"})
    assert Trainer(plan, other, 4)._quick.layers == (256,)


@pytest.mark.parametrize(
    ("arm", "changed", "message"),
    [
        ("bald", {"learner_options": {"layrs": 3}}, "no option 'layrs' .did you mean 'layers'"),
        ("bald", {"learner_options": {"hidden": 3}}, "no option 'hidden'; did you mean 'layers'"),
        ("bald", {"learner_options": {"layers": "many"}}, "layers is 'many'"),
        ("bald", {"learner_options": {"seed": 3}}, "no option 'seed'"),
        ("bald", {"learner": "quick"}, "name the learner 'mlp' to set its 'layers'"),
        ("bald", {"learner": "deep", "learner_options": {"warm_start": True}}, "no option 'warm"),
        ("bald:stochastic_layers=2", {}, "set stochastic_layers to 0"),
        ("bald:per_second=true", {}, "set per_second to false"),
        ("bald:posterior=ensemble", {"learner": "deep", "learner_options": {}}, "'dropout'"),
    ],
)
def test_what_a_learner_cannot_do_is_refused_before_anything_is_played(arm, changed, message):
    with pytest.raises(InputError, match=message):
        check_learners(plan_of(arm, **changed))


def test_the_record_holds_the_options_that_were_left_as_they_are():
    options = options_in_full(plan_of("bald"))
    assert (options["layers"], options["dropout"]) == ((64,), 0.5)
    assert "seed" not in options


def test_documents_keep_words_apart_from_the_vectors_that_strategies_compare():
    x, words = np.eye(3, dtype=np.float32), np.ones((3, 2), dtype=np.float32)
    some = Documents(list("abc"), x, words)[np.array([2, 0])]
    assert np.asarray(some).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert some.features(lexical=True).tolist() == [[0, 0, 1, 1, 1], [1, 0, 0, 1, 1]]
    assert some.features(lexical=False).shape == (2, 3)


def test_documents_stay_texts_and_vectors_when_rows_are_taken():
    documents = Documents(list("abcd"), np.arange(8, dtype=np.float32).reshape(4, 2))
    assert documents[1:3].texts == ["b", "c"]
    some = documents[np.array([3, 0])]
    assert some.texts == ["d", "a"]
    assert np.asarray(some).tolist() == [[6, 7], [0, 1]]
    assert np.asarray(some, dtype=np.float64).dtype == np.float64


def test_seeds_for_different_things_differ():
    numbers = [
        number_from(0, use, number, arm)
        for use in range(3)
        for number in range(20)
        for arm in ("bald", "random")
    ]
    assert len(set(numbers)) == len(numbers)
    assert number_from(1, 0, 0) != number_from(0, 0, 1)


def test_f1_by_hand():
    proba = np.array([[0.9, 0.2], [0.8, 0.6], [0.1, 0.7]], dtype=np.float32)
    truth = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.int8)
    micro, macro = micro_macro_f1(proba, truth, 0.5)
    assert micro == pytest.approx(2 * 2 / (4 + 2))
    assert macro == pytest.approx((2 / 3 + 2 / 3) / 2)


def test_labels_never_present_do_not_enter_the_macro_average():
    truth = np.array([[1, 0]], dtype=np.int8)
    proba = np.array([[1.0, 0.0]], dtype=np.float32)
    assert micro_macro_f1(proba, truth, 0.5) == (1.0, 1.0)
    assert np.isnan(micro_macro_f1(proba, np.zeros_like(truth), 0.5)).all()


def test_everything_judged_scores_above_a_few_judged():
    plan = plan_of("random")
    ground = Ground.of(*gold(), None)
    whole = whole_pool(plan, 0, ground, should_stop=lambda: False)
    assert whole.n_judged == 100
    assert whole.micro_f1 > played("random")[0].micro_f1 + 0.05
