"""Files as people have them: each reads as it should, or is refused or flagged in words."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core.errors import ImportRefused
from core.exchange.guess import Guess, guess
from core.services.importing import ImportReport, import_file
from core.services.projects import create_project
from core.settings import Settings
from core.store.store import Store
from core.store.tables import Document, Judgement, Label, Submission

SHARED = Path(os.environ.get("MARGINALIA_SHARED") or "/nonexistent")
NASTY = SHARED / "nasty"
pytestmark = pytest.mark.skipif(
    not NASTY.is_dir(), reason="MARGINALIA_SHARED names no folder with strange files"
)

AS_EXPECTED = (
    "gen_excel_unicode_text.txt",
    "gen_huge_fields.csv",
    "gen_lines.jsonl",
    "gen_mac_cr_only.csv",
    "gen_onehot_float.csv",
    "gen_onehot_x_blank.csv",
    "gen_over_1000_labels.csv",
    "gen_plain_lines.txt",
    "gen_sep_line.csv",
    "gen_utf16be_bom.csv",
    "gen_utf16le_nobom.csv",
    "real_bom_crlf_spanish.csv",
    "real_imdb_top.csv",
    "real_multihot_54cols.csv",
    "real_noheader_id_list.tsv",
    "real_not_utf8_indonesian.csv",
    "real_tsv_crlf_labels_NONE.txt",
    "real_tsv_python_list.tsv",
    "gen_label_name_traps.jsonl",
)
REFUSED = {
    "gen_blank_lines_only.csv": "blank",
    "gen_empty.csv": "empty",
    "gen_header_only.csv": "no rows",
    "gen_zip_with_traversal.zip": "zip archive",
    "real_excel.xlsx": "Excel workbook",
    "real_json_nested_arxiv.json": "JSON array",
}
FLAGGED = {  # imported, with a word about what is doubtful
    "gen_duplicate_header.csv": "Several columns are called 'text'",
    "real_noheader_allquoted.csv": "are numbers",
    "real_noheader_id_list.tsv": "are numbers",
    "real_not_utf8_indonesian.csv": "read as cp1252",
    "real_semicolon_softlabels.csv": "shares between 0 and 1",
    "gen_utf16le_nobom.csv": "without a byte order mark",
}


@pytest.fixture
def roomy(settings: Settings) -> Settings:
    """Settings under which the longest of these texts fits."""
    return settings.model_copy(update={"max_text_chars": 1_000_000})


def bring_in(store: Store, settings: Settings, name: str) -> tuple[Guess, ImportReport, int]:
    found = guess(NASTY / name, name)
    with store.write() as session:
        project_id = create_project(session, name).id
    report = import_file(
        store,
        settings,
        project_id,
        path=NASTY / name,
        file_name=name,
        mapping=found.mapping(),
        dialect=found.dialect,
    )
    return found, report, project_id


def stored(store: Store, project_id: int) -> list[dict[str, object]]:
    """Texts with their present labels, in the file's order."""
    with store.read() as session:
        texts = session.execute(
            select(Document.id, Document.text)
            .where(Document.project_id == project_id)
            .order_by(Document.id)
        ).all()
        named = session.execute(
            select(Submission.document_id, Label.name)
            .join(Judgement, Judgement.submission_id == Submission.id)
            .join(Label, Label.id == Judgement.label_id)
            .where(Submission.project_id == project_id, Judgement.state == "present")
        ).all()
    labels: dict[int, list[str]] = {}
    for document_id, label in named:
        labels.setdefault(document_id, []).append(label)
    return [{"text": text, "labels": sorted(labels.get(id_, []))} for id_, text in texts]


def expected(name: str) -> Iterator[dict[str, object]]:
    """The right readings; a text that was there before is left out, as an import does."""
    seen: set[str] = set()
    for line in (NASTY / "expected" / f"{name}.jsonl").read_text("utf-8").splitlines():
        reading = json.loads(line)
        if reading["text"] not in seen:
            seen.add(reading["text"])
            names = {label.strip() for label in reading["labels"]}
            yield {"text": reading["text"], "labels": sorted(names)}


@pytest.mark.parametrize("name", AS_EXPECTED)
def test_a_strange_file_reads_as_it_was_meant(name: str, store: Store, roomy: Settings) -> None:
    _, report, project_id = bring_in(store, roomy, name)
    assert stored(store, project_id) == list(expected(name))
    assert all("is the same as in row" in row.reason for row in report.rejections)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_refused_with_its_kind(
    name: str, store: Store, settings: Settings
) -> None:
    with pytest.raises(ImportRefused, match=REFUSED[name]):
        bring_in(store, settings, name)


@pytest.mark.parametrize("name", FLAGGED)
def test_doubtful_readings_are_pointed_out(name: str, store: Store, settings: Settings) -> None:
    found, _, _ = bring_in(store, settings, name)
    assert any(FLAGGED[name] in warning for warning in found.warnings), found.warnings


def test_every_bad_line_of_mixed_json_is_listed(store: Store, settings: Settings) -> None:
    _, report, project_id = bring_in(store, settings, "gen_mixed_types.jsonl")
    assert [row.number for row in report.rejections] == [5, 7, 8, 9, 10, 11, 12, 13, 14]
    assert [row["labels"] for row in stored(store, project_id)] == [
        ["sadness"], ["admiration"], [], [], ["joy", "love"],
    ]  # fmt: skip


def test_the_outcome_of_every_file_is_printed(store: Store, roomy: Settings) -> None:
    files = [*AS_EXPECTED, *REFUSED, *FLAGGED, "gen_mixed_types.jsonl"]
    for name in sorted(set(files)):
        try:
            found, report, _ = bring_in(store, roomy, name)
        except ImportRefused as refused:
            outcome = f"refused: {refused}"
        else:
            assert report.n_rows == report.n_accepted + report.n_rejected
            outcome = f"{report.n_accepted} of {report.n_rows} rows, {report.n_judged} labelled"
            outcome += "".join(f"; {w}" for w in (*found.warnings, *report.warnings))
        print(f"{name:36} {outcome[:150]}")
    on_disk = {path.name for path in NASTY.iterdir() if path.is_file()}
    companions = {"README.md", "manifest.json", "real_noheader_id_list.labels.txt"}
    assert on_disk - companions <= set(files), "a file without an outcome"
