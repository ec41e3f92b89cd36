"""A model that is there writes the answers of a new version; what is refused is named by field."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys import data_page
from tests.journeys.screen import Window, keep
from tests.journeys.studio_process import StudioProcess


def test_a_model_answers_the_questions_of_a_dataset(
    window: Window, page: Page, studio: StudioProcess, dataset_id: str, model_id: str
) -> None:
    window.expect("422")  # the longest answer that is refused
    page.goto(f"/data?dataset={dataset_id}&view=prepare")
    form = page.locator("#prepare-answers")
    form.locator("summary").click()
    form.get_by_label("Who answers").select_option(f"base:{model_id}")
    form.get_by_label("Longest answer, in tokens").fill("9000")
    form.get_by_role("button", name="Make new version").click()
    expect(form.get_by_role("alert")).to_contain_text("Longest answer, in tokens: Must be at most")
    form.get_by_label("Longest answer, in tokens").fill("12")
    form.get_by_label("What to tell the model").fill("Answer briefly.")
    form.get_by_label("keep answers that are cut off").check()
    keep(page, "data-answers")
    form.get_by_role("button", name="Make new version").click()
    expect(page.locator(".ts-card").first).to_contain_text("Answered by a model")
    expect(page.get_by_text("How your file was understood")).to_be_visible(timeout=120_000)
    made: dict[str, Any] = studio.ready(f"/datasets/{data_page.of(page)}")
    assert made["parents"] == [dataset_id]
    assert made["report"]["written_by"]["voice"] == f"base:{model_id}"
    words = page.get_by_text("cut off at the longest answer allowed, and kept as asked")
    expect(words).to_be_visible()
