from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import NotFound
from core.evaluation.outputs import EvaluationOutputs
from core.reporting import findings
from core.reporting.build import FIGURES, PAGE, write_report
from core.reporting.figures import draw_all
from core.reporting.material import gather
from core.reporting.options import Format, ReportOptions
from core.reporting.page import Content, whole_page
from core.reporting.recipes import recipes_for

Make = Callable[..., EvaluationOutputs]
NOW = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
NO_PNG = (Format.HTML, Format.JSON)
NASTY = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- <script>",
    "=cmd|' /C calc'!A0",
    "\ud800 alone",
    "nul \0 inside",
    "\u202eright to left",
    "a/b\\c..",
    '" onclick="x',
    "%{y} {{x}} $\\frac{1}{2}$",
    "line\u2028separator",
)


class Scripts(HTMLParser):
    """Counts scripts and attributes that run, as a browser's parser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.n_scripts, self.handlers, self.images = 0, [], []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.n_scripts += tag == "script"
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag == "img":
            self.images.append(dict(attrs).get("src") or "")


def looked_at(html: str) -> Scripts:
    parser = Scripts()
    parser.feed(html)
    return parser


def page_of(outputs: EvaluationOutputs, title: str = "") -> str:
    material = gather(outputs, title=title)
    figures = list(draw_all(recipes_for(material), material))
    tables = [findings.errors(material), findings.pairs(material), findings.thresholds(material)]
    return whole_page(Content(material, figures, tables))


def test_the_page_holds_everything_and_asks_for_nothing(make_outputs: Make) -> None:
    html = page_of(make_outputs())
    assert not re.search(r"""<(script|img|link)[^>]*\s(src|href)=["']?https?:""", html)
    assert html.count("Plotly.newPlot(holder") == 1
    for heading in ("Thresholds", "Calibration", "Labels", "Together", "Errors"):
        assert f"<h2>{heading}</h2>" in html or heading == "Errors"
    assert "135" not in html.split("<script")[0]
    assert "60 documents" in html
    assert len(html.encode()) < 8_000_000


@cache
def of_plain_names(make_outputs: Make, n_labels: int) -> Scripts:
    return looked_at(page_of(make_outputs(tuple("abcd"[:n_labels]), n=30)))


names = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(st.characters(), max_size=300)),
    min_size=2,
    max_size=4,
)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names, st.sampled_from(NASTY), st.text(st.characters(), max_size=60))
def test_no_name_or_text_becomes_a_tag(
    make_outputs: Make, names: list[str], text: str, title: str
) -> None:
    outputs = make_outputs(
        tuple(names), n=30, texts=(text,) * 30, external_ids=tuple(f"{text}{i}" for i in range(30))
    )
    html = page_of(outputs, title=title)
    html.encode("utf-8")
    usual = of_plain_names(make_outputs, len(names))
    seen = looked_at(html)
    assert not seen.handlers
    assert seen.n_scripts == usual.n_scripts
    assert seen.images == usual.images
    assert "\0" not in html


def test_what_a_figure_shows_can_be_read_back(make_outputs: Make) -> None:
    html = page_of(make_outputs(NASTY[:3]))
    data = re.findall(r'<script type="application/json" id="data-([\w-]+)">(.*?)</script>', html)
    assert len(data) > 5
    for name, text in data:
        spec = json.loads(text)
        assert spec["data"] or spec["layout"]["annotations"], name
        assert spec["layout"]["meta"]["measured_on"]


def write(outputs: EvaluationOutputs, out: Path, **options: object) -> tuple[str, ...]:
    report = write_report(outputs, out, ReportOptions(formats=NO_PNG, **options), made=NOW)
    assert (out / PAGE).is_file()
    return report.notes


def test_a_report_says_what_it_lacks(make_outputs: Make, tmp_path: Path) -> None:
    assert not write(make_outputs(), tmp_path / "all")
    notes = write(make_outputs(folds=None, texts=()), tmp_path / "less")
    assert any("fold" in note for note in notes)
    assert any("no texts" in note for note in notes)


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_measured_is_a_report_that_says_so(
    make_outputs: Make, tmp_path: Path, n: int
) -> None:
    notes = write(make_outputs(n=n, unjudged=1.1), tmp_path / "out")
    assert any("No document was measured" in note for note in notes)
    assert "No document was measured" in (tmp_path / "out" / PAGE).read_text(encoding="utf-8")


def test_texts_are_left_out_on_request(make_outputs: Make, tmp_path: Path) -> None:
    outputs = make_outputs(texts=("very secret words",) * 60)
    write(outputs, tmp_path / "open")
    write(outputs, tmp_path / "shut", with_texts=False)
    written = {
        name: b"".join(path.read_bytes() for path in (tmp_path / name).rglob("*.*"))
        for name in ("open", "shut")
    }
    assert b"secret" in written["open"]
    assert b"secret" not in written["shut"]
    assert not (tmp_path / "shut" / "wordclouds").exists()


def test_a_report_of_some_labels_is_of_these_alone(make_outputs: Make, tmp_path: Path) -> None:
    write(make_outputs(), tmp_path, labels=("refund", "billing"))
    table = (tmp_path / "tables" / "thresholds.csv").read_text(encoding="utf-8-sig")
    assert [line.split(",")[0] for line in table.splitlines()[1:]] == ['"refund"', '"billing"']
    with pytest.raises(NotFound, match="'sprots'"):
        write(make_outputs(), tmp_path / "x", labels=("sprots",))
    assert not (tmp_path / "x").exists()


def test_names_of_labels_never_leave_the_folder(make_outputs: Make, tmp_path: Path) -> None:
    write(make_outputs(("../../x", "con", "a" * 300, "é/é")), tmp_path / "deep" / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}


def test_figures_are_the_same_in_every_format(make_outputs: Make, tmp_path: Path) -> None:
    write(make_outputs(), tmp_path)
    pages = {path.stem for path in (tmp_path / FIGURES).glob("*.html")}
    assert pages == {path.stem for path in (tmp_path / FIGURES).glob("*.json")}
    assert {"threshold_sweep", "reliability", "labels", "cooccurrence_judged"} <= pages
    told = json.loads((tmp_path / FIGURES / "threshold_sweep.json").read_text())
    assert set(told) >= {"data", "layout"}


def test_exclusive_labels_have_neither_thresholds_nor_pairs(
    make_outputs: Make, tmp_path: Path
) -> None:
    truth = np.eye(3, dtype=np.int8)[np.arange(60) % 3]
    outputs = make_outputs(exclusive=True, predicted=truth.astype(bool))
    write(outputs, tmp_path)
    names = {path.stem for path in (tmp_path / FIGURES).iterdir()}
    assert not {"threshold_sweep", "cooccurrence_judged"} & names
    assert (tmp_path / "tables" / "confusion_between_labels.csv").is_file()
    assert (tmp_path / "tables" / "confusion_between_labels.png").is_file()
