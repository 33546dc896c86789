"""What the README names exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from core.cli import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_readme_has_no_gaps_left() -> None:
    assert not re.findall(r"@@|TODO|TBD", README)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_command_of_core_that_is_named_exists_and_the_other_way_round() -> None:
    named = set(re.findall(r"python -m core ([a-z-]+)", README))
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    assert named <= commands
    assert commands - named <= {"migrate", "demo"}  # tasks.py calls these two


def test_every_task_that_is_named_exists() -> None:
    usage = subprocess.run(
        [sys.executable, "tasks.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    tasks = set(re.search(r"\{([a-z,]+)\}", usage).group(1).split(","))  # type: ignore[union-attr]
    assert set(re.findall(r"python tasks\.py ([a-z]+)", README)) <= tasks


def test_every_benchmark_that_is_named_exists() -> None:
    named = re.findall(r"benchmarks\.([a-z_]+)|tasks\.py bench ([a-z_]+)", README)
    for name in {one or other for one, other in named}:
        assert (ROOT / "benchmarks" / f"{name}.py").exists(), name
