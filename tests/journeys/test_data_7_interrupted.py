"""A lost connection, a reload, a cancelled upload: nothing that has arrived is sent again."""

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys import data_page
from tests.journeys.screen import Window, keep
from tests.journeys.studio_process import StudioProcess

PIECE = 4 * 1024 * 1024
PIECES = re.compile(r"/api/v1/uploads/[^/?]+\?offset=")
ROW = data_page.line("How often should it be taken?", "Three times a day, after meals. " * 400)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of two whole pieces and a bit; each test has one of its own."""
    path = tmp_path / f"{tmp_path.name}.jsonl"
    path.write_text(f"{data_page.line(tmp_path.name, 'Yes.')}{ROW * (2 * PIECE // len(ROW) + 40)}")
    assert 2 * PIECE < path.stat().st_size < 3 * PIECE
    return path


def lose_after_the_first_piece(page: Page) -> list[str]:
    """Cut the line for every piece but the first; returns the offsets that were tried."""
    tried: list[str] = []

    def answer(route: Route) -> None:
        tried.append(route.request.url.rpartition("=")[2])
        if tried[-1] == "0":
            route.continue_()
        else:
            route.abort("connectionreset")

    page.route(PIECES, answer)
    return tried


def test_it_goes_on_by_itself_after_a_lost_connection(
    window: Window, page: Page, studio: StudioProcess, large: Path
) -> None:
    window.expect("net::ERR_CONNECTION_RESET")
    tried = lose_after_the_first_piece(page)
    data_page.upload(page, large)
    expect(page.get_by_text("The connection was lost. It goes on by itself")).to_be_visible()
    page.unroute(PIECES)
    _expect_whole(page, studio, large)
    assert tried.count("0") == 1, "what has arrived is not sent again"


def test_it_goes_on_after_a_reload(
    window: Window, page: Page, studio: StudioProcess, large: Path
) -> None:
    window.expect("net::ERR_CONNECTION_RESET")
    page.on("dialog", lambda dialog: dialog.accept())
    lose_after_the_first_piece(page)
    data_page.upload(page, large)
    expect(page.get_by_text("The connection was lost")).to_be_visible()
    page.reload()
    share = round(100 * PIECE / large.stat().st_size)
    words = f"Choose the same file again to go on from {share} %"
    expect(page.get_by_text(words)).to_be_visible()
    keep(page, "data-unfinished")
    page.unroute(PIECES)
    sent: list[str] = []
    page.on(
        "request", lambda request: sent.append(request.url) if request.method == "PUT" else None
    )
    data_page.choose(page, large)
    _expect_whole(page, studio, large)
    assert [url.rpartition("=")[2] for url in sent] == [str(PIECE), str(2 * PIECE)]
    expect(page.locator(".ts-upload")).to_have_count(0)


def test_a_cancelled_upload_is_gone(window: Window, page: Page, large: Path) -> None:
    window.expect("net::ERR_CONNECTION_RESET")
    lose_after_the_first_piece(page)
    data_page.upload(page, large)
    expect(page.get_by_text("The connection was lost")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".ts-upload")).to_have_count(0)
    page.reload()
    expect(page.locator("#upload")).to_be_visible()
    expect(page.locator(".ts-upload")).to_have_count(0)


def test_what_is_no_data_is_refused_before_it_is_sent(page: Page) -> None:
    files = [data_page.payload("empty.jsonl", b""), data_page.payload("scan.pdf", b"%PDF-1.7")]
    data_page.upload(page, *files)
    refused = page.locator(".ts-upload")
    expect(refused.filter(has_text="empty.jsonl")).to_contain_text("This file is empty.")
    expect(refused.filter(has_text="scan.pdf")).to_contain_text("does not read files of this kind")


DROP = """(zone, [name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name));
  for (const kind of ['dragenter', 'dragover', 'drop'])
    zone.dispatchEvent(new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true}));
}"""


def test_a_file_can_be_dropped(page: Page) -> None:
    page.goto("/data")
    page.locator("#upload").evaluate(DROP, ["dropped.jsonl", data_page.line("Dropped?", "Yes.")])
    expect(data_page.card(page, "dropped.jsonl")).to_contain_text("1 good rows, 0 refused")


def _expect_whole(page: Page, studio: StudioProcess, path: Path) -> None:
    expect(data_page.card(page, path.name).locator(".ts-chip")).to_contain_text("ready")
    kept = {each["name"]: each["sha256"] for each in studio.get("/datasets")}
    assert kept[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
