"""What holds for every kind of quick head, whatever it learns by."""

import dataclasses

import numpy as np
import pytest

from core.errors import CorruptArtefact, InputError
from core.learners.dataset import JudgedVectors, unjudged
from core.learners.masking import prior_logits
from core.learners.quick import Activation, QuickConfig, QuickKind, load_quick, new_quick

BLOCKS = (12, 8)
EVERY_KIND = pytest.mark.parametrize("kind", QuickKind)


def config_of(kind, **changes):
    usual = QuickConfig(kind=kind, layers=(32,), epochs=6, steps_per_epoch=5, seed=5)
    return dataclasses.replace(usual, **changes)


def vectors(n, seed=0, blocks=BLOCKS):
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((n, width)).astype(np.float32) for width in blocks]
    return np.hstack([part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts])


def follows(x, n_labels=3, seed=9):
    """Truth that follows from the features: which side of a plane a document is on."""
    planes = np.random.default_rng(seed).standard_normal((x.shape[1], n_labels))
    return (x @ planes > 0).astype(np.int8)


def one_each(x, n_labels=3, seed=9):
    """Exactly one label present for each document."""
    planes = np.random.default_rng(seed).standard_normal((x.shape[1], n_labels))
    return np.eye(n_labels, dtype=np.int8)[(x @ planes).argmax(axis=1)]


def pool(x, n_labels=3):
    return JudgedVectors(x, unjudged(len(x), n_labels))


def trained(kind, **changes):
    x = vectors(60)
    return new_quick(config_of(kind, **changes), 3, blocks=BLOCKS).fit(JudgedVectors(x, follows(x)))


def log_loss(proba, truth):
    return -np.log(np.where(truth == 1, proba, 1 - proba)).mean()


@EVERY_KIND
def test_it_overfits_thirty_two_documents(kind):
    x = vectors(32, blocks=(64, 32))
    truth = np.random.default_rng(1).integers(0, 2, (32, 5)).astype(np.int8)
    config = config_of(kind, layers=(128,), epochs=100, C=1e4, dropout=0.2, lr=3e-3)
    head = new_quick(config, 5, blocks=(64, 32)).fit(JudgedVectors(x, truth))
    assert (head.predict(pool(x, 5)).toarray() == truth).all()


@EVERY_KIND
@pytest.mark.parametrize("exclusive", [False, True])
def test_on_new_documents_it_beats_knowing_only_how_frequent_labels_are(kind, exclusive):
    x, new = vectors(200), vectors(200, seed=1)
    truth_of = one_each if exclusive else follows
    config = config_of(kind, exclusive=exclusive, epochs=20, lr=3e-3)
    head = new_quick(config, 3, blocks=BLOCKS).fit(JudgedVectors(x, truth_of(x)))
    prior = 1 / (1 + np.exp(-prior_logits(truth_of(x))))
    told = log_loss(np.broadcast_to(prior, (200, 3)), truth_of(new))
    assert log_loss(head.predict_proba(pool(new)), truth_of(new)) < 0.95 * told


@EVERY_KIND
def test_what_is_under_an_unjudged_cell_has_no_influence(kind):
    x = vectors(40)
    answers = []
    for hidden in (0, 1):
        truth = follows(x)
        truth[::3, 1] = hidden  # what somebody would have said
        truth[::3, 1] = -1
        answers.append(
            new_quick(config_of(kind), 3, blocks=BLOCKS)
            .fit(JudgedVectors(x, truth))
            .predict_proba(pool(x), dropout_sampling=3)
        )
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize("kind", [QuickKind.AUTO, QuickKind.LOGISTIC, QuickKind.NEIGHBOURS])
@pytest.mark.parametrize("exclusive", [False, True])
def test_documents_nobody_judged_might_as_well_not_be_there(kind, exclusive):
    x, more = vectors(40), vectors(30, seed=8)
    truth = one_each(x)
    config = config_of(kind, exclusive=exclusive)
    without = new_quick(config, 3, blocks=BLOCKS).fit(JudgedVectors(x, truth))
    among = JudgedVectors(np.vstack([x, more]), np.vstack([truth, unjudged(30, 3)]))
    with_them = new_quick(config, 3, blocks=BLOCKS).fit(among)
    np.testing.assert_array_equal(
        with_them.predict_proba(pool(more)), without.predict_proba(pool(more))
    )


