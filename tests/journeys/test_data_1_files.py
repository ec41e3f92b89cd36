"""Real files of five shapes: the counts on the page are those of an independent reading."""

import csv
import hashlib
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import data_page
from tests.journeys.screen import Window, keep
from tests.journeys.studio_process import StudioProcess

SHAPES = {
    "alpaca_en_demo.json": "instructions (Alpaca)",
    "pubmedqa_sharegpt.jsonl": "conversations (ShareGPT)",
    "dpo_en_demo.json": "preference pairs",
    "identity.json": "instructions (Alpaca)",
    "c4_demo.jsonl": "plain text",
}

MINUS = "\N{MINUS SIGN}"


def counted(path: Path) -> int:
    """Count the records of a file in the plainest way."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return len(json.loads(text))
    return sum(1 for line in text.splitlines() if line.strip())


def test_five_files_at_once_are_recognised_and_counted(page: Page, studio: StudioProcess) -> None:
    files = [data_page.shared(name) for name in SHAPES]
    data_page.upload(page, *files)
    for path in files:
        card = data_page.card(page, path.name)
        expect(card).to_contain_text(f"{counted(path):,} good rows, 0 refused")
        expect(card).to_contain_text(SHAPES[path.name])
    kept = {each["name"]: each["sha256"] for each in studio.get("/datasets")}
    for path in files:
        assert kept[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_file_is_recognised(page: Page, studio: StudioProcess) -> None:
    path = data_page.shared("identity.json")
    before = len(studio.get("/datasets"))
    data_page.upload(page, data_page.payload("copy.json", path.read_bytes()))
    said = page.get_by_role("status").filter(has_text="copy.json is here already")
    expect(said).to_contain_text("identity.json")
    assert len(studio.get("/datasets")) == before


def test_pairs_stand_side_by_side(page: Page, studio: StudioProcess) -> None:
    first = json.loads(data_page.shared("dpo_en_demo.json").read_text("utf-8"))[0]
    page.goto("/data")
    data_page.look_inside(page, "dpo_en_demo.json")
    data_page.view(page, "Rows")
    row = page.locator("[data-row='0']")
    for side, part in (("better", "chosen"), ("worse", "rejected")):
        said = row.locator(f".ts-{side} .ts-bubble")
        begin = first[part]["value"].strip()[:200]
        expect(said.locator("p")).to_contain_text(" ".join(begin.split()), use_inner_text=True)
    expect(row.locator(".ts-worse .ts-verdict")).to_contain_text("Worse answer")
    keep(page, "data-pairs")


def test_copies_are_found_and_cleaned(page: Page) -> None:
    rows = json.loads(data_page.shared("alpaca_en_demo.json").read_text("utf-8"))
    asked = Counter((row["instruction"], row["input"], row["output"]) for row in rows)
    page.goto("/data")
    data_page.look_inside(page, "alpaca_en_demo.json")
    data_page.view(page, "Care")
    repeated = len(rows) - len(asked)
    expect(page.get_by_text(f"{repeated} rows repeat another exactly")).to_be_visible()
    expect(page.get_by_role("heading", name="How hard the answers are to read")).to_be_visible()
    keep(page, "data-care")
    page.get_by_role("button", name="Make a cleaned copy").click()
    expect(page.locator(".ts-card").first).to_contain_text("Cleaned of copies")
    data_page.of(page)
    cleaned = int(data_page.fact(page, "Good rows").inner_text().replace(",", ""))
    assert 0.9 * len(asked) < cleaned <= len(asked), "near copies may go as well"
    data_page.view(page, "Versions")
    page.get_by_role("button", name="Show what differs").click()
    expect(data_page.fact(page, "Removed")).to_have_text(f"{MINUS} {len(rows) - cleaned:,}")
    expect(data_page.fact(page, "Added")).to_have_text("+ 0")
    expect(data_page.fact(page, "The same")).to_have_text(f"= {cleaned:,}")
    expect(page.locator(".ts-lineage li")).to_have_count(2)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_the_template_is_a_file_that_is_understood(
    page: Page, tmp_path: Path, window: Window, kind: str
) -> None:
    page.goto("/data")
    page.get_by_text("Download a template to fill in").click()
    words = {"csv": "Spreadsheet (CSV)", "jsonl": "JSONL"}[kind]
    with page.expect_download() as download:
        page.get_by_role("link", name=words, exact=True).click()
    path = tmp_path / f"filled.{kind}"
    download.value.save_as(path)
    filled = path.read_text("utf-8")
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(filled)))
    else:
        rows = [json.loads(line) for line in filled.splitlines()]
    assert rows
    data_page.upload(page, path)
    expect(data_page.card(page, path.name)).to_contain_text(f"{len(rows)} good rows, 0 refused")
