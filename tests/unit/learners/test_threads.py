"""Each thread has torch's threads back when it leaves, whoever is inside still."""

import threading

import pytest
import torch

from core.learners.threads import one_torch_thread


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_the_first_to_leave_has_its_threads_back_while_another_is_inside(four_threads):
    is_inside, may_leave = threading.Event(), threading.Event()

    def another() -> None:
        with one_torch_thread():
            is_inside.set()
            may_leave.wait(timeout=60)

    beside = threading.Thread(target=another)
    with one_torch_thread():
        beside.start()
        assert is_inside.wait(timeout=60)
        assert torch.get_num_threads() == 1
    here = torch.get_num_threads()
    may_leave.set()
    beside.join()
    with one_torch_thread():
        assert torch.get_num_threads() == 1
    assert (here, torch.get_num_threads()) == (4, 4)


def test_nested_it_ends_with_the_outermost(four_threads):
    with one_torch_thread():
        with one_torch_thread():
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 4
