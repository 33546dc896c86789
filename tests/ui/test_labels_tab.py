from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.domain import EvaluationSource
from core.evaluation.behind import Outcome
from core.evaluation.outputs import OUTPUTS, EvaluationOutputs
from pages.widgets.context import PAGE_FILES
from pages.widgets.dashboard.view import NO_OUTPUTS
from tests.measured_rounds import made_up, measured_round, outputs_of
from tests.ui.rooms import SHELL, Rooms

Said = Callable[[AppTest], str]
PER_CHART, PER_PAGE = 15, 10


def small() -> EvaluationOutputs:
    """Billing is fine, refund never predicted, hours too rare to tell."""
    truth = np.zeros((20, 3), dtype=np.int8)
    truth[:10, 0] = truth[5:15, 1] = truth[:2, 2] = 1
    proba = np.where(truth == 1, [0.9, 0.3, 0.9], [0.1, 0.1, 0.1])
    proba[19, 0], proba[9, 0] = 0.8, 0.4  # a false alarm and a miss
    return outputs_of(proba.astype(np.float32), truth, names=["billing", "refund", "hours"])


def opened(rooms: Rooms, outputs: EvaluationOutputs, **state: object) -> AppTest:
    """The Labels tab of a round measured so, with these widgets set."""
    project = measured_round(rooms.settings, rooms.store, outputs)
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "Labels"
    test.run()
    for key, value in state.items():
        test.session_state[key] = value
    test.switch_page(PAGE_FILES["dashboards"]).run()
    assert not test.exception
    assert not test.error
    return test


def clicked(trace: int, point: int) -> dict[str, object]:
    """What a click on a mark leaves behind."""
    return {"selection": {"points": [{"curve_number": trace, "point_index": point}]}}


def links(test: AppTest) -> list[str]:
    """The documents that are listed."""
    return [link.label for link in test.get("page_link") if "document=" in link.proto.query_string]


def test_the_table_says_why_labels_fail_the_worst_first(rooms: Rooms, said: Said) -> None:
    table = opened(rooms, small()).dataframe[0].value
    assert table["Label"].tolist() == ["refund", "billing", "hours"]
    assert table["What stands out"].tolist() == [
        "never predicted; F1 would be 1.00 at threshold 0.30",
        "",
        "too few positives to tell: 2",
    ]
    assert table["Judged present"].tolist() == [10, 10, 2]
    assert np.isnan(table["Precision"][0])
    assert "ROC AUC" not in table


@pytest.mark.parametrize(
    ("state", "labels"),
    [
        ({"labels_with": "BILL"}, ["billing"]),
        ({"labels_failing": True}, ["refund"]),
        ({"labels_support": 5}, ["refund", "billing"]),
        ({"labels_with": "nothing like it"}, []),
    ],
)
def test_filters_narrow_the_table(
    rooms: Rooms, said: Said, state: dict[str, object], labels: list[str]
) -> None:
    test = opened(rooms, small(), **state)
    assert [name for table in test.dataframe for name in table.value["Label"]] == labels
    assert f"{len(labels)} of 3 labels; 1 failing, 1 with too few positives to tell." in said(test)


def test_the_roc_area_is_there_for_who_asks(rooms: Rooms) -> None:
    table = opened(rooms, small(), labels_roc=True).dataframe[0].value
    areas = dict(zip(table["Label"], table["ROC AUC"], strict=True))
    assert areas["refund"] == 1.0
    assert areas["billing"] == pytest.approx((9 * 10 + 9) / 100)


def test_a_label_is_opened_and_closed_again(rooms: Rooms, said: Said) -> None:
    test = opened(rooms, small())
    assert "### billing" not in said(test)
    test.selectbox(key="label").set_value("billing").run()
    words = said(test).replace("\\", "")
    assert "### billing" in words
    assert "20 documents judged for “billing”, 10 positives" in words
    test.selectbox(key="label").set_value(None).run()
    assert "### billing" not in said(test)


