"""Students and what they make of a teacher's answers."""

import numpy as np
import pytest
import torch

from core.domain import UNJUDGED
from core.errors import InputError
from core.learners.baselines import BaselineConfig, BaselineLearner
from core.learners.dataset import JudgedTexts, unjudged
from core.learners.deep import DeepConfig, DeepLearner
from core.learners.distilling import (
    DistillingLoss,
    StudentConfig,
    StudentLearner,
    softened,
    targets_of,
)
from core.learners.gradient import leave_gradient
from core.learners.memory import Parts
from tests.unit.learners.tiny import judged, make_encoder
from tests.unit.learners.words import BagOfWords

KINDS = {
    "cnn": {"kind": "cnn", "filters": 16, "kernel_sizes": (1, 2), "lr": 1e-2},
    "rnn": {"kind": "rnn", "hidden": 12, "lr": 2e-2},
    "transformer": {"kind": "transformer", "n_layers": 1, "lr": 4e-3},
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("tiny") / "encoder")


def distil(teacher, train_set, pool_texts, *, config):
    """Ask the teacher about the pool and train a student on its answers."""
    pool = JudgedTexts(pool_texts, unjudged(len(pool_texts), 3))
    return StudentLearner(config, 3, device="cpu").fit(
        train_set, pool_texts=pool_texts, teacher_proba=teacher.predict_proba(pool)
    )


@pytest.fixture(scope="module")
def teacher(encoder):
    config = DeepConfig(
        encoder=encoder, epochs=12, lr=2e-3, head_lr=1e-2, batch_size=8, early_stopping=False
    )
    return DeepLearner(config, 3, device="cpu").fit(judged(60))


@pytest.fixture
def config_of(encoder):
    def build(name="cnn", **changes):
        options = {"epochs": 10, "batch_size": 16, "embedding_width": 16, "early_stopping": False}
        return StudentConfig(**(options | {"encoder": encoder} | KINDS[name] | changes))

    return build


def size_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", KINDS)
def test_a_student_is_smaller_than_its_teacher_and_answers_much_alike(config_of, teacher, name):
    """It has seen ten judged documents; the rest it has from the teacher."""
    few, pool, unseen = judged(10, seed=1), judged(150, seed=2), judged(60, seed=3)
    student = distil(teacher, few, pool.texts, config=config_of(name))
    assert size_of(student._network) < size_of(teacher._network)
    told, learnt = teacher.predict_proba(unseen), student.predict_proba(unseen)
    assert ((told > 0.5) == (learnt > 0.5)).mean() > 0.9
    assert np.corrcoef(told.ravel(), learnt.ravel())[0, 1] > 0.85


def test_any_learner_can_teach_and_untaught_labels_stay_unknown(config_of):
    few, pool = judged(30, seed=1), judged(40, seed=2)
    few.truth[:, 2] = UNJUDGED
    teacher = BaselineLearner(BaselineConfig(C=10.0, n_members=0), 3).fit(few)
    student = distil(teacher, few, pool.texts, config=config_of(epochs=2))
    proba = student.predict_proba(judged(5))
    assert np.isnan(proba[:, 2]).all()
    assert np.isfinite(proba[:, :2]).all()


def test_it_learns_32_documents_by_heart(config_of):
    data = judged(32)
    student = StudentLearner(config_of(epochs=40, dropout=0.0, batch_size=8), 3, device="cpu").fit(
        data
    )
    assert (student.predict(data).toarray() == data.truth).all()


def test_the_same_seed_gives_the_same_student_and_it_is_kept(config_of, tmp_path):
    pool = judged(20, seed=2)
    proba = np.random.default_rng(0).random((20, 3), dtype=np.float32)

    def fit():
        student = StudentLearner(config_of(epochs=2), 3, device="cpu")
        return student.fit(judged(10), pool_texts=pool.texts, teacher_proba=proba)

    student, data = fit(), judged(9, seed=5)
    expected = student.predict_proba(data)
    np.testing.assert_array_equal(fit().predict_proba(data), expected)
    student.save(tmp_path / "student")
    loaded = StudentLearner.load(tmp_path / "student", device="cpu")
    assert loaded.config == student.config
    np.testing.assert_array_equal(loaded.predict_proba(data), expected)


def test_exclusive_labels_are_taught_as_shares(config_of):
    pool = JudgedTexts(["red", "blue", "big", "red small"] * 10, np.zeros((40, 3), dtype=np.int8))
    proba = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]] * 10)
    config = config_of(exclusive=True, dropout=0.0, epochs=30, temperature=2.0)
    nobody = JudgedTexts(["red"], np.full((1, 3), UNJUDGED, dtype=np.int8))
    student = StudentLearner(config, 3, device="cpu").fit(
        nobody, pool_texts=pool.texts, teacher_proba=proba.astype(np.float32)
    )
    assert student.predict_proba(pool[:4]) == pytest.approx(proba[:4], abs=0.1)


# --- the loss, by hand ------------------------------------------------------------------


