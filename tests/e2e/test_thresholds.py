"""A threshold is dragged, or moved by keys, and what is predicted follows."""

from __future__ import annotations

import json
import secrets
import urllib.request
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import select

from core.api.tokens import issue_token
from core.domain import EvaluationSource
from core.services.exporting import export_rows
from core.services.operating_points import OperatingPoint, operating_point
from core.services.predictions import LABEL_IDS, POOL_IDS, POOL_PROBA
from core.services.projects import get_project
from core.store.tables import Document, Round
from tests.e2e.app_driver import App
from tests.e2e.card_driver import rank_documents
from tests.e2e.serving import Server
from tests.measured_rounds import made_up, measured_round

POOL_ROW = (0.35, 0.25, 0.15)  # what the round says of every document of the pool


@dataclass(frozen=True)
class Bench:
    """A project whose measured round is open at the Thresholds tab."""

    app: App
    project_id: int

    @property
    def handle(self) -> Locator:
        return self.app.page.get_by_role("slider", name="Threshold")

    @property
    def point(self) -> OperatingPoint:
        with self.app.server.store.read() as session:
            return operating_point(session, self.project_id)

    def value(self) -> float:
        return float(self.handle.get_attribute("aria-valuenow") or "nan")

    def readout(self) -> str:
        return self.app.page.locator("[data-ref=readout]").inner_text().replace("\n", " ")

    def open(self) -> Bench:
        self.app.open(f"/dashboards?project={self.project_id}&view=Thresholds")
        expect(self.handle).to_be_visible(timeout=60_000)
        self.app.wait_until_still()
        return self

    def grip(self) -> tuple[float, float]:
        """Where the handle's grip is on the screen."""
        self.handle.scroll_into_view_if_needed()
        box = self.handle.locator(".grip").bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def across(self, share: float) -> float:
        """So much of the plot's width, in pixels."""
        box = self.app.page.locator(".field").bounding_box()
        assert box is not None
        return share * float(box["width"])

    def choose_label(self, position: int) -> None:
        """Pick a label by its place in the list; 0 stands for all."""
        self.app.page.get_by_role("combobox", name="Threshold of").click()
        self.app.page.get_by_role("option").nth(position).click()
        self.app.wait_until_still()


@pytest.fixture
def bench(shared_server: Server, page: Page) -> Bench:
    """160 measured documents, and as many again in the pool that were scored."""
    made = made_up(160, 3, seed=3)
    outputs = replace(
        made,
        proba=(0.6 * made.proba).astype(np.float32),
        source=EvaluationSource.OUT_OF_FOLD,
        folds=np.arange(160) % 5,
    )
    texts = [f"Letter number {i}" for i in range(170)]
    project_id = measured_round(
        shared_server.settings,
        shared_server.store,
        outputs,
        texts=texts,
        name=f"Letters {secrets.token_hex(4)}",
    )
    score_pool(shared_server, project_id)
    return Bench(App(page, shared_server), project_id).open()


def score_pool(server: Server, project_id: int) -> None:
    with server.store.read() as session:
        round_ = session.get(Round, get_project(session, project_id).active_round_id)
        assert round_ is not None
        assert round_.checkpoint is not None
        folder, label_ids = server.settings.checkpoints_dir / round_.checkpoint, round_.label_ids
        in_order = select(Document.id).where(Document.project_id == project_id)
        ids = np.array(session.scalars(in_order.order_by(Document.id)).all(), dtype=np.int64)
    np.save(folder / POOL_IDS, ids)
    np.save(folder / POOL_PROBA, np.tile(np.array(POOL_ROW, dtype=np.float32), (len(ids), 1)))
    (folder / LABEL_IDS).write_text(json.dumps(label_ids))
    rank_documents(server.store, project_id)


