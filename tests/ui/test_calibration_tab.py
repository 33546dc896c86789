"""The Calibration tab on a round whose measured documents were kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit
from streamlit.testing.v1 import AppTest

from core.domain import UNJUDGED, EvaluationSource
from core.evaluation.behind import in_bin
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs, read_outputs, write_outputs
from core.evaluation.recalibration import recalibrate
from core.rounds.chosen import write_calibration
from core.store.tables import Document, Label, Round
from pages.widgets.context import PAGE_FILES
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]
NAMES = ("billing", "refund")
N = 120


def measured(rooms: Rooms, *, names: tuple[str, ...] = NAMES, n_rare: int | None = None) -> int:
    """A project whose round measured 120 documents; its model was twice as sure as right."""
    project = rooms.project(*names, n_documents=N)
    round_id = rooms.finished_round(project, micro_f1=0.62)
    rng = np.random.default_rng(4)
    logits = rng.normal(-0.5, 1.5, (N, len(names)))
    raw = expit(2 * logits).astype(np.float32)
    truth = (rng.random(raw.shape) < expit(logits)).astype(np.int8)
    truth[:5, 0] = UNJUDGED
    if n_rare is not None:
        truth[np.flatnonzero(truth[:, -1] == 1)[n_rare:], -1] = 0
    found = recalibrate(raw, truth)
    with rooms.store.read() as session:
        folder = rooms.settings.checkpoints_dir / session.get(Round, round_id).checkpoint
        documents = session.query(Document.id).filter_by(project_id=project).order_by(Document.id)
        ids = np.array([id_ for (id_,) in documents])
        labels = session.query(Label).filter_by(project_id=project).order_by(Label.id).all()
        known = [(label.id, label.colour) for label in labels]
    folder.mkdir(parents=True)
    write_calibration(folder, found)
    write_outputs(
        folder / OUTPUTS,
        EvaluationOutputs(
            proba=found.apply(raw),
            truth=truth,
            names=names,
            thresholds=np.full(len(names), 0.5),
            source=EvaluationSource.AUDIT,
            raw=raw,
            document_ids=ids,
            external_ids=tuple(f"d{i}" for i in range(N)),
            texts=tuple(f"Letter number {i}" for i in range(N)),
            label_ids=tuple(id_ for id_, _ in known),
            colours=tuple(colour for _, colour in known),
        ),
    )
    return project


def outputs_of(rooms: Rooms) -> EvaluationOutputs:
    return read_outputs(next(rooms.settings.checkpoints_dir.rglob(OUTPUTS)))


def open_tab(project: int) -> AppTest:
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "Calibration"
    test.run()
    return test.switch_page(PAGE_FILES["dashboards"]).run()


def test_the_tab_says_whether_probabilities_can_be_believed_and_on_what(
    rooms: Rooms, said: Said
) -> None:
    test = open_tab(measured(rooms))
    words = said(test).replace("\\", "")

    assert not test.exception
    assert len(test.get("plotly_chart")) == 3
    assert "Audit set: 120 documents" in words
    assert "Calibration helped" in words
    assert "surer than it was right" in words
    assert "| as reported | before calibration |" in words
    assert "+ how hard it is (uncertainty)" in words


def test_one_label_is_measured_on_its_own_judgements(rooms: Rooms, said: Said) -> None:
    test = open_tab(measured(rooms))
    test.selectbox(key="calibration_label").select("billing").run()

    assert "115 documents judged for “billing”" in said(test).replace("\\", "")


def test_a_label_with_too_few_positives_says_so(rooms: Rooms, said: Said) -> None:
    test = open_tab(measured(rooms, n_rare=3))
    test.selectbox(key="calibration_label").select("refund").run()
    words = said(test).replace("\\", "")

    assert "3 present and 117 absent in 120 documents are too few to tell" in words
    assert "1 label has too few judgements to tell" in words


def test_before_calibration_is_left_out_when_it_is_not_wanted(rooms: Rooms, said: Said) -> None:
    test = open_tab(measured(rooms))
    test.toggle(key="calibration_before").set_value(False).run()

    assert not test.exception
    assert "Calibration helped" not in said(test)


@pytest.mark.parametrize("raw", [False, True])
def test_a_click_on_a_bin_opens_exactly_its_documents(rooms: Rooms, said: Said, raw: bool) -> None:
    test = open_tab(measured(rooms))
    outputs = outputs_of(rooms)
    expected = in_bin(outputs, None, lower=0.1, upper=0.2, raw=raw)
    # the traces: the diagonal, before, after; the second of ten bins
    test.session_state["reliability"] = {
        "selection": {"points": [{"curve_number": 1 if raw else 2, "point_index": 1}]}
    }
    words = said(test.run()).replace("\\", "")

    assert not test.exception
    assert "All labels: predicted 0.10 to 0.20" in words
    assert ("0.20, before calibration" in words) == raw
    n_documents = len(set(expected.rows.tolist()))
    assert f"{len(expected)} judgements in {n_documents} documents" in words


def test_bins_equally_full_open_their_documents_too(rooms: Rooms, said: Said) -> None:
    test = open_tab(measured(rooms))
    test.session_state["calibration_bins"] = "equal_mass"
    test.run()
    test.session_state["reliability"] = {
        "selection": {"points": [{"curve_number": 3, "point_index": 4}]}
    }
    words = said(test.run()).replace("\\", "")

    assert not test.exception
    # 235 judgements in ten bins
    assert "23 judgements in" in words or "24 judgements in" in words


def test_a_round_of_an_earlier_version_shows_its_one_temperature(rooms: Rooms, said: Said) -> None:
    project = measured(rooms)
    folder = next(rooms.settings.checkpoints_dir.rglob(OUTPUTS)).parent
    (folder / "calibration.json").write_text('{"value": 1.8, "reason": null, "exclusive": false}')
    test = open_tab(project)

    assert not test.exception
    assert len(test.get("plotly_chart")) == 2
    assert "The temperature is 1.80" in said(test).replace("\\", "")


def test_a_round_without_its_measured_documents_still_has_its_diagram(
    rooms: Rooms, said: Said
) -> None:
    project = rooms.project(*NAMES, n_documents=3)
    rooms.finished_round(project, micro_f1=0.62)
    test = open_tab(project)

    assert not test.exception
    assert len(test.get("plotly_chart")) == 1
    assert "Run a round again" in said(test)
