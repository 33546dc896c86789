"""What docs/headless.md shows can be run, and what it tells of presets and codes is true."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from core.cli import EXIT_CODES, app
from core.learners.catalogue import LEARNERS
from core.settings import ROOT, get_settings
from tests.unit.training.tiny import make_encoder

PAGE = (ROOT / "docs" / "headless.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("python -m core ")
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the page speaks of, and an encoder that is quick."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARGINALIA_DATA_DIR", str(folder / "kept"))
        patch.setenv("MARGINALIA_CHECKPOINTS_DIR", str(folder / "checkpoints"))
        patch.setenv("MARGINALIA_ENCODER", make_encoder(folder / "encoder"))
        patch.chdir(folder)
        get_settings.cache_clear()
        shutil.copytree(ROOT / "data" / "demo", folder / "data" / "demo")
        rows = [f"{at},a bill of {at} euros,billing;paid" for at in range(20)]
        rows += [f"{at},no line since {at} o'clock,outage" for at in range(20, 40)]
        table = "\n".join(["id,body,topics", *rows])
        (folder / "texts.csv").write_text(table, encoding="utf-8")
        by_hand = table.replace("body", "text").replace("topics", "labels").replace(";paid", "")
        (folder / "labelled_by_hand.csv").write_text(by_hand, encoding="utf-8")
        yield folder
        get_settings.cache_clear()


def run(command: str) -> Result:
    return CliRunner().invoke(app, shlex.split(command))


def test_every_command_and_the_python_of_the_page_run(here: Path) -> None:
    for command in COMMANDS:
        result = run(command)
        assert result.exit_code == 0, (command, result.output, result.exception)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/headless.md", "exec"), {})
    assert "billing" in printed.getvalue()


def test_looking_trains_nothing(here: Path, tmp_path: Path) -> None:
    before = sorted(here.rglob("*"))
    shown = run("train demo --preset paper --view --name unseen")
    assert shown.exit_code == 0
    assert "# 1828 texts with 12 labels" in shown.stdout
    assert "GiB to train" in shown.stdout
    assert "parameters" in shown.stdout
    assert sorted(here.rglob("*")) == before


def test_the_page_names_every_learner_and_every_code() -> None:
    for learner in LEARNERS:
        assert f"`{learner.name}`" in PAGE
    for _, code in EXIT_CODES:
        assert f"| {code} |" in PAGE
