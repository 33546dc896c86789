"""Files of any size and kind through a model, row by row."""

from __future__ import annotations

import csv
import io
import json
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import Cancelled, InputError
from core.exchange.cells import split_labels
from core.manifest import seal
from core.rounds import files
from core.settings import Settings
from core.training.model import TextModel
from core.training.predict import predict_file
from core.training.run import Trained


@pytest.fixture(scope="module")
def model(quick: Trained, bench_settings: Settings) -> TextModel:
    return TextModel.load(quick.folder, settings=bench_settings)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_columns_pass_through_and_ours_stand_beside_them(model: TextModel, tmp_path: Path) -> None:
    source = written(
        tmp_path / "in.csv", 'id,text,predicted\n7,"red, small",x\n8,green small round,y\n'
    )
    told = predict_file(model, source, str(tmp_path / "out.csv"))
    assert (told.n_rows, told.n_predicted, told.n_rejected) == (2, 2, 0)
    first, second = rows_of(tmp_path / "out.csv")
    assert (first["id"], first["text"], first["predicted"]) == ("7", "red, small", "x")
    assert (first["predicted (2)"], second["predicted (2)"]) == ("red", "")
    proba = model.proba(["red, small"])[0]
    for name, value in zip(model.label_names, proba, strict=True):
        assert float(first[f"p:{name}"]) == pytest.approx(float(value), abs=1e-5)
    assert list(tmp_path.glob("*.tmp")) == []


def test_rows_that_cannot_be_used_are_counted_and_kept(model: TextModel, tmp_path: Path) -> None:
    source = written(tmp_path / "in.csv", "id,text\n1,red small\n2,\n3,blue,too many\n4,big\n")
    told = predict_file(model, source, str(tmp_path / "out.csv"))
    assert (told.n_rows, told.n_predicted, told.n_rejected) == (4, 2, 2)
    assert [row["id"] for row in rows_of(tmp_path / "out.csv")] == ["1", "4"]
    assert told.rejected_file == tmp_path / "out.csv.rejected.csv"
    rejected = [row["row"] for row in rows_of(told.rejected_file)]
    assert rejected == ["3", "4"]
    assert [bad.number for bad in told.first_rejected] == [3, 4]


def test_cells_that_a_spreadsheet_would_run_are_made_harmless(
    model: TextModel, tmp_path: Path
) -> None:
    source = written(tmp_path / "in.csv", "=id,text\n=1+1,@red small\n-2,big green\n")
    predict_file(model, source, str(tmp_path / "out.csv"), text_column="text")
    rows = rows_of(tmp_path / "out.csv")
    assert [row["'=id"] for row in rows] == ["'=1+1", "'-2"]
    assert rows[0]["text"] == "'@red small"


def test_json_lines_keep_every_key(model: TextModel, tmp_path: Path) -> None:
    lines = [{"text": "red small"}, {"text": "blue big", "more": [1, {"a": 2}], "id": 5}]
    source = written(tmp_path / "in.jsonl", "\n".join(map(json.dumps, lines)))
    predict_file(model, source, str(tmp_path / "out.csv"))
    first, second = rows_of(tmp_path / "out.csv")
    assert (first["more"], second["more"], second["id"]) == ("", '[1, {"a": 2}]', "5")


def test_standard_input_and_output_can_be_used(
    model: TextModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = io.TextIOWrapper(io.BytesIO(b"id,text\n1,red small\n2,blue green\n"))
    monkeypatch.setattr(sys, "stdin", given)
    told = predict_file(model, "-", "-")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["id"] for row in rows] == ["1", "2"]
    assert told.rejected_file is None


def test_stopped_it_leaves_the_output_as_it_was(model: TextModel, tmp_path: Path) -> None:
    source = written(tmp_path / "in.csv", "id,text\n1,red small\n2,blue green\n")
    (tmp_path / "out.csv").write_text("before", encoding="utf-8")
    with pytest.raises(Cancelled, match="nothing was written"):
        predict_file(model, source, str(tmp_path / "out.csv"), should_stop=lambda: True)
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_the_input_is_never_written_over(model: TextModel, tmp_path: Path) -> None:
    text = "id,text\n1,red small\n2,\n"
    source = written(tmp_path / "in.csv", text)
    for target in (source, str(tmp_path / "." / "in.csv")):
        with pytest.raises(InputError, match="take the place of the input"):
            predict_file(model, source, target)
    assert (tmp_path / "in.csv").read_text(encoding="utf-8") == text
    with pytest.raises(InputError, match="is a folder; name a file in it"):
        predict_file(model, source, str(tmp_path))


def test_rows_rejected_by_an_earlier_run_are_not_left_beside_a_good_one(
    model: TextModel, tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"
    predict_file(model, written(tmp_path / "bad.csv", "id,text\n1,red\n2,\n"), str(target))
    assert (tmp_path / "out.csv.rejected.csv").exists()
    predict_file(model, written(tmp_path / "good.csv", "id,text\n1,red\n2,big\n"), str(target))
    assert not (tmp_path / "out.csv.rejected.csv").exists()


def test_odd_columns_and_labels_come_through_whole(
    copied: Path, bench_settings: Settings, tmp_path: Path
) -> None:
    names = ["red, or so", "blue|sky", "=big"]
    files.write_json(copied / files.SNAPSHOT_ABOUT, {"label_names": names})
    seal(copied)
    odd = TextModel.load(copied, settings=bench_settings)
    source = written(
        tmp_path / "in.csv", 'text,note,note,p:blue|sky\nblue red n1,a,b,x\nNaN,c,d,"y,z"\n'
    )
    told = predict_file(odd, source, str(tmp_path / "out.csv"), text_column="text")
    assert (told.n_predicted, told.n_rejected) == (2, 0)
    first, second = rows_of(tmp_path / "out.csv")
    cells = list(first.values())
    assert cells[:4] == ["blue red n1", "a", "b", "x"]
    proba = odd.proba(["blue red n1"])
    assert split_labels(first["predicted"], "|") == list(odd.named(proba)[0])
    assert float(first["p:blue|sky (2)"]) == pytest.approx(float(proba[0, 1]), abs=1e-5)
    assert second["text"] == "NaN"
    assert second["p:blue|sky"] == "y,z"


def test_a_file_or_a_folder_that_is_not_there_is_said(model: TextModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        predict_file(model, str(tmp_path / "no.csv"), "-")
    source = written(tmp_path / "in.csv", "id,text\n1,red small\n")
    with pytest.raises(InputError, match="There is no folder"):
        predict_file(model, source, str(tmp_path / "no" / "out.csv"))


def test_twenty_thousand_rows_take_the_memory_of_a_few(model: TextModel, tmp_path: Path) -> None:
    def peak(n_rows: int) -> int:
        source, target = tmp_path / f"{n_rows}.csv", tmp_path / f"{n_rows}.out.csv"
        with source.open("w", encoding="utf-8") as file:
            file.write("id,text,note\n")
            file.writelines(_lines(n_rows))
        tracemalloc.start()
        told = predict_file(model, str(source), str(target))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert told.n_predicted == n_rows
        with target.open("rb") as out:
            assert sum(1 for _ in out) == n_rows + 1
        return most

    few, many = peak(2_000), peak(20_000)
    assert many < 1.5 * few  # ten times the rows


def _lines(n_rows: int) -> Iterator[str]:
    words = ["red", "green", "blue", "big", "small", "round"]
    for at in range(n_rows):
        yield f"{at},{words[at % 6]} {words[at // 6 % 6]},{'x' * 200}\n"
