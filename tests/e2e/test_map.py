"""A line drawn around points of the map, and what becomes of the documents inside."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.domain import PRESENT, UNJUDGED
from core.services.judgement_matrix import judgement_matrix
from core.store.tables import Document
from tests.e2e.app_driver import App
from tests.e2e.serving import Server
from tests.ui.mapped import give_map, give_scores
from tests.ui.rooms import Rooms

N = 42
CHART = ".js-plotly-plot:visible"
BOUNDS = """
(chart) => {
  const {xaxis, yaxis} = chart._fullLayout;
  const box = chart.querySelector('.nsewdrag').getBoundingClientRect();
  return {left: box.left, top: box.top,
          x: [xaxis.l2p(0), xaxis.l2p(1)], y: [yaxis.l2p(0), yaxis.l2p(1)]};
}
"""


def mapped_project(server: Server) -> int:
    """Three corners of 14 documents; the first of the first corner is judged, its last audited."""
    rooms = Rooms(server.settings, server.store)
    project_id = rooms.project("billing", "refund", n_documents=N)
    rooms.finished_round(project_id, micro_f1=0.6)
    rooms.judge(project_id, ("refund",))
    with server.store.write() as session:
        ids = session.scalars(
            select(Document.id).where(Document.project_id == project_id).order_by(Document.id)
        ).all()
        session.get_one(Document, ids[39]).is_audited = True
    give_scores(server.store, server.settings, project_id)
    give_map(server.store, server.settings, project_id)
    return project_id


def draw_around(page: Page, corners: list[tuple[float, float]]) -> None:
    """Draw a line with the mouse, given in the map's own coordinates."""
    chart = page.locator(CHART)
    expect(chart.locator(".nsewdrag")).to_have_count(1)
    where: dict[str, Any] = chart.evaluate(BOUNDS)

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            where["left"] + where["x"][0] + x * (where["x"][1] - where["x"][0]),
            where["top"] + where["y"][0] + y * (where["y"][1] - where["y"][0]),
        )

    page.mouse.move(*at(*corners[0]))
    page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        page.mouse.move(*at(*corner), steps=8)
    page.mouse.up()


def truth(server: Server, project_id: int) -> dict[int, list[int]]:
    with server.store.read() as session:
        matrix = judgement_matrix(session, project_id)
    rows = zip(matrix.document_ids.tolist(), matrix.truth.tolist(), strict=True)
    return {id_: row for id_, row in rows if set(row) != {UNJUDGED}}


def test_what_a_line_is_drawn_around_is_counted_opened_judged_and_taken_back(
    server: Server, page: Page
) -> None:
    project_id = mapped_project(server)
    page.set_viewport_size({"width": 1280, "height": 1800})  # the mouse reaches what is seen
    app = App(page, server)
    app.open(f"/dashboards?project={project_id}&view=Map")
    app.see("The map")
    app.see_charts(1)
    app.see("Nothing is chosen.")
    draw_around(page, [(-2.5, -1.6), (2.5, -1.6), (2.5, 2.5), (-2.5, 2.5)])
    app.see("14 documents chosen")

    page.get_by_text("Labels", exact=True).last.click()  # other colours leave the choice alone
    app.wait_until_still()
    page.get_by_text("What is judged", exact=True).click()
    app.wait_until_still()
    app.see("14 documents chosen")

    page.get_by_text("Open them").click()
    app.see("Letter number 3")
    page.get_by_text("Judge them at once").click()
    app.wait_until_still()
    before = truth(server, project_id)
    assert len(before) == 1
    page.get_by_role("combobox", name="Label").click()
    page.get_by_role("option", name="refund").click()
    app.see("12 documents: “refund” is present.")
    app.see("1 document is judged so already.")
    app.see("1 document is left out: the audit set")
    assert truth(server, project_id) == before
    app.button("Judge 12 documents").click()
    app.see("Take back")
    after = truth(server, project_id)
    assert len(after) == 13
    assert sum(row == [UNJUDGED, PRESENT] for row in after.values()) == 12
    app.button("Take back").click()
    app.see("12 judgements taken back.")
    assert truth(server, project_id) == before
