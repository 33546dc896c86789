"""What the server knows of strategies."""

import subprocess
import sys

import pytest

from core.errors import InputError
from core.strategies.catalogue import STRATEGIES, strategy_info
from core.strategies.recipe import Recipe


def test_names_are_unique_and_fit_the_store():
    names = [info.name for info in STRATEGIES]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 60


@pytest.mark.parametrize("info", STRATEGIES, ids=lambda info: info.name)
def test_every_strategy_names_its_paper_and_has_a_recipe_that_stands(info):
    assert info.description.endswith(".")
    assert info.paper or info.name == "random"
    assert Recipe.of(info.name).strategy == info.name


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
        "recipe",
        "batches",
        "plan",
    ]
    imports = "".join(f"import core.strategies.{module};" for module in modules)
    check = "import sys; print(sorted({'torch', 'small_text', 'transformers'} & set(sys.modules)))"
    run = [sys.executable, "-c", f"{imports}{check}"]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip() == "[]"
