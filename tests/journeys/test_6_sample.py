"""The sample, without anything to prepare: one click, a model is built, it learns, it answers."""

import re

from playwright.sync_api import Page, expect

from tests.journeys import run_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

SECONDS = 480
"""Building the model takes a minute on a quiet machine, the run about as long."""


def test_the_sample_goes_from_one_click_to_two_answers(page: Page, studio: StudioProcess) -> None:
    page.goto("/")
    page.get_by_role("button", name="Try the sample").click()
    run_id = run_page.of(page)
    page.get_by_role("link", name="Home", exact=True).click()
    building = page.get_by_role("progressbar")
    expect(building.first).to_be_visible()
    keep(page, "home-busy")
    page.goto(f"/run?run={run_id}")
    run_page.expect_status(page, "training", SECONDS)
    run_page.wait_for_points(page, 2)
    keep(page, "sample-training")
    run_page.expect_status(page, "finished", SECONDS)
    run = studio.get(f"/runs/{run_id}")
    run_page.expect_whole_curve(page, studio, run_id, run["step"])

    page.get_by_role("link", name="Talk to it beside the original").click()
    expect(page.get_by_role("combobox", name=re.compile("^Contestant"))).to_have_count(2)
    page.get_by_label("Your question").fill("What helps against a cough at night?")
    page.get_by_role("button", name="Send to all").click()
    answers = _answers(page)
    assert answers[0] != answers[1], "a minute of training changes how it answers"
    keep(page, "sample-compared")

    page.locator(".ts-answer").last.get_by_text("More").click()
    page.locator(".ts-answer").last.get_by_role("button", name="Keep as an example").click()
    expect(page.locator(".ts-notice")).to_contain_text("Kept: 1")
    page.get_by_role("link", name="Look at the table").click()
    expect(page.get_by_label("Question, row 1")).to_have_value(
        "What helps against a cough at night?"
    )
    expect(page.get_by_label("Answer, row 1")).to_have_value(answers[1])


def _answers(page: Page) -> list[str]:
    """Return what both have said, once they have."""
    expect(page.locator(".ts-answer")).to_have_count(2)
    answers = []
    for answer in page.locator(".ts-answer").all():
        expect(answer.locator(".ts-foot")).to_contain_text("tokens/s")
        expect(answer.locator(".ts-text")).to_have_text(re.compile(r"[A-Za-z]{3}.* .*[a-z]{3}"))
        answers.append(answer.locator(".ts-text").inner_text())
    return answers
