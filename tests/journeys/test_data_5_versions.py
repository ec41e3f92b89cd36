"""Rows changed by hand, an exam set apart, two sets mixed: where each comes from is drawn."""

from playwright.sync_api import Page, expect

from tests.journeys import data_page
from tests.journeys.data_page import line
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

ROWS = 40


def test_rows_are_changed_set_apart_and_mixed(page: Page, studio: StudioProcess) -> None:
    first = _ready(studio, "ward.jsonl", "ward")
    _ready(studio, "home.jsonl", "home")
    page.goto(f"/data?dataset={first}&view=rows")
    edited = _edit(page)
    split = _split(page)
    _mix(page)
    lineage = page.locator(".ts-lineage li")
    data_page.view(page, "Versions")
    expect(lineage).to_have_count(5)
    expect(page.locator(".ts-lineage [aria-current]")).to_have_count(1)
    keep(page, "data-lineage")
    found = studio.get(f"/datasets/{split}/lineage")
    assert [first, edited] in found["edges"]
    assert [edited, split] in found["edges"]


def _ready(studio: StudioProcess, name: str, word: str) -> str:
    content = "".join(
        line(f"Question {n} of the {word}, about {n * n} things?", f"Answer {n}: {word} {n * 7}.")
        for n in range(ROWS)
    )
    added = studio.post("/datasets", files={"file": (name, content.encode())})
    return str(studio.ready(f"/datasets/{added['id']}")["id"])


def _edit(page: Page) -> str:
    """Change row 1, drop row 2, drop row 3 and take that back; then save and compare."""
    rows = page.locator("[data-row]")
    rows.nth(0).get_by_role("button", name="Edit").click()
    rows.nth(0).get_by_label("Answer").fill("Rest, and drink enough.")
    rows.nth(0).get_by_role("button", name="Keep this change").click()
    for n in (1, 2):
        rows.nth(n).get_by_role("button", name="Delete").click()
    rows.nth(2).get_by_role("button", name="Undo").click()
    page.reload()
    expect(page.get_by_text("Not saved yet: 1 changed, 1 dropped")).to_be_visible()
    expect(rows.nth(0).locator(".ts-assistant p")).to_have_text("Rest, and drink enough.")
    keep(page, "data-edit")
    page.get_by_role("button", name="Save as new version").click()
    expect(page.locator(".ts-card").first).to_contain_text("1 changed, 1 dropped")
    edited = data_page.of(page)
    expect(data_page.fact(page, "Good rows")).to_have_text(str(ROWS - 1))
    data_page.view(page, "Versions")
    page.get_by_role("button", name="Show what differs").click()
    expect(data_page.fact(page, "The same")).to_have_text(f"= {ROWS - 2}")
    return edited


def _split(page: Page) -> str:
    data_page.view(page, "Prepare")
    form = page.locator("#prepare-split")
    form.locator("summary").click()
    form.get_by_label("Share for the exam, in percent").fill("100")
    form.get_by_role("button", name="Make new version").click()
    expect(form.get_by_role("alert")).to_contain_text("in percent: between 1 and 90")
    form.get_by_label("Share for the exam, in percent").fill("25")
    keep(page, "data-prepare")
    form.get_by_role("button", name="Make new version").click()
    expect(page.locator(".ts-card").first).to_contain_text("25 % at random")
    split = data_page.of(page)
    held_out = int(data_page.fact(page, "Kept for the exam").inner_text())
    assert 0 < held_out < ROWS / 2
    return split


def _mix(page: Page) -> None:
    data_page.view(page, "Prepare")
    form = page.locator("#prepare-mix")
    form.locator("summary").click()
    form.get_by_label("home.jsonl").fill("0.5")
    form.get_by_role("button", name="Make new version").click()
    expect(page.locator(".ts-card").first).to_contain_text("weights 1 : 0.5")
    data_page.of(page)
    expect(data_page.fact(page, "Good rows")).to_have_text(str(ROWS - 1 + ROWS // 2))