def test_targets_are_judgements_on_the_left_and_answers_on_the_right():
    truth = np.array([[1, 0], [-1, 1]], dtype=np.int8)
    taught = np.array([[0.25, np.nan]], dtype=np.float32)
    targets = targets_of(truth, taught, StudentConfig())
    expected = [[1, 0, -1, -1], [-1, 1, -1, -1], [-1, -1, 0.25, -1]]
    assert targets == pytest.approx(np.array(expected), abs=1e-6)


def test_cells_that_nobody_answered_have_a_gradient_of_exactly_zero():
    truth = np.array([[1, -1], [-1, -1]], dtype=np.int8)
    taught = np.array([[0.3, np.nan], [np.nan, np.nan]], dtype=np.float32)
    for exclusive in (False, True):
        config = StudentConfig(exclusive=exclusive, temperature=2.0)
        targets = torch.from_numpy(targets_of(truth, taught, config))
        logits = torch.randn(4, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
        DistillingLoss(config, truth)(logits, targets).backward()
        assert (logits.grad[[1, 3]] == 0).all()
        if not exclusive:
            assert (logits.grad[[0, 2], 1] == 0).all()
        assert logits.grad[0, 0] != 0


def test_judged_and_taught_cells_count_by_the_teachers_weight():
    truth = np.array([[1]], dtype=np.int8)
    targets = torch.from_numpy(
        targets_of(truth, np.array([[0.5]], dtype=np.float32), StudentConfig())
    )
    logits = torch.tensor([[1.0], [2.0]])
    hard = np.log1p(np.exp(-1.0))
    soft = 0.5 * np.log1p(np.exp(-2.0)) + 0.5 * np.log1p(np.exp(2.0))
    for weight in (0.0, 0.25, 1.0):
        loss = DistillingLoss(StudentConfig(teacher_weight=weight), truth)(logits, targets)
        assert float(loss) == pytest.approx((1 - weight) * hard + weight * soft, rel=1e-5)


@pytest.mark.parametrize("exclusive", [False, True])
def test_the_gradient_is_the_same_in_parts_where_memory_is_short(exclusive):
    truth = np.array([[1, 0, 0], [-1, 0, -1], [-1, -1, -1]], dtype=np.int8)
    taught = np.array([[0.9, 0.1, 0.0], [0.3, 0.2, 0.5], [np.nan] * 3], dtype=np.float32)
    config = StudentConfig(teacher_weight=0.8, temperature=2.0, exclusive=exclusive)
    targets = torch.from_numpy(targets_of(truth, taught, config))
    network = BagOfWords(dropout=0.0)
    ids = [[row + 1, 1] for row in range(len(targets))]

    def gradient(parts):
        loss = leave_gradient(
            network,
            ids,
            targets,
            loss=DistillingLoss(config, truth),
            pad_id=0,
            parts=parts,
            exclusive=exclusive,
        )
        return loss, [parameter.grad.clone() for parameter in network.parameters()]

    torch.testing.assert_close(gradient(Parts(n_tokens=2)), gradient(Parts()))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn(temperature, exclusive):
    proba = np.array([[0.7, 0.2, 0.1]], dtype=np.float32)
    config = StudentConfig(temperature=temperature, exclusive=exclusive, teacher_weight=1.0)
    nobody = np.empty((0, 3), dtype=np.int8)
    targets = torch.from_numpy(targets_of(nobody, proba, config))
    said = np.log(proba) if exclusive else np.log(proba / (1 - proba))
    logits = torch.from_numpy(said).requires_grad_()
    DistillingLoss(config, nobody)(logits, targets).backward()
    assert logits.grad.numpy() == pytest.approx(np.zeros((1, 3)), abs=1e-6)


def test_softening_keeps_the_order_and_comes_nearer_to_even():
    proba = np.array([[0.9, 0.09, 0.01]], dtype=np.float32)
    even = softened(proba, 4.0, exclusive=True)
    assert even.sum() == pytest.approx(1.0)
    assert (np.diff(even[0]) < 0).all()
    assert even[0, 0] < 0.6
    alone = softened(np.array([[0.9, 0.0, np.nan]], dtype=np.float32), 2.0, exclusive=False)
    assert alone[0, 0] == pytest.approx(0.75)  # odds of 9 become 3
    assert 0 < alone[0, 1] < 0.01
    assert np.isnan(alone[0, 2])


def test_a_teacher_that_is_missing_or_of_another_size_is_refused():
    student = StudentLearner(StudentConfig(), 3, device="cpu")
    with pytest.raises(InputError, match="1 texts to be taught on, but no answers"):
        student.fit(judged(4), pool_texts=["red"])
    with pytest.raises(InputError, match=r"shape \(1, 2\); 1 texts and 3 labels want \(1, 3\)"):
        student.fit(judged(4), pool_texts=["red"], teacher_proba=np.zeros((1, 2), dtype=np.float32))
    with pytest.raises(InputError, match="teacher_weight is 2"):
        StudentConfig(teacher_weight=2)
    with pytest.raises(InputError, match="temperature is 0"):
        StudentConfig(temperature=0)
