"""`python -m core report` as somebody runs it who has a file and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.domain import EvaluationSource
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, write_outputs
from core.settings import ROOT

CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HAS_CHROME = any(shutil.which(name) for name in CHROMES)


def outputs(n: int = 40) -> EvaluationOutputs:
    rng = np.random.default_rng(7)
    truth = (rng.random((n, 3)) < 0.4).astype(np.int8)
    proba = np.clip(0.3 + 0.4 * truth + rng.normal(0, 0.25, truth.shape), 0, 1)
    return EvaluationOutputs(
        proba=proba.astype(np.float32),
        truth=truth,
        names=("billing", "refund/credit", "CON"),
        thresholds=np.full(3, 0.5),
        source=EvaluationSource.AUDIT,
        folds=np.arange(n) % 4,
        texts=tuple(f"letter {i} about {('light', 'money', 'heat')[i % 3]}" for i in range(n)),
        external_ids=tuple(f"d{i}" for i in range(n)),
        about={"project": "Letters", "round": 1},
    )


def run(cwd: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder of its own, with an empty folder of data."""
    environment = {
        **{name: value for name, value in os.environ.items() if "MARGINALIA" not in name},
        "PYTHONPATH": str(ROOT),
        "MARGINALIA_DATA_DIR": str(cwd / "data"),
        "MARGINALIA_CHECKPOINTS_DIR": str(cwd / "checkpoints"),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-m", "core", "report", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def names_in(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["eval_outputs.npz", "eval_outputs.json"])
def test_a_saved_file_in_an_empty_folder_is_enough(tmp_path: Path, name: str) -> None:
    write_outputs(tmp_path / name, outputs())
    done = run(tmp_path, name, "--no-png")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "results" / "visualizations"
    assert tmp_path / done.stdout.strip() == out
    assert {path.name for path in tmp_path.iterdir()} == {name, "results"}
    assert {
        "report.html",
        "report.json",
        "figures/threshold_sweep.html",
        "figures/threshold_sweep.json",
        "figures/plotly.min.js",
        "tables/classification_report.csv",
        "tables/confusion_matrices.csv",
        "tables/confusion_matrices.png",
        "tables/per_fold.csv",
        "tables/errors.csv",
        "tables/over_represented_words.csv",
        "tables/thresholds.csv",
        "tables/calibration.csv",
        "tables/cooccurrence.csv",
    } <= names_in(out)
    assert set(json.loads((out / "report.json").read_text())["files"]) == names_in(out)


def test_the_folder_of_a_round_is_as_good_as_its_file(tmp_path: Path) -> None:
    write_outputs(tmp_path / "round" / OUTPUTS, outputs())
    done = run(tmp_path, "round", "--out", "r", "--format", "json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert not list((tmp_path / "r" / "figures").glob("*.html"))


@pytest.mark.skipif(not HAS_CHROME, reason="there is no Chrome on this machine")
def test_figures_are_drawn_by_the_chrome_of_the_machine(tmp_path: Path) -> None:
    write_outputs(tmp_path / OUTPUTS, outputs())
    done = run(tmp_path, OUTPUTS, "--out", "r", "--format", "png", "--label", "billing")
    assert done.returncode == 0, done.stderr
    assert "PNG:" not in done.stderr
    figures = tmp_path / "r" / "figures"
    assert {path.suffix for path in figures.iterdir()} == {".png"}
    for path in figures.iterdir():
        head = path.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">I", head[16:20])[0] == 1500


def test_without_a_chrome_all_else_is_written_and_said(tmp_path: Path) -> None:
    write_outputs(tmp_path / OUTPUTS, outputs())
    done = run(tmp_path, OUTPUTS, "--out", "r", BROWSER_PATH=str(tmp_path / "none"))
    assert done.returncode == 0, done.stderr
    assert "Note: No figure is there as PNG" in done.stderr
    assert "BROWSER_PATH" in done.stderr
    assert (tmp_path / "r" / "report.html").is_file()
    assert not list((tmp_path / "r" / "figures").glob("*.png"))
    assert (tmp_path / "r" / "tables" / "confusion_matrices.png").is_file()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.npz"], 1, "There is no file 'nowhere.npz'"),
        (["broken.npz"], 3, "no file of evaluation outputs"),
        ([OUTPUTS, "--format", "gif"], 1, "'gif' is no format"),
        ([OUTPUTS, "--label", "sprots"], 1, "'sprots'"),
        ([OUTPUTS, "--out", "mine"], 1, "no part of a report"),
        (["project:nothing"], 1, "There is no round"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    write_outputs(tmp_path / OUTPUTS, outputs(5))
    (tmp_path / "broken.npz").write_bytes(b"no zip")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    done = run(tmp_path, *words, "--no-png")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()
