"""`python -m core replay` from the words on the command line to the files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from core.cli import app
from core.settings import get_settings

COLOURS = ["red", "green", "blue", "yellow", "black"]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small CSV file, and settings whose folders are this test's own."""
    monkeypatch.setenv("MARGINALIA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    path = tmp_path / "colours.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "labels"])
        for one in COLOURS:
            for other in COLOURS:
                writer.writerow([f"I want the {one} one and the {other} one", f"{one}|{other}"])
    yield path
    get_settings.cache_clear()


def command(*words: object) -> Result:
    return CliRunner().invoke(app, ["replay", *map(str, words)])


def test_it_plays_reports_keeps_the_record_and_goes_on_with_more(table: Path) -> None:
    Path("soon.yaml").write_text(
        "learner: mlp\nlearner_options: {layers: [8], epochs: 2}\n", encoding="utf-8"
    )
    words = ["--config", "soon.yaml", "--data", table]
    words += ["--initial", 4, "--batch", 3, "--rounds", 2]
    arms = ["--strategy", "random", "--strategy", "bald:random_share=.3,cold_start=true,name=ours"]
    played = command(*words, *arms, "--seeds", 2)
    assert played.exit_code == 0, played.output
    assert "17 documents to ask about, 8 to test on, 5 labels" in played.output
    assert "micro-F1 against random" in played.output
    assert "100%" in played.output
    folder = Path("results/colours")
    record = json.loads((folder / "statistics.json").read_text("utf-8"))
    assert record["statistics"]["seeds"] == [0, 1]
    assert record["statistics"]["n_judged"] == [4, 7, 10]
    assert [arm["name"] for arm in record["plan"]["arms"]] == ["random", "ours"]
    assert record["plan"]["arms"][1]["random_share"] == 0.3
    assert record["encoder"]["name"] == "bundled"
    with (folder / "rounds.csv").open(newline="", encoding="utf-8") as file:
        before = list(csv.DictReader(file))
    assert len(before) == 2 * 2 * 3

    more = command(*words, *arms, "--seeds", 3)
    assert more.exit_code == 0, more.output
    with (folder / "rounds.csv").open(newline="", encoding="utf-8") as file:
        after = list(csv.DictReader(file))
    assert after[: len(before)] == before  # seconds and all: not played again
    assert len(after) == 18


def test_the_plan_can_be_seen_and_said_again(table: Path) -> None:
    seen = command("--preset", "fast", "--data", table, "--batch", 7, "--view")
    assert seen.exit_code == 0
    assert yaml.safe_load(seen.stdout)["batch_size"] == 7
    assert not Path("results").exists()
    Path("plan.yaml").write_text(seen.stdout, encoding="utf-8")
    assert command("--config", "plan.yaml", "--view").stdout == seen.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--strategy", "blad"], "did you mean 'bald'"),
        (["--strategy", "bald:bathcing=top"], "did you mean 'batching'"),
        (["--preset", "slow"], "no preset 'slow'"),
        (["--config", "none.yaml"], "There is no file"),
        (["--data", "nowhere"], "No data 'nowhere'"),
        (["--data", "project:999999"], "There is no project 999999"),
        (["--initial", "500"], "fewer than the 500 to begin with"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(
    table: Path, words: list[str], message: str
) -> None:
    said = command("--data", table, *words)
    assert said.exit_code == 1
    assert message in str(said.exception)
