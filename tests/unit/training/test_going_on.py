"""Beginning with an earlier checkpoint, and students who begin with a teacher."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError, NotFound, NotReady
from core.known_texts import KNOWN
from core.manifest import seal
from core.rounds import files
from core.settings import Settings
from core.training.checkpoint import claimed
from core.training.config import TrainConfig
from core.training.evaluate import without_known
from core.training.going_on import known_to
from core.training.model import TextModel
from core.training.run import Trained
from tests.unit.training.conftest import trained_with
from tests.unit.training.tiny import write_texts

SHORT = {"epochs": 1, "lr": 2e-3, "early_stopping": False}


def test_other_texts_can_be_begun_with_and_never_measure_what_is_known(
    bench: Path, bench_settings: Settings, deep: Trained
) -> None:
    """The labels keep their place in the head, whatever their order in the new file."""
    other = write_texts(bench / "other.csv", 60, seed=9, first=40)
    known = deep.data.texts[:40]
    lines = [f"x{at},{text},green,here" for at, text in enumerate(known)]
    other.write_text(other.read_text("utf-8") + "\n".join(lines) + "\n", encoding="utf-8")
    shutil.copytree(deep.folder, bench_settings.checkpoints_dir / "warm" / deep.folder.name)
    said = {"data": str(other), "name": "warm", "learner": "transformer", "warm_start": True}
    warm = trained_with(bench, bench_settings, options=SHORT, **said)
    assert warm.folder.name == "whole_seed0_round2"
    assert warm.data.label_names == (*deep.data.label_names, "green")
    known = known_to(deep.folder)
    assert not np.isin(warm.parts.test.ids, known.all).any()
    assert not np.isin(warm.parts.validation.ids, known.fit).any()
    assert np.isin(known.fit, known_to(warm.folder).fit).all()
    assert files.read_json(warm.folder / files.STATISTICS)["begun_with"] == [deep.folder.name]


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ({"name": "nobody", "learner": "transformer"}, NotFound, "no checkpoint whole_seed0"),
        ({"name": "quick"}, InputError, "'auto' is trained anew each time"),
        ({"name": "quick", "learner": "transformer"}, InputError, "is a 'auto', not a"),
    ],
)
def test_what_cannot_be_gone_on_from_is_refused(
    said: dict[str, str],
    kind: type[Exception],
    message: str,
    bench: Path,
    bench_settings: Settings,
    quick: Trained,
) -> None:
    with pytest.raises(kind, match=message):
        trained_with(bench, bench_settings, warm_start=True, **said)


def test_a_state_is_gone_on_with_by_the_same_texts_alone(
    bench: Path, bench_settings: Settings, deep: Trained
) -> None:
    options = {"lr": 2e-3, "early_stopping": False}
    said = {"name": "deep", "learner": "transformer", "resume": True, "extra_epochs": 1}
    other = write_texts(bench / "others.csv", 60, seed=9)
    with pytest.raises(InputError, match="was trained on other texts"):
        trained_with(bench, bench_settings, data=str(other), options=options, **said)
    with pytest.raises(InputError, match=r"lr is 0.1, and was 0.002 in whole_seed0_round1"):
        trained_with(bench, bench_settings, options={**options, "lr": 0.1}, **said)
    state = deep.folder.with_name(f"{deep.folder.name}.state")
    state.rename(bench / "away")
    with pytest.raises(NotReady, match="begin with its weights alone by warm_start"):
        trained_with(bench, bench_settings, options=options, **said)
    (bench / "away").rename(state)


def test_a_student_learns_from_its_teacher_on_texts_without_labels(
    bench: Path, bench_settings: Settings, quick: Trained
) -> None:
    lines = (bench / "texts.csv").read_text("utf-8").splitlines()
    bare = [f"b{at},big red n{at},," for at in range(30)]
    (bench / "bare.csv").write_text("\n".join([*lines, *bare]) + "\n", encoding="utf-8")
    options = {"student": "cnn", "epochs": 2, "most_texts": 20, "early_stopping": False}
    said = {"data": str(bench / "bare.csv"), "learner": "student", "options": options}
    said["empty_means"] = "unjudged"
    taught = trained_with(bench, bench_settings, teacher="quick", name="student", **said)
    assert len(taught.data.unjudged) >= 30
    model = TextModel.load(taught.folder, settings=bench_settings)
    texts = ["red", "blue big"]
    assert np.array_equal(model.raw_proba(texts), taught.learnt.raw_proba(texts))
    assert np.isin(known_to(quick.folder).fit, known_to(taught.folder).fit).all()
    assert not np.isin(taught.parts.test.ids, known_to(quick.folder).all).any()
    with pytest.raises(InputError, match="name its checkpoint by --teacher"):
        trained_with(bench, bench_settings, **said)
    with pytest.raises(InputError, match="that its teacher knows"):
        trained_with(bench, bench_settings, teacher="quick", folds=3, **said)
    with pytest.raises(InputError, match="takes no teacher"):
        trained_with(bench, bench_settings, teacher="quick")


def test_texts_that_were_trained_on_are_left_out_of_a_test(quick: Trained) -> None:
    left, notes = without_known(quick.folder, quick.data)
    assert sorted(left.texts) == sorted(quick.parts.test.texts)
    assert notes == (f"{len(quick.parts.fit)} texts were trained on and are left out.",)


def test_a_round_that_does_not_say_what_it_knows_teaches_nobody_and_is_measured_with_a_note(
    copied: Path, bench: Path, bench_settings: Settings, quick: Trained
) -> None:
    (copied / KNOWN).unlink()
    seal(copied)
    left, notes = without_known(copied, quick.data)
    assert len(left) == len(quick.data)
    assert "the figures flatter it" in notes[0]
    with pytest.raises(InputError, match="does not say which texts it was trained on"):
        trained_with(bench, bench_settings, learner="student", teacher=str(copied))


def test_weights_that_know_the_texts_are_not_begun_with_in_folds(
    bench: Path, bench_settings: Settings
) -> None:
    said = {"name": "deep", "learner": "transformer", "warm_start": True}
    with pytest.raises(ValueError, match=r"its weights know; leave out folds"):
        trained_with(bench, bench_settings, folds=2, **said)


def test_what_of_a_test_file_is_not_used_is_told(bench: Path, bench_settings: Settings) -> None:
    test = bench / "odd-test.csv"
    test.write_text(
        "id,text,labels\n1,red big t1,red\n2,blue t2,blue|mauve\n3,,red\n", encoding="utf-8"
    )
    tried = trained_with(bench, bench_settings, test=str(test), name="odd-test")
    told = " ".join(tried.parts.notes)
    assert "Of the test file, 1 rows could not be read." in told
    assert "unknown to the model and left out: 'mauve'" in told


def test_a_place_is_left_to_whoever_works_in_it(tmp_path: Path) -> None:
    config = TrainConfig(data="x")
    with claimed(tmp_path, config, data_hash="a", base="") as first:
        (first.work / "state").mkdir()
        with claimed(tmp_path, config, data_hash="a", base="") as second:
            names = [first.final.name, second.final.name]
        assert names == ["whole_seed0_round1", "whole_seed0_round2"]
        assert not second.work.exists()  # there was nothing in it to go on from
    half_written = first.final.with_name(f"{first.final.name}.4711.tmp")
    half_written.mkdir()
    with claimed(tmp_path, config, data_hash="a", base="") as again:
        assert not half_written.exists()
        assert (again.final, again.is_resumed) == (first.final, True)
    with claimed(tmp_path, config, data_hash="b", base="") as other:
        assert (other.final.name, other.is_resumed) == ("whole_seed0_round2", False)
