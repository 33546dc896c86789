"""A number on a dashboard is clicked, and exactly its documents are there to be read."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from playwright.sync_api import Locator, Page, expect

from tests.e2e.app_driver import App
from tests.e2e.card_driver import Card
from tests.e2e.serving import Server
from tests.measured_rounds import made_up, measured_round, outputs_of

TEXTS = [
    "Two lamps were billed twice.",
    "My *parcel* <b>never</b> came, see [here](http://x).",
    "Is the shop open on Sunday?",
    "A bill without a number, and a parcel.",
]
PROBA = [[0.91, 0.12], [0.22, 0.97], [0.93, 0.14], [0.38, 0.52]]
TRUTH = [[1, 0], [0, 1], [0, -1], [1, 0]]


def small_round(server: Server) -> int:
    """Four documents: a false alarm and a miss of billing, a false alarm of delivery."""
    outputs = outputs_of(
        np.array(PROBA, dtype=np.float32),
        np.array(TRUTH, dtype=np.int8),
        names=["billing", "delivery"],
    )
    return measured_round(
        server.settings, server.store, outputs, texts=TEXTS, name="Behind", is_judged=True
    )


def opened(app: App, project: int, *, tab: str, more: str = "") -> App:
    """A tab of the dashboards, drawn."""
    app.open(f"/dashboards?project={project}&view={tab}{more}")
    app.page.locator(".js-plotly-plot:visible").first.wait_for()
    app.wait_until_still()
    return app


def click_mark(app: App, chart: str, mark: Locator) -> None:
    """Click a mark as a person does: plotly looks where the mouse is, not what it hit."""
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    assert box is not None
    # on a logarithmic axis a bar has no lower end in sight
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 6)
    app.page.mouse.move(x - 3, y)
    app.page.mouse.move(x, y)
    expect(app.page.locator(f".st-key-chart_{chart} .hovertext").first).to_be_attached()
    app.page.wait_for_timeout(500)  # sooner after the last one, plotly takes it for a double click
    app.page.mouse.click(x, y)
    app.wait_until_still()


def bar(page: Page, chart: str, *, trace: int, position: int) -> Locator:
    """One bar of a chart, by its trace and its place in it."""
    traces = page.locator(f".st-key-chart_{chart} .trace.bars")
    return traces.nth(trace).locator(".point path").nth(position)


def listed(page: Page, key: str) -> Locator:
    """The list of the documents behind something."""
    return page.locator(f".st-key-behind_{key}")


def links(part: Locator) -> Locator:
    """What leads from listed documents to the card."""
    return part.locator("[data-testid=stPageLink-NavLink]:visible")


def expect_documents(part: Locator, *external_ids: str) -> None:
    """Wait until exactly these are listed, in this order."""
    expect(links(part)).to_have_text(
        [re.compile(rf"(?<!\d){id_}$") for id_ in external_ids],  # after the icon's name
        timeout=30_000,
    )


def test_a_bar_of_a_histogram_opens_its_documents_closes_them_and_opens_them_again(
    server: Server, page: Page
) -> None:
    app = opened(App(page, server), small_round(server), tab="Labels", more="&label=billing")
    absent = bar(page, "histogram_0", trace=1, position=18)  # 0.90 to 0.95, judged absent
    click_mark(app, "histogram_0", absent)
    behind = listed(page, "histogram_0")
    expect(behind).to_contain_text("billing: judged absent, predicted 0.90 to 0.95: 1 document")
    expect_documents(behind, "d2")
    expect(behind).to_contain_text("probability 0.93, threshold 0.50, predicted; judged absent")
    click_mark(app, "histogram_0", bar(page, "histogram_0", trace=0, position=18))
    expect(behind).to_contain_text("judged present, predicted 0.90 to 0.95: 1 document")
    expect_documents(behind, "d0")
    click_mark(app, "histogram_0", bar(page, "histogram_0", trace=0, position=18))
    expect(behind).to_have_count(0)
    click_mark(app, "histogram_0", bar(page, "histogram_0", trace=0, position=18))
    expect_documents(behind, "d0")


def test_a_bar_of_the_labels_opens_what_the_label_is_wrong_about(
    server: Server, page: Page
) -> None:
    app = opened(App(page, server), small_round(server), tab="Labels")
    names = page.locator(".st-key-chart_per_label .ytick text").all_text_contents()
    at = next(i for i, name in enumerate(names) if name.startswith("billing"))
    click_mark(app, "per_label", bar(page, "per_label", trace=0, position=at))
    behind = listed(page, "per_label")
    expect(behind).to_contain_text("billing: wrong predictions: 2 documents")
    expect_documents(behind, "d2", "d3")


def test_a_count_of_the_confusion_opens_as_many_documents_page_by_page(
    server: Server, page: Page
) -> None:
    outputs = made_up(120, 3, seed=3)
    outputs = replace(outputs, names=("billing", "refund", "delivery"))
    project = measured_round(server.settings, server.store, outputs, name="Many")
    opened(App(page, server), project, tab="Labels", more="&label=refund")
    found = (outputs.truth[:, 1] == 1) & (outputs.proba[:, 1] >= 0.5)
    order = np.argsort(outputs.proba[:, 1])  # the least expected first
    wanted = [f"d{row}" for row in order if found[row]]
    assert len(wanted) > 20
    page.get_by_text(f"{len(wanted)} found").click()
    behind = page.locator("[class*=st-key-behind_confusion]")
    expect(behind).to_contain_text(f"refund: true positives: {len(wanted)} documents")
    for start in range(0, len(wanted), 10):
        if start:
            number = start // 10 + 1
            behind.get_by_role("button", name=f"Page {number}", exact=True).click()
        expect_documents(behind, *wanted[start : start + 10])


def test_a_row_of_the_table_opens_its_label_and_a_second_click_closes_it(
    server: Server, page: Page
) -> None:
    app = opened(App(page, server), small_round(server), tab="Labels")
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    for is_open in (True, False, True):
        table.click(position={"x": 18, "y": 35 + 18})  # the box before the first row
        app.wait_until_still()
        expect(page.locator(".st-key-opened_label")).to_have_count(int(is_open))
    expect(page.locator(".st-key-opened_label h3")).to_have_text(re.compile("billing"))
    assert "label=billing" in page.url


def test_a_bin_of_the_reliability_diagram_opens_the_judgements_in_it(
    server: Server, page: Page
) -> None:
    outputs = made_up(60, 2, seed=1)
    proba, truth = np.minimum(outputs.proba, 0.85), outputs.truth.copy()
    for row, label in [(3, 0), (7, 0), (9, 0), (3, 1)]:
        proba[row, label], truth[row, label] = 0.95, 1
    outputs = replace(outputs, proba=proba, truth=truth)
    project = measured_round(server.settings, server.store, outputs, name="Reliable")
    app = opened(App(page, server), project, tab="Calibration")
    counts = page.locator(".st-key-chart_reliability .trace.bars").last.locator(".point path")
    click_mark(app, "reliability", counts.last)
    behind = listed(page, "reliability")
    expect(behind).to_contain_text("to 1.00: 4 judgements in 3 documents")
    expect_documents(behind, "d3", "d7", "d9")


def test_a_text_cannot_draw_itself_and_opens_on_the_card(server: Server, page: Page) -> None:
    app = opened(App(page, server), small_round(server), tab="Labels", more="&label=delivery")
    page.get_by_text("1 found").click()
    behind = page.locator("[class*=st-key-behind_confusion]")
    expect(behind).to_contain_text(TEXTS[1])
    expect(behind.locator("b, em, p a")).to_have_count(0)
    links(behind).click()
    card = Card(page, server.url, app.project_id())
    expect(card.text).to_have_text(TEXTS[1])
    card.press("Escape")  # back to the queue
    expect(card.text).not_to_have_text(TEXTS[1])