@EVERY_KIND
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_label_that_nobody_judged_gets_no_probability(kind, exclusive):
    x = vectors(30)
    truth = one_each(x, n_labels=4)
    truth[:, 3] = -1
    head = new_quick(config_of(kind, exclusive=exclusive), 4, blocks=BLOCKS)
    head.fit(JudgedVectors(x, truth))
    for proba in (head.predict_proba(pool(x, 4)), head.predict_proba(pool(x, 4), 0.5, 3)):
        assert np.isnan(proba[..., 3]).all()
        assert np.isfinite(proba[..., :3]).all()
        if exclusive:
            np.testing.assert_allclose(proba[..., :3].sum(axis=-1), 1.0, atol=1e-5)


@EVERY_KIND
@pytest.mark.parametrize(("n", "state"), [(0, 0), (1, 0), (1, 1), (1, -1), (2, 1), (5, 0), (5, 1)])
@pytest.mark.parametrize("exclusive", [False, True])
def test_few_documents_all_judged_alike_are_no_accident(kind, n, state, exclusive):
    x = vectors(n)
    truth = np.full((n, 2), state, dtype=np.int8)
    head = new_quick(config_of(kind, exclusive=exclusive), 2, blocks=BLOCKS)
    head.fit(JudgedVectors(x, truth))
    proba = head.predict_proba(pool(vectors(4, seed=2), 2))
    samples = head.predict_proba(pool(vectors(4, seed=2), 2), dropout_sampling=3)
    is_taught = n > 0 and state >= 0
    assert np.isfinite(proba).all() == is_taught
    assert np.isfinite(samples).all() == is_taught
    if is_taught and not exclusive:
        assert ((proba > 0.5) == bool(state)).all()