@pytest.mark.parametrize(
    ("outcome", "documents"),
    [
        (Outcome.FALSE_POSITIVE, ["d19"]),
        (Outcome.FALSE_NEGATIVE, ["d9"]),
        (Outcome.TRUE_POSITIVE, [f"d{i}" for i in range(9)]),
        (Outcome.TRUE_NEGATIVE, [f"d{i}" for i in range(10, 19)]),
    ],
)
def test_each_count_of_the_confusion_opens_its_documents(
    rooms: Rooms, said: Said, outcome: Outcome, documents: list[str]
) -> None:
    test = opened(rooms, small(), label="billing", confusion_1_0=outcome)
    assert links(test) == documents
    assert f"billing\\: {outcome}: {len(documents)} document" in said(test)
    options = [option.content for option in test.get("button_group")[0].proto.options]
    assert f"{len(documents)} " in " ".join(options)


def test_a_bar_opens_the_documents_it_counts(rooms: Rooms, said: Said) -> None:
    test = opened(rooms, small(), label="billing", histogram_0=clicked(1, 16))
    assert links(test) == ["d19"]
    assert "billing\\: judged absent, predicted 0\\.80 to 0\\.85: 1 document" in said(test)


@pytest.mark.parametrize("source", [EvaluationSource.AUDIT, EvaluationSource.OUT_OF_FOLD])
def test_documents_of_the_audit_set_come_with_the_word_not_to_judge_them_by_the_model(
    rooms: Rooms, said: Said, source: EvaluationSource
) -> None:
    outputs = replace(small(), source=source)
    test = opened(rooms, outputs, label="billing", histogram_0=clicked(1, 16))
    assert ("They are of the audit set." in said(test)) is (source is EvaluationSource.AUDIT)


@pytest.mark.parametrize(
    ("trace", "documents"),
    [(0, ["d9", "d19"]), (1, ["d19", *(f"d{i}" for i in range(9))])],
)
def test_a_mark_of_a_label_opens_what_it_is_made_from(
    rooms: Rooms, trace: int, documents: list[str]
) -> None:
    # the worst first: refund has no precision, so billing is its first mark there
    point = 1 if trace == 0 else 0
    test = opened(rooms, small(), per_label=clicked(trace, point))
    assert set(links(test)) == set(documents)


def test_a_long_list_is_read_page_by_page(rooms: Rooms, said: Said) -> None:
    test = opened(rooms, small(), histograms=clicked(1, 2))  # all labels, judged absent, 0.10
    n_cells = 9 + 10 + 18
    assert f"{n_cells} judgements in 20 documents" in said(test)
    first = links(test)
    assert len(first) == PER_PAGE
    test.get("pagination")[0].set_value(2).run()
    second = links(test)
    assert len(second) == PER_PAGE
    assert not set(first) & set(second)


def test_a_label_of_few_positives_says_so_and_draws_no_curve(rooms: Rooms, said: Said) -> None:
    test = opened(rooms, small(), label="hours", label_roc=True)
    assert "too few positives to tell\\: 2" in said(test)
    drawn = [
        chart.proto.spec.replace("\\u003cbr\\u003e", " ") for chart in test.get("plotly_chart")
    ]
    assert sum("too few to draw" in spec for spec in drawn) == 2  # precision-recall and ROC


def test_without_measured_documents_the_scores_are_still_there(rooms: Rooms, said: Said) -> None:
    project = measured_round(rooms.settings, rooms.store, small())
    for path in rooms.settings.checkpoints_dir.rglob(OUTPUTS):
        path.unlink()
    test = AppTest.from_file(SHELL, default_timeout=60)
    test.query_params["project"] = str(project)
    test.query_params["view"] = "Labels"
    test.query_params["label"] = "billing"
    test.run().switch_page(PAGE_FILES["dashboards"]).run()
    assert not test.exception
    assert NO_OUTPUTS in said(test)
    assert len(test.dataframe[0].value) == 3


def test_many_labels_are_drawn_a_few_at_a_time(rooms: Rooms, said: Said) -> None:
    test = opened(rooms, made_up(80, 54))
    assert f"1 to {PER_CHART} of 54, the weakest first" in said(test)
    assert len(test.dataframe[0].value) == 54


def test_texts_and_names_cannot_draw_themselves(rooms: Rooms, said: Said) -> None:
    nasty = replace(small(), names=("<b>x</b>", "[y](http://x)", "*z*"))
    test = opened(rooms, nasty, label="<b>x</b>", confusion_1_0=Outcome.FALSE_POSITIVE)
    assert "<b>" not in "\n".join(html.proto.body for html in test.get("html"))
    assert "<b>x" not in said(test)
    assert "&lt;b&gt;x" in "\n".join(html.proto.body for html in test.get("html"))
