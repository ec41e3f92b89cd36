"""What a person does on the train page, and after Start until the result answers."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.journeys import data_page, run_page
from tests.journeys.studio_process import StudioProcess


def bring(page: Page, file: Path) -> str:
    """Upload a file and go on to training with it; returns the data's id."""
    data_page.upload(page, file)
    dataset_id = data_page.look_inside(page, file.name)
    page.get_by_role("link", name="Train with this").first.click()
    expect(plan(page)).to_contain_text("Steps")
    return dataset_id


def plan(page: Page) -> Locator:
    """Return the card that says what will happen."""
    return page.locator("#plan")


def way(page: Page, name: str) -> Locator:
    """Return the choice of a way of learning."""
    return page.locator("#method").get_by_role("radio", name=name)


def choose(page: Page, label: str, choice: str) -> None:
    """Choose one of a list."""
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=choice).click()


def advanced(page: Page, numbers: dict[str, str] | None = None) -> None:
    """Open the advanced settings and type numbers, by the beginning of their label."""
    page.get_by_role("button", name="Advanced settings").click()
    for label, number in (numbers or {}).items():
        page.get_by_label(label).fill(number)


def start(page: Page) -> str:
    """Start the run; returns its id."""
    expect(plan(page)).to_contain_text("Ready to start")
    page.get_by_role("button", name="Start", exact=True).click()
    return run_page.of(page)


def finished(page: Page, studio: StudioProcess, run_id: str, steps: int) -> dict[str, Any]:
    """Wait until the run has finished as its page says; returns it."""
    run_page.expect_status(page, "finished")
    run_page.expect_whole_curve(page, studio, run_id, steps)
    run: dict[str, Any] = studio.get(f"/runs/{run_id}")
    return run


def told(page: Page, label: str) -> Locator:
    """Return what the run's page tells below a label of how it was trained."""
    card = page.locator(".ts-card", has=page.get_by_role("heading", name="How it was trained"))
    return card.locator(".ts-fact", has=page.get_by_text(label, exact=True)).locator("strong")


def talk(page: Page, question: str) -> None:
    """Talk to the result beside the original: both answer."""
    page.get_by_role("link", name="Talk to it beside the original").click()
    expect(page.get_by_role("combobox", name=re.compile("^Contestant"))).to_have_count(2)
    page.get_by_text("Instruction and sampling").click()
    page.get_by_label("Longest answer, in tokens").fill("12")
    page.get_by_label("Your question").fill(question)
    page.get_by_role("button", name="Send to all").click()
    answers = page.locator(".ts-answer")
    expect(answers).to_have_count(2)
    for answer in answers.all():
        expect(answer.locator(".ts-foot")).to_contain_text("tokens")
        expect(answer.locator(".ts-error")).to_have_count(0)