@EVERY_KIND
@pytest.mark.parametrize("exclusive", [False, True])
def test_the_same_seed_gives_the_same_answers(kind, exclusive):
    first, second = (
        trained(kind, exclusive=exclusive).predict_proba(pool(vectors(9, seed=3)), 0.5, 4)
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@EVERY_KIND
def test_read_back_it_answers_the_same(kind, tmp_path):
    head, new = trained(kind), pool(vectors(9, seed=3))
    head.save(tmp_path / "head")
    loaded = load_quick(tmp_path / "head")
    assert (loaded.config, loaded.blocks, type(loaded)) == (head.config, BLOCKS, type(head))
    np.testing.assert_array_equal(loaded.predict_proba(new), head.predict_proba(new))
    np.testing.assert_array_equal(
        loaded.predict_proba(new, dropout_sampling=5), head.predict_proba(new, dropout_sampling=5)
    )


def test_a_folder_of_something_else_is_refused(tmp_path):
    trained(QuickKind.LOGISTIC).save(tmp_path / "head")
    about = tmp_path / "head" / "learner.json"
    about.write_text(about.read_text().replace("quick-head-3", "quick-head-2"))
    with pytest.raises(CorruptArtefact, match="run the round again"):
        load_quick(tmp_path / "head")


class Sliced:
    """Something with a length that gives arrays when sliced, and is none itself."""

    def __init__(self, x):
        self.x, self.shape = x, x.shape

    def __len__(self):
        return len(self.x)

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        assert rows.stop - rows.start <= 4
        return self.x[rows]


@EVERY_KIND
def test_a_pool_is_read_chunk_by_chunk_and_chunks_do_not_show(kind):
    head, x = trained(kind), vectors(11, seed=3)
    plain = head.predict_proba(pool(x))
    draws = head.predict_proba(pool(x), dropout_sampling=6)
    seen = 0
    for rows, proba, samples in head.score_stream(Sliced(x), n_passes=6, chunk=4):
        np.testing.assert_allclose(proba, plain[rows], atol=1e-6)
        np.testing.assert_allclose(samples, draws[rows], atol=1e-6)
        seen += len(proba)
    assert seen == 11


@EVERY_KIND
def test_each_pass_is_one_function_of_the_vector_it_is_given(kind):
    head, x = trained(kind), vectors(5, seed=3)
    draws = head.predict_proba(pool(x), dropout_sampling=4)
    np.testing.assert_allclose(head.samples_of(np.repeat(x[:, None], 4, axis=1)), draws, atol=1e-5)
    rolled = np.stack([np.roll(x, t, axis=0) for t in range(4)], axis=1)
    for t in range(4):
        expected = np.roll(draws[:, t], t, axis=0)
        np.testing.assert_allclose(head.samples_of(rolled)[:, t], expected, atol=1e-5)


@EVERY_KIND
def test_draws_differ_and_their_mean_is_near_the_plain_answer(kind):
    x = vectors(300)
    head = new_quick(config_of(kind), 3, blocks=BLOCKS).fit(JudgedVectors(x, follows(x)))
    new = pool(vectors(20, seed=3))
    draws, plain = head.predict_proba(new, dropout_sampling=200), head.predict_proba(new)
    assert draws.std(axis=1).min() > 0
    assert np.abs(draws.mean(axis=1) - plain).mean() < 0.03


@pytest.mark.parametrize("kind", ["mlp", "linear"])
def test_a_network_without_dropout_is_refused_for_sampling(kind):
    head = trained(kind, dropout=0.0)
    assert np.isfinite(head.predict_proba(pool(vectors(3)))).all()
    with pytest.raises(InputError, match="passes would all agree"):
        head.predict_proba(pool(vectors(3)), dropout_sampling=5)


@EVERY_KIND
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_features_may_be_of_any_precision_and_in_a_file_not_to_be_written(kind, dtype, tmp_path):
    x = vectors(20).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    truth = follows(vectors(20))
    head = new_quick(config_of(kind), 3, blocks=BLOCKS).fit(JudgedVectors(mapped, truth))
    again = new_quick(config_of(kind), 3, blocks=BLOCKS).fit(JudgedVectors(x, truth))
    expected = again.predict_proba(pool(np.asfortranarray(x)), dropout_sampling=2)
    np.testing.assert_array_equal(head.predict_proba(pool(mapped), dropout_sampling=2), expected)


@EVERY_KIND
def test_what_the_last_layer_reads_can_be_had(kind):
    head, x = trained(kind), vectors(7, seed=3)
    embedded, proba = head.embed(pool(x), return_proba=True)
    assert len(embedded) == 7
    np.testing.assert_array_equal(proba, head.predict_proba(pool(x)))
    assert embedded.shape[1] == (32 if kind is QuickKind.MLP else 20)
    assert len(head.embed(pool(vectors(0)))) == 0


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("layers", [(24,), (41, 22, 11)])
def test_every_activation_learns_in_few_and_many_layers(activation, layers, tmp_path):
    x = vectors(80)
    config = config_of(QuickKind.MLP, layers=layers, activation=activation, epochs=20, lr=1e-2)
    data = JudgedVectors(x, follows(x))
    head = new_quick(config, 3, blocks=BLOCKS).fit(data)
    assert log_loss(head.predict_proba(data), follows(x)) < 0.4
    head.save(tmp_path / "head")
    np.testing.assert_array_equal(
        load_quick(tmp_path / "head").predict_proba(data), head.predict_proba(data)
    )


def test_a_configuration_may_come_from_json():
    config = QuickConfig(kind="mlp", layers=[41, 22], activation="gelu")
    assert config == QuickConfig(kind=QuickKind.MLP, layers=(41, 22), activation=Activation.GELU)
