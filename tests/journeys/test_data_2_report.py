"""A file broken on purpose: every kind of fault is explained, listed, and can be taken home."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.journeys import data_page
from tests.journeys.data_page import line
from tests.journeys.screen import keep

BROKEN = {
    "cut off": '{"messages": [',
    "unknown fields": '{"colour": "red"}',
    "no answer": json.dumps({"messages": [{"role": "user", "content": "And?"}]}),
    "empty answer": line("Empty?", "").strip(),
    "a list": "[1, 2]",
    "unknown role": line("Who?", "Me.").replace('"user"', '"stranger"').strip(),
}
TIMES = 3


def test_each_kind_of_fault_is_shown_listed_and_downloaded(page: Page, tmp_path: Path) -> None:
    bad = list(BROKEN.values()) * TIMES
    content = "".join(
        line(f"Question {n}?", f"Answer {n}.") + f"{one}\n" for n, one in enumerate(bad)
    )
    data_page.upload(page, data_page.payload("broken.jsonl", content.encode()))
    expect(data_page.card(page, "broken.jsonl")).to_contain_text(
        f"{len(bad)} good rows, {len(bad)} refused"
    )
    data_page.look_inside(page, "broken.jsonl")
    expect(page.get_by_role("heading", name=f"{len(bad)} records cannot be used")).to_be_visible()
    kinds = page.locator(".ts-fault")
    expect(kinds).to_have_count(len(BROKEN))
    shown = "\n".join(kinds.all_inner_texts())
    for number, one in enumerate(BROKEN.values()):
        assert one in shown
        assert f"line {2 * number + 2}, column" in shown
    listed = kinds.filter(has_text=BROKEN["a list"])
    listed.get_by_role("button", name=f"Show all {TIMES} of this kind").click()
    expect(listed.locator("tbody tr")).to_have_count(TIMES)
    at = 2 * list(BROKEN).index("a list") + 2
    lines = [row.locator("td").first.inner_text() for row in listed.locator("tbody tr").all()]
    assert lines == [str(at + 2 * len(BROKEN) * time) for time in range(TIMES)]
    keep(page, "data-report")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all refused records").click()
    path = tmp_path / "refused.jsonl"
    download.value.save_as(path)
    refused = [json.loads(one) for one in path.read_text("utf-8").splitlines()]
    assert [one["text"] for one in refused] == bad
    assert all(one["reason"] and one["line"] for one in refused)


def test_a_row_is_found_by_its_words(page: Page) -> None:
    page.goto("/data")
    data_page.look_inside(page, "broken.jsonl")
    data_page.view(page, "Rows")
    page.get_by_role("searchbox").fill("answer 17")
    expect(page.locator(".ts-conversation")).to_have_count(1)
    expect(page.locator(".ts-assistant p")).to_have_text("Answer 17.")
    page.get_by_role("searchbox").fill("no such words")
    expect(page.get_by_text("No row has these words in it.")).to_be_visible()
