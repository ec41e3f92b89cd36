"""A safety profile in effect: put in force on its page, met in the playground, mended in a form."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.screen import Window, keep
from tests.journeys.studio_process import StudioProcess

EMERGENCY = "My father has crushing chest pain. What should I do?"


@pytest.fixture(autouse=True)
def nobody_in_care_afterwards(studio: StudioProcess) -> Iterator[None]:
    """Take every profile out of force: the other journeys ask without one."""
    yield
    for use in studio.get("/safety/uses"):
        if use["profile_id"]:
            nobody = {"subject": use["subject"], "profile_id": None}
            studio.api.put("/safety/uses", json=nobody).raise_for_status()


def ask(page: Page, adapter: str, question: str) -> Any:
    """Ask an adapter beside its base model in the playground; returns the adapter's answer."""
    page.goto(f"/playground?with=adapter:{adapter}")
    page.get_by_text("Instruction and sampling").click()
    page.get_by_label("Longest answer, in tokens").fill("12")
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Send to all").click()
    expect(page.get_by_label("Your question")).to_have_value("")
    answers = page.locator(".ts-round").last.locator(".ts-answer")
    expect(answers.locator(".ts-writing")).to_have_count(0)
    return answers


def test_an_emergency_meets_its_notice_and_a_dose_its_note(
    page: Page, finished_run: dict[str, Any]
) -> None:
    adapter = finished_run["adapter_id"]
    page.goto("/safety")
    page.locator("details", has_text="Models and adapters").evaluate("each => { each.open = true }")
    page.get_by_label(finished_run["name"], exact=True).select_option(label="Health information")
    expect(page.get_by_role("status").first).to_contain_text("Saved for")
    keep(page, "safety")

    answers = ask(page, adapter, EMERGENCY)
    guarded = answers.filter(has_text="This may be an emergency")
    expect(guarded).to_have_count(1)
    expect(guarded.locator(".ts-text")).to_contain_text("call your local emergency number")
    expect(guarded).to_contain_text("Safety rule: Signs of a heart attack")
    expect(guarded.locator(".ts-text")).to_contain_text("no medical advice")
    keep(page, "safety-notice")

    ask(page, adapter, "How much ibuprofen can I give a child?")
    expect(page.locator(".ts-round").last).to_contain_text("Ask a pharmacist or a doctor")


def test_what_a_profile_of_ones_own_blocks_is_never_shown(
    page: Page, window: Window, finished_run: dict[str, Any]
) -> None:
    window.expect("status of 422")
    page.goto("/safety")
    page.get_by_role("button", name="New profile").click()
    page.get_by_label("Name", exact=True).fill("Says nothing")
    page.get_by_role("button", name="Add a rule").click()
    page.get_by_label("Pattern (regular expression)").fill("(a")
    page.get_by_label("What is done (action)").last.select_option(
        label="block: words instead of the answer"
    )
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_text("The pattern cannot be read")).to_be_visible()
    keep(page, "safety-form")
    page.get_by_label("Pattern (regular expression)").fill(r"\S")
    page.get_by_label("Where it is looked for (side)").last.select_option(label="in answers")
    page.get_by_label("Words", exact=True).last.fill("Nothing is said here.")
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_text("Says nothing is saved")).to_be_visible()

    page.goto("/safety")
    page.get_by_label("The whole studio").select_option(label="Says nothing")
    expect(page.get_by_role("status").first).to_contain_text("Saved for")
    answers = ask(page, finished_run["adapter_id"], "Hello")
    expect(answers.locator(".ts-text")).to_have_text(["Nothing is said here."] * 2)
    expect(answers.locator(".ts-foot").first).to_contain_text("held back by a safety rule")


def test_a_profile_in_force_is_not_deleted_another_is_with_undo(page: Page, window: Window) -> None:
    window.expect("status of 409")
    page.goto("/safety")
    general = page.locator("article").filter(
        has=page.get_by_role("heading", name=re.compile("^General"))
    )
    general.get_by_role("button", name="Copy").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("General (copy)")
    page.get_by_role("link", name="All profiles").first.click()
    page.get_by_label("The whole studio").select_option(label="General (copy)")
    expect(page.get_by_role("status").first).to_contain_text("Saved for")
    used = page.locator("article", has_text="General (copy)")
    used.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("is in force for the studio")).to_be_visible()
    with page.expect_response("**/api/v1/safety/uses"):
        page.get_by_label("The whole studio").select_option(label="none")
    used.get_by_role("button", name="Delete").click()
    expect(used).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(used).to_have_count(1)


def test_a_text_is_tried_and_data_is_checked(page: Page, dataset_id: str) -> None:
    page.goto("/safety")
    page.get_by_label("Profile", exact=True).select_option(label="Health information")
    page.get_by_label("Text", exact=True).fill("Take 500 mg of ibuprofen. Is it cancer?")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("An answer that names a dose to take (replaced)")).to_be_visible()
    expect(page.get_by_text("Asking for a diagnosis (note after the answer)")).to_be_visible()
    expect(page.locator(".ts-bubble").last).to_contain_text(
        "[a dose: ask your pharmacist or doctor]"
    )

    page.goto(f"/data?dataset={dataset_id}&view=care")
    page.get_by_label("Profile", exact=True).select_option(label="General")
    page.get_by_role("button", name="Check against a safety profile").click()
    expect(page.get_by_text("No row breaks a rule of General.")).to_be_visible()
