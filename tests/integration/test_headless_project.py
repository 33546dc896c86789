"""`train` on a project asks for a round, sees it done, and leaves a model that files can use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.errors import InputError, NotFound, NotReady
from core.rounds.heartbeat import worker_is_alive
from core.services.rounds import list_rounds
from core.store.tables import Document
from core.training.evaluate import evaluate_on_file, reading_config
from core.training.info import checkpoint_info
from core.training.job import Reporter
from core.training.layers import resolve
from core.training.model import TextModel
from core.training.on_project import (
    checkpoint_in_force,
    find_project,
    round_request,
    train_on_project,
    unheard,
)
from core.training.predict import predict_file
from core.training.terminal import Terminal, Verbosity
from tests.integration.rounds.office import Office, open_office
from tests.integration.rounds.texts import TEXTS

NEW = ("A text that nobody has read before.", set())


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = open_office(tmp_path)
    yield office
    office.stop_workers()
    office.store.close()


def test_a_round_is_run_here_or_by_the_worker_that_is_there(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project_id = office.new_project("news")
    office.judge(project_id, range(len(TEXTS)))
    said = {"data": "project:news", "learner": "logistic", "options": {"C": "2"}, "seed": 5}
    terminal = Terminal(Verbosity.USUAL)
    first = train_on_project(resolve(said), office.settings, terminal)
    assert (first.number, first.seed, first.is_active) == (1, 5, True)
    shown = capsys.readouterr()
    assert "Round 1 is in force." in shown.out
    assert "A worker is there" not in shown.err
    assert not worker_is_alive(office.settings)  # what was started for this has ended with it

    folder = checkpoint_in_force(office.settings, "project:news")
    assert folder.name.endswith("_seed5_round1")
    told = checkpoint_info(folder)
    assert told["is_round_of_a_project"]
    model = TextModel.load(folder, settings=office.settings)
    (tmp_path / "new.csv").write_text(
        "id,text\n" + "".join(f'{at},"{text}"\n' for at, (text, _) in enumerate(TEXTS[:5])),
        encoding="utf-8",
    )
    done = predict_file(model, str(tmp_path / "new.csv"), str(tmp_path / "out.csv"))
    assert done.n_predicted == 5

    rows = "".join(f'"{text}",{"|".join(labels)}\n' for text, labels in [*TEXTS, NEW])
    (tmp_path / "test.csv").write_text(f"text,labels\n{rows}", encoding="utf-8")
    reading = reading_config(folder, {"empty_means": "no_label_applies"})
    test = str(tmp_path / "test.csv")
    measured = evaluate_on_file(folder, test, office.settings, reading, Reporter())
    with office.store.read() as session:
        n_audited = session.scalar(
            select(func.count()).where(Document.project_id == project_id, Document.is_audited)
        )
    assert len(measured.outputs) == n_audited + 1  # of all texts judged, none that it learnt from
    assert "were trained on and are left out" in measured.notes[0]

    office.start_worker()
    office.wait_for(lambda: worker_is_alive(office.settings), "a worker's heartbeat")
    again = Terminal(Verbosity.USUAL)
    second = train_on_project(resolve({"data": f"project:{project_id}"}), office.settings, again)
    assert second.number == 2
    assert "A worker is there" in capsys.readouterr().err
    with office.store.read() as session:
        assert [one.number for one in list_rounds(session, project_id)] == [2, 1]


def test_what_a_round_does_not_take_is_refused(office: Office) -> None:
    project_id = office.new_project("news")
    with pytest.raises(NotFound, match="no project 'olds'"):
        find_project(office.store, "project:olds")
    assert find_project(office.store, f"project:{project_id}") == project_id
    with pytest.raises(InputError, match="takes no 'test_share'"):
        train_on_project(
            resolve({"data": "project:news", "test_share": 0.5}),
            office.settings,
            Terminal(Verbosity.QUIET),
        )
    with pytest.raises(NotReady, match="no round in force yet"):
        checkpoint_in_force(office.settings, "project:news")
    usual = round_request(office.store, project_id, resolve({"data": "project:news"}))
    assert usual.seed is None
    deep = resolve({"data": "project:news", "learner": "transformer", "max_tokens": 64})
    assert round_request(office.store, project_id, deep).learner == {
        "kind": "transformer",
        "max_tokens": 64,
    }
    for said in ({"options": {"epochs": 3}}, {"max_tokens": 64}):
        with pytest.raises(InputError, match="would change a learner, and none is named"):
            round_request(office.store, project_id, resolve({"data": "project:news", **said}))
    assert unheard(resolve({"data": "project:news", "seed": 1}, preset="fast")) == ["subsample"]
