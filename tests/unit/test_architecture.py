"""The arrows between the rooms, drawn from the imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAIN_DATA = {"core.learners.catalogue"}  # names and words, which pages show
HEAVY = {"torch", "transformers", "small_text", "sentence_transformers", "datasets"}
PAGES = sorted([*(ROOT / "pages").rglob("*.py"), ROOT / "app.py"])


def imported(path: Path) -> set[str]:
    """Every module a file imports, however deep in a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_the_rooms_of_core_import_only_what_stands_below_them() -> None:
    # In a process of its own: it silences every logger it finds.
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_pages_to_look_at() -> None:
    assert len(PAGES) > 5


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_imports_neither_torch_nor_the_worker_side(path: Path) -> None:
    modules = imported(path)
    assert not {name.split(".")[0] for name in modules} & HEAVY
    worker_side = ("core.encoders", "core.learners", "core.replay", "core.rounds.work")
    assert not [name for name in modules - PLAIN_DATA if name.startswith(worker_side)]


@pytest.mark.parametrize("path", sorted((ROOT / "core").rglob("*.py")), ids=str)
def test_core_does_not_import_pages(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] in {"pages", "app"}]
