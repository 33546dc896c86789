from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import Conflict, InputError
from core.reporting.folder import MARKER, new_report, write_marker


def report_in(out: Path, *names: str, force: bool = False) -> None:
    with new_report(out, force=force) as folder:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("new")
        write_marker(folder, {"title": "t"})


def give_up_half_way(out: Path) -> None:
    with new_report(out) as folder:
        (folder / "report.html").write_text("half")
        raise ValueError("half-way")


def names_in(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_a_report_is_put_in_place_whole(tmp_path: Path) -> None:
    report_in(tmp_path / "a" / "b", "report.html", "tables/x.csv")
    assert names_in(tmp_path / "a" / "b") == {"report.html", "tables/x.csv", MARKER}
    told = json.loads((tmp_path / "a" / "b" / MARKER).read_text())
    assert told["files"] == ["report.html", MARKER, "tables/x.csv"]


def test_an_older_report_is_replaced_with_all_its_files(tmp_path: Path) -> None:
    report_in(tmp_path, "report.html", "wordclouds/old.png")
    report_in(tmp_path, "report.html", "figures/new.png")
    assert names_in(tmp_path) == {"report.html", "figures/new.png", MARKER}
    assert not (tmp_path / "wordclouds").exists()


def test_files_of_others_are_never_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(Conflict, match=r"thesis\.tex.*--force"):
        report_in(tmp_path, "report.html")
    assert names_in(tmp_path) == {"thesis.tex"}


def test_by_force_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    report_in(tmp_path, "report.html", force=True)
    assert names_in(tmp_path) == {"thesis.tex", "report.html", MARKER}
    with pytest.raises(Conflict):
        report_in(tmp_path, "report.html")


def test_after_an_error_everything_is_as_it_was(tmp_path: Path) -> None:
    report_in(tmp_path / "out", "report.html")
    for out in (tmp_path / "out", tmp_path / "new"):
        with pytest.raises(ValueError, match="half-way"):
            give_up_half_way(out)
    assert (tmp_path / "out" / "report.html").read_text() == "new"
    assert not (tmp_path / "new").exists()
    assert names_in(tmp_path) == {"out/report.html", f"out/{MARKER}"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(InputError, match="is a file"), new_report(tmp_path / "out"):
        pass


def test_a_marker_that_names_files_elsewhere_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    report_in(tmp_path / "out", "report.html")
    marker = tmp_path / "out" / MARKER
    told = json.loads(marker.read_text())
    marker.write_text(json.dumps({**told, "files": [*told["files"], "../precious"]}))
    report_in(tmp_path / "out", "report.html")
    assert (tmp_path / "precious").read_text() == "x"
