"""What the server knows of strategies."""

import subprocess
import sys

import pytest

from core.errors import InputError
from core.strategies.catalogue import STRATEGIES, strategy_info


def test_the_names_are_those_the_store_keeps():
    assert {info.name for info in STRATEGIES} == {
        "random",
        "entropy",
        "bald",
        "beal-mean",
        "beal-posterior",
        "beal-expected",
        "beal-joint",
    }


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="no strategy 'blad'; did you mean 'bald'"):
        strategy_info("blad")


def test_the_numpy_modules_load_neither_torch_nor_small_text():
    modules = [
        "catalogue",
        "scores",
        "selection",
        "diversity",
        "score_pool",
        "cold_start",
        "reasons",
    ]
    imports = "".join(f"import core.strategies.{module};" for module in modules)
    check = "import sys; print(sorted({'torch', 'small_text', 'transformers'} & set(sys.modules)))"
    run = [sys.executable, "-c", f"{imports}{check}"]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip() == "[]"
