from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from core.evaluation.outputs import EvaluationOutputs
from core.reporting.clouds import ALL, draw_clouds, find_words, words_table
from core.reporting.material import Material, gather

Make = Callable[..., EvaluationOutputs]


def misled(make_outputs: Make, words: str, **more: object) -> Material:
    """Forty absent documents, of which those with these words are predicted all the same."""
    wrong = np.arange(40) % 2 == 0
    outputs = make_outputs(
        ("a/b", "never judged"),
        n=40,
        folds=None,
        texts=tuple(
            f"{words} {i}" if is_wrong else f"plain {i}" for i, is_wrong in enumerate(wrong)
        ),
    )
    outputs.proba[:, 0] = np.where(wrong, 0.9, 0.1)
    outputs.truth[:, 0] = 0
    outputs.truth[:, 1] = -1
    return gather(outputs, **more)


def test_words_that_mislead_the_model_are_found_and_drawn(
    make_outputs: Make, tmp_path: Path
) -> None:
    material = misled(make_outputs, "urgent invoice again")
    found = find_words(material)
    rows = words_table(material, found).rows
    assert {row[0] for row in rows} == {ALL, "a/b"}
    assert {row[2] for row in rows} == {"urgent", "invoice", "again"}
    assert {(row[1], *row[4:]) for row in rows} == {("false positives", 20, 0)}
    paths = draw_clouds(material, found, tmp_path)
    assert [path.name for path in paths] == ["all-labels.png", "label-a-b.png"]
    with Image.open(paths[0]) as picture:
        assert picture.width > 500
        assert len(picture.convert("RGB").getcolors(9999)) > 2


def test_letters_that_no_font_has_do_not_stop_a_picture(make_outputs: Make, tmp_path: Path) -> None:
    material = misled(make_outputs, "紧急 𓀀𓀁 بسرعة")
    assert draw_clouds(material, find_words(material), tmp_path)


def test_without_texts_there_are_no_words(make_outputs: Make, tmp_path: Path) -> None:
    material = misled(make_outputs, "urgent invoice again", with_texts=False)
    assert find_words(material) == []
    assert "no texts" in words_table(material, []).note
