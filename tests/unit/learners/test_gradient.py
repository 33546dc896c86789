"""What a batch's gradient is made of, whatever memory there is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.errors import InputError
from core.learners.gradient import leave_gradient, uses_bfloat16
from core.learners.losses import LossConfig, make_loss
from core.learners.memory import Memory, Parts, is_full, is_lost
from tests.unit.learners.words import BagOfWords, documents, new_network

CPU = torch.device("cpu")


class Narrow(BagOfWords):
    """Has memory for so many rows."""

    def __init__(self, n_rows: int) -> None:
        super().__init__(dropout=0.0)
        self.n_rows = n_rows
        self.asked: list[int] = []

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(ids))
        if len(ids) > self.n_rows:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return super().forward(ids, mask)


def gradient_of(
    network: torch.nn.Module,
    ids: list[list[int]],
    truth: torch.Tensor,
    *,
    parts: Parts | None = None,
    loss: LossConfig | None = None,
) -> tuple[float, dict[str, torch.Tensor]]:
    config = loss or LossConfig()
    value = leave_gradient(
        network,
        ids,
        truth,
        loss=make_loss(config, truth.numpy()),
        pad_id=0,
        parts=parts or Parts(),
        exclusive=config.exclusive,
    )
    return float(value), {
        name: parameter.grad.clone()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize(
    "loss",
    [
        LossConfig(),
        LossConfig(positive_weight=True),
        LossConfig(kind="asymmetric"),
        LossConfig(exclusive=True),
    ],
    ids=["cross-entropy", "weighted", "asymmetric", "exclusive"],
)
def test_parts_leave_the_whole_batchs_gradient(loss: LossConfig) -> None:
    network, (ids, truth) = new_network(dropout=0.0), documents(12)
    truth[:4, 0] = truth[2] = -1
    whole, expected = gradient_of(network, ids, truth, loss=loss)
    for n_tokens in (1, 12, 30):
        value, found = gradient_of(network, ids, truth, parts=Parts(n_tokens), loss=loss)
        assert value == pytest.approx(whole, rel=1e-5)
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("exclusive", [False, True])
def test_unjudged_cells_have_a_gradient_of_exactly_zero(exclusive: bool) -> None:
    network, (ids, truth) = new_network(), documents(6)
    truth[:] = -1
    _, gradients = gradient_of(network, ids, truth, loss=LossConfig(exclusive=exclusive))
    assert all((gradient == 0).all() for gradient in gradients.values())
    truth[:, 0] = 1
    if not exclusive:
        _, gradients = gradient_of(network, ids, truth)
        assert (gradients["head.weight"][1:] == 0).all()
        assert (gradients["head.weight"][0] != 0).all()


def test_full_memory_halves_the_part_and_keeps_the_gradient() -> None:
    ids = [[row, 3, 4] for row in range(8)]
    truth = documents(8)[1]
    network, parts = Narrow(2), Parts()
    value, found = gradient_of(network, ids, truth, parts=parts)
    assert network.asked == [8, 4, 2, 2, 2, 2]
    network.n_rows = 8
    whole, expected = gradient_of(network, ids, truth)
    assert value == pytest.approx(whole, rel=1e-6)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-7, rtol=1e-5)


def test_one_document_that_does_not_fit_is_said_with_a_way_out() -> None:
    with pytest.raises(InputError, match=r"one document of 9 tokens.*lower max_tokens"):
        gradient_of(Narrow(0), [[1] * 9, [2]], documents(2)[1])


def test_what_fitted_is_remembered_and_tried_a_little_beyond(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "fits.json", "an encoder")
    ids, truth = [[row, 3, 4] for row in range(8)], documents(8)[1]
    parts = Parts.of(memory, CPU)
    gradient_of(Narrow(2), ids, truth, parts=parts)
    parts.keep(memory, CPU)
    assert memory.recall(CPU) == 6  # two rows of three tokens
    network, again = Narrow(2), Parts.of(memory, CPU)
    gradient_of(network, ids, truth, parts=again)
    assert network.asked == [4, 2, 2, 2, 2]  # 8 rows were not tried
    assert Memory(tmp_path / "fits.json", "another").recall(CPU) is None
    more = Parts.of(memory, CPU)
    gradient_of(Narrow(4), ids, truth, parts=more)
    more.keep(memory, CPU)
    assert memory.recall(CPU) == 12


def test_a_note_that_cannot_be_read_is_no_note(tmp_path: Path) -> None:
    (tmp_path / "fits.json").write_text("{")
    memory = Memory(tmp_path / "fits.json", "an encoder")
    assert memory.recall(CPU) is None
    memory.remember(CPU, 5)
    assert memory.recall(CPU) == 5


def test_full_and_lost_devices_are_told_apart() -> None:
    assert is_full(torch.cuda.OutOfMemoryError("CUDA out of memory."))
    assert is_full(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert is_lost(torch.AcceleratorError("CUDA error: unspecified launch failure"))
    assert is_lost(RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable"))
    assert not is_lost(torch.cuda.OutOfMemoryError("CUDA out of memory."))
    assert not is_lost(RuntimeError("shape mismatch"))
    assert not is_full(ValueError("can't allocate memory"))


def test_half_precision_is_for_gpus_or_those_who_ask() -> None:
    assert [uses_bfloat16(name, CPU) for name in ("auto", "float32", "bfloat16")] == [
        False,
        False,
        True,
    ]
    with pytest.raises(InputError, match="precision is 'half'"):
        uses_bfloat16("half", CPU)
