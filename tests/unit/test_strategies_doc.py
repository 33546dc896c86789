"""What docs/strategies.md tells of the catalogue is true, and what it shows can be run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.api.schemas import NewRound
from core.domain import Aggregation, Batching, QueryKind
from core.strategies.catalogue import STRATEGIES, strategy_info
from core.strategies.plan import Arm
from core.strategies.recipe import Recipe

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
TABLE = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| `")
]


def test_the_table_names_exactly_the_catalogue() -> None:
    assert sorted(row[0].strip("`") for row in TABLE) == sorted(info.name for info in STRATEGIES)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_a_row_tells_what_is_looked_at_and_the_papers_of_the_catalogue(row: list[str]) -> None:
    name, looks_at, _, papers, _ = row
    info = strategy_info(name.strip("`"))
    assert ("passes" in looks_at) == info.needs_samples
    cited = re.findall(r"([^\W\d]+)[^;]*?(\d{4})", papers)
    assert bool(cited) == bool(info.paper)
    for author, year in cited:
        assert author in info.paper
        assert f"({year})" in info.paper


def test_the_parts_of_a_recipe_and_their_choices_are_those_there_are() -> None:
    told = PAGE[PAGE.index("A strategy is one line of a *recipe*") : PAGE.index("## From the page")]
    named = set(re.findall(r"`([a-z_]+)`", told))
    assert named == set(Recipe.of("random").to_json()) - {"strategy"}
    for name, kind in (("aggregation", Aggregation), ("batching", Batching)):
        choices = re.search(rf"`{name}`:\s+([^)]+)\)", told)
        assert choices is not None
        assert re.split(r",\s+", choices[1]) == [choice.value for choice in kind]


def test_the_command_compares_arms_that_there_are() -> None:
    words = shlex.split(next(line for line in PAGE.splitlines() if "core replay --data" in line))
    said = [words[at + 1] for at, word in enumerate(words) if word == "--strategy"]
    arms = [Arm.of(text) for text in said]
    assert [arm.recipe.strategy for arm in arms] == ["random", "bald", "entropy"]
    assert arms[-1].recipe.random_share == 0.1


def test_the_body_is_one_that_the_api_takes() -> None:
    body = json.loads(next(line for line in PAGE.splitlines() if line.startswith('    {"kind"')))
    asked = NewRound.model_validate(body)
    assert asked.strategy is not None
    assert strategy_info(asked.strategy)


def test_the_loop_runs_as_it_stands() -> None:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    there: dict[str, Any] = {}
    exec(compile(code[1], "docs/strategies.md", "exec"), there)
    loop = there["loop"]
    assert len(np.unique(loop.indices_labeled)) == 50 + 3 * 20
    batch, scores = loop.query_strategy.batch_, loop.query_strategy.scores_
    assert batch.kinds.count(QueryKind.RANDOM) == 2
    assert batch.kinds.count(QueryKind.MODEL) == 18
    is_random = np.array([kind is QueryKind.RANDOM for kind in batch.kinds])
    assert (np.isfinite(batch.probabilities) == is_random).all()
    assert scores.contributions.shape == (len(there["rows"]) - 50 - 2 * 20, 12)
