"""The training loop on the smallest network there is."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.errors import Cancelled, InputError
from core.learners.early_stopping import EarlyStopping
from core.learners.finetuning import Outcome, Training, fine_tune
from core.learners.losses import LossConfig, make_loss
from core.learners.training_state import read_state
from tests.unit.learners.words import BagOfWords, documents, new_network, weights_of

TRAINING = Training(epochs=4, lr=0.05, head_lr=0.05, batch_size=8, seed=3)


def train(network: torch.nn.Module, config: Training = TRAINING, **options: Any) -> Outcome:
    ids, truth = documents()
    loss = make_loss(LossConfig(), truth.numpy())
    return fine_tune(network, ids, truth, config=config, pad_id=0, loss=loss, **options)


def scores(*values: float | None) -> Any:
    told = iter(values)
    return lambda: next(told)


def test_it_learns() -> None:
    history = train(new_network(), dataclasses.replace(TRAINING, epochs=30)).history
    assert history[-1]["loss"] < 0.3 * history[0]["loss"]
    assert [entry["epoch"] for entry in history] == list(range(1, 31))


def test_the_same_seed_gives_the_same_weights_and_leaves_the_worlds_randomness_alone() -> None:
    networks = [new_network() for _ in range(3)]
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    train(networks[0])
    after = torch.rand(1), random.random(), np.random.rand()  # noqa: NPY002
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    assert after == (torch.rand(1), random.random(), np.random.rand())  # noqa: NPY002
    train(networks[1])
    train(networks[2], dataclasses.replace(TRAINING, seed=4))
    assert torch.equal(weights_of(networks[0]), weights_of(networks[1]))
    assert not torch.equal(weights_of(networks[0]), weights_of(networks[2]))


def test_weight_decay_is_for_matrices_alone() -> None:
    """With nothing judged there is no other force: a rate of 0.05 by a decay of 1."""
    network = new_network()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    ids, truth = documents(8)
    config = Training(epochs=1, lr=0.05, head_lr=0.05, batch_size=8, weight_decay=1.0)
    fine_tune(
        network,
        ids,
        torch.full_like(truth, -1),
        config=config,
        pad_id=0,
        loss=make_loss(LossConfig(), truth.numpy()),
    )
    for name, value in network.named_parameters():
        share = 0.95 if value.ndim > 1 else 1.0
        torch.testing.assert_close(value.detach(), before[name] * share)


def test_soft_targets_are_learnt_as_they_are() -> None:
    network, (ids, _) = new_network(dropout=0.0), documents(40)
    target = torch.full((40, 3), 0.3)
    config = Training(epochs=40, lr=0.02, head_lr=0.05, batch_size=8)
    loss = make_loss(LossConfig(), target.numpy())
    fine_tune(network, ids, target, config=config, pad_id=0, loss=loss)
    with torch.inference_mode():
        proba = torch.sigmoid(network(torch.tensor([[1, 2]]), torch.ones(1, 2)))
    assert proba.numpy() == pytest.approx(np.full((1, 3), 0.3), abs=0.03)


def test_the_best_epochs_weights_are_put_back_and_the_reason_is_told() -> None:
    network, seen = new_network(), []
    config = dataclasses.replace(TRAINING, epochs=9, stopping=EarlyStopping(patience=1))
    outcome = train(
        network,
        config,
        validate=scores(0.5, 0.8, 0.7, 0.6),
        on_epoch=lambda epoch, loss: seen.append(weights_of(network)),
    )
    assert (outcome.n_epochs, outcome.best_epoch) == (4, 2)
    assert outcome.stopped_because == (
        "Stopped after epoch 4 of 9: the validation score fell to 0.600, 25% below its best, "
        "0.800 after epoch 2. The weights of epoch 2 are kept."
    )
    assert torch.equal(weights_of(network), seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert [entry["score"] for entry in outcome.history] == [0.5, 0.8, 0.7, 0.6]


def test_without_early_stopping_all_epochs_are_run_and_the_last_weights_stay() -> None:
    network, seen = new_network(), []
    outcome = train(
        network,
        validate=scores(0.9, 0.1, 0.1, 0.1),
        on_epoch=lambda epoch, loss: seen.append(weights_of(network)),
    )
    assert outcome.stopped_because == "All 4 epochs were run."
    assert outcome.best_epoch == 1
    assert torch.equal(weights_of(network), seen[-1])


def test_what_is_told_of_an_epoch_joins_the_history() -> None:
    outcome = train(new_network(), on_epoch=lambda epoch, loss: {"f1": epoch / 10})
    assert [entry["f1"] for entry in outcome.history] == [0.1, 0.2, 0.3, 0.4]
    assert set(outcome.history[0]) == {"epoch", "loss", "lr", "score", "seconds", "f1"}
    assert outcome.history[-1]["lr"] < outcome.history[1]["lr"]


def test_asking_the_network_between_epochs_leaves_no_trace() -> None:
    def ask(epoch: int, loss: float) -> None:
        assert not watched.training
        torch.rand(7)
        random.random()

    watched, undisturbed = new_network(), new_network()
    train(watched, on_epoch=ask)
    train(undisturbed)
    assert torch.equal(weights_of(watched), weights_of(undisturbed))


def test_a_training_that_was_stopped_goes_on_from_its_last_epoch(tmp_path: Path) -> None:
    steps: list[int] = []
    with pytest.raises(Cancelled, match="step 12 of 20"):
        train(
            new_network(),
            state=tmp_path / "state",
            on_step=lambda step, n_steps, loss: steps.append(step),
            should_stop=lambda: len(steps) == 12,
        )
    assert read_state(tmp_path / "state").epoch == 2
    resumed, whole = new_network(), new_network()
    outcome = train(resumed, state=tmp_path / "state")
    expected = train(whole)
    assert outcome.resumed_from == 2
    assert torch.equal(weights_of(resumed), weights_of(whole))
    assert [entry["loss"] for entry in outcome.history] == [
        entry["loss"] for entry in expected.history
    ]


def test_a_finished_training_is_not_run_again_but_may_have_more_epochs(tmp_path: Path) -> None:
    first, again, longer = (new_network() for _ in range(3))
    train(first, state=tmp_path)
    assert train(again, state=tmp_path).resumed_from == 4
    assert torch.equal(weights_of(first), weights_of(again))
    outcome = train(longer, dataclasses.replace(TRAINING, epochs=6), state=tmp_path)
    assert (outcome.resumed_from, outcome.n_epochs) == (4, 6)
    assert not torch.equal(weights_of(first), weights_of(longer))


def test_an_early_stop_is_kept_over_a_resumption_until_epochs_are_added(tmp_path: Path) -> None:
    stopping = dataclasses.replace(TRAINING, stopping=EarlyStopping(patience=1, min_epochs=1))
    first = train(new_network(), stopping, validate=scores(0.5, 0.5), state=tmp_path)
    assert first.n_epochs == 2
    again = new_network()
    second = train(again, stopping, validate=scores(), state=tmp_path)
    assert second.stopped_because == first.stopped_because
    more = dataclasses.replace(stopping, epochs=5)
    third = train(new_network(), more, validate=scores(0.6, 0.7, 0.8), state=tmp_path)
    assert (third.n_epochs, third.best_epoch) == (5, 5)


def test_other_data_or_options_begin_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(new_network(), state=tmp_path / "state")
    outcome = train(new_network(), state=tmp_path / "state", identity="another encoder")
    assert outcome.resumed_from == 0
    assert "other data or options" in caplog.text
    changed = dataclasses.replace(TRAINING, lr=0.01)
    assert train(new_network(), changed, state=tmp_path / "state").resumed_from == 0


def test_a_loss_that_is_no_number_ends_the_training_with_a_way_out() -> None:
    network = new_network()
    with torch.no_grad():
        network.head.bias[0] = float("nan")
    with pytest.raises(InputError, match="beyond all numbers in epoch 1; lower lr"):
        train(network)


class Failing(BagOfWords):
    """Its device is lost at one forward pass of training."""

    fails_at, n_forward = 13, 0

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.n_forward += self.training
        if self.n_forward == self.fails_at and self.training:
            raise torch.AcceleratorError("CUDA error: unspecified launch failure\nmore")
        return super().forward(ids, mask)


def test_a_lost_gpu_is_replaced_from_the_last_epoch_and_people_are_told(tmp_path: Path) -> None:
    whole, broken = new_network(), Failing()
    broken.load_state_dict(whole.state_dict())
    outcome = train(broken, state=tmp_path / "state")
    assert outcome.messages == [
        "The GPU was lost in epoch 3 (CUDA error: unspecified launch failure); training went on "
        "with the CPU after epoch 2."
    ]
    assert outcome.device == "cpu"
    train(whole)
    assert torch.equal(weights_of(broken), weights_of(whole))


def test_a_gpu_lost_in_the_first_epoch_costs_that_epoch(tmp_path: Path) -> None:
    whole, broken = new_network(), Failing()
    broken.load_state_dict(whole.state_dict())
    broken.fails_at = 2
    assert train(broken, state=tmp_path / "state").n_epochs == 4
    train(whole)
    assert torch.equal(weights_of(broken), weights_of(whole))


def test_other_errors_are_not_mistaken_for_a_lost_gpu(tmp_path: Path) -> None:
    def broken(epoch: int, loss: float) -> None:
        raise RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError, match="a mistake of ours"):
        train(new_network(), state=tmp_path / "state", on_epoch=broken)