def asked(bench: Bench, path: str, body: dict[str, Any] | None = None) -> Any:
    """The API's answer, as a script gets it."""
    server = bench.app.server
    token = issue_token(server.settings, annotator="ada", project_id=bench.project_id)
    request = urllib.request.Request(
        f"{server.url}/api/v1/projects/{bench.project_id}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def n_predicted(bench: Bench) -> int:
    """How many labels are predicted of the next document, by the API."""
    lease = asked(bench, "queries", {"n": 1, "client_id": "a-script"})
    return len(lease["documents"][0]["predicted"])


def exported(bench: Bench) -> tuple[float, int]:
    """The shared threshold and the number of predicted labels in the first row of an export."""
    server = bench.app.server
    with server.store.read() as session:
        rows = export_rows(
            session, bench.project_id, include_unjudged=True, settings=server.settings
        )
        row = next(iter(rows))
    return row["threshold"], len(row["predicted"])


def test_a_dragged_threshold_is_followed_by_suggestions_and_the_export(bench: Bench) -> None:
    mouse, app = bench.app.page.mouse, bench.app
    assert bench.value() == 0.5
    assert n_predicted(bench) == 0
    assert exported(bench) == (0.5, 0)

    x, y = bench.grip()
    mouse.move(x, y)
    mouse.down()
    mouse.move(x - bench.across(0.1), y, steps=4)
    halfway = bench.readout()
    assert bench.value() == pytest.approx(0.4, abs=0.011)
    mouse.move(x - bench.across(0.3), y, steps=4)
    assert bench.readout() != halfway  # it follows while dragging …
    expect(app.says("This is what is in force.")).to_be_visible()  # … and nothing is sent yet
    mouse.up()
    app.see("moved while looking at these very documents")
    moved = bench.value()
    assert moved == pytest.approx(0.2, abs=0.011)
    assert bench.point.is_own_of_round

    app.button("Use these thresholds").click()
    app.see("Set by")
    assert bench.point.shared == pytest.approx(moved)
    assert n_predicted(bench) == 2
    assert exported(bench) == (pytest.approx(moved), 2)

    app.button("Back to the round's own").click()
    app.see("went back to it")
    expect(bench.handle).to_have_attribute("aria-valuenow", "0.50")
    assert n_predicted(bench) == 0


def test_arrow_keys_move_one_labels_threshold_and_nothing_jumps(bench: Bench) -> None:
    bench.choose_label(1)
    expect(bench.handle).to_have_accessible_name("Threshold of “label 1”")
    before = bench.grip()
    bench.handle.focus()
    for _ in range(5):
        bench.app.page.keyboard.press("ArrowLeft")
    assert bench.value() == pytest.approx(0.45)
    assert "threshold 0.45, F1 0." in (bench.handle.get_attribute("aria-valuetext") or "")
    bench.app.page.keyboard.press("PageDown")
    bench.app.see("1 of 3 labels have a threshold of their own.")  # told once the keys rest
    assert bench.value() == pytest.approx(0.40)
    assert bench.grip()[1] == pytest.approx(before[1], abs=1)
    expect(bench.handle).to_be_focused()

    bench.app.button("Use these thresholds").click()
    bench.app.see("1 of 3 labels has its own")
    assert list(bench.point.own.values()) == [pytest.approx(0.40)]
    assert bench.point.shared == 0.5


def test_a_drag_that_is_given_up_changes_nothing(bench: Bench) -> None:
    mouse = bench.app.page.mouse
    x, y = bench.grip()
    mouse.move(x, y)
    mouse.down()
    mouse.move(x - bench.across(0.2), y, steps=3)
    assert bench.value() == pytest.approx(0.3, abs=0.011)
    bench.app.page.keyboard.press("Escape")
    assert bench.value() == 0.5
    mouse.up()
    bench.app.wait_until_still()
    assert bench.value() == 0.5
    expect(bench.app.says("This is what is in force.")).to_be_visible()


def test_an_aim_moves_the_point_and_a_phone_has_room_for_it(bench: Bench) -> None:
    bench.app.page.set_viewport_size({"width": 400, "height": 800})
    bench.app.page.get_by_role("combobox", name="Choose by").click()
    bench.app.page.get_by_role("option", name="F1: precision and recall alike").click()
    bench.app.see("It raises micro-F1")
    assert bench.value() < 0.3
    plot, window = bench.app.page.locator("[data-ref=plot]").bounding_box(), 400
    assert plot is not None
    assert plot["x"] >= 0
    assert plot["x"] + plot["width"] <= window
    wide = "document.documentElement.scrollWidth"
    assert bench.app.page.evaluate(wide) <= window


def test_a_finger_on_the_handle_drags_it_and_does_not_scroll(
    browser: Browser, bench: Bench
) -> None:
    phone = browser.new_context(
        viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True
    )
    held = Bench(App(phone.new_page(), bench.app.server), bench.project_id).open()
    held.app.see("This is what is in force.")
    x, y = held.grip()
    finger = phone.new_cdp_session(held.app.page)

    def touch(kind: str, *at: tuple[float, float]) -> None:
        points = [{"x": a, "y": b} for a, b in at]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x, y))
    for step in range(1, 9):
        touch("touchMove", (x - 10 * step, y - 3 * step))
    touch("touchEnd")
    held.app.see("moved while looking at these very documents")
    assert held.value() < 0.35
    phone.close()
