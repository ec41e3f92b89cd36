"""Each way of learning on real data, from the file to the result that answers."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import data_page, run_page, train_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

STEPS = 10
SHORT = {"Stop after this many steps": str(STEPS), "Steps between exams": str(STEPS)}


@pytest.fixture(autouse=True)
def _base(model_id: str) -> None:
    """Let the tiny base model be there."""


def test_conversations_are_learned_from_answers(page: Page, studio: StudioProcess) -> None:
    train_page.bring(page, data_page.shared("pubmedqa_messages.jsonl"))
    expect(train_page.way(page, "Learn from answers (SFT)")).to_be_checked()
    expect(page.locator("#other-methods")).to_contain_text("Prefer the better answer (DPO) needs")
    train_page.advanced(page, SHORT | {"Longest example, in tokens": "96"})
    expect(page.get_by_label("Loyalty to the original")).to_have_count(0)
    run_id = train_page.start(page)
    run = train_page.finished(page, studio, run_id, STEPS)
    assert run["spec"]["method"] == "sft"
    expect(train_page.told(page, "Way of learning")).to_have_text("Learn from answers (SFT)")
    expect(train_page.told(page, "Chat format")).to_have_text("the model's own")
    expect(page.get_by_text("Path:")).to_be_visible()
    train_page.talk(page, "Is it safe?")


def test_plain_text_is_read_on_and_nothing_of_it_is_cut(page: Page, studio: StudioProcess) -> None:
    train_page.bring(page, data_page.shared("c4_demo.jsonl"))
    expect(train_page.way(page, "Read on plain text")).to_be_checked()
    train_page.advanced(page, SHORT | {"Longest example, in tokens": "64"})
    expect(page.get_by_label("Learn from the answers only")).to_have_count(0)
    run_id = train_page.start(page)
    run = train_page.finished(page, studio, run_id, STEPS)
    assert run["spec"]["method"] == "pretrain"
    expect(train_page.told(page, "Rows to learn from")).to_contain_text("divided")
    expect(train_page.told(page, "Learned share of what it read")).to_have_text(re.compile("9. %"))
    train_page.talk(page, "The weather was")


def test_pairs_teach_it_to_prefer_and_its_curves_are_told_in_words(
    page: Page, studio: StudioProcess
) -> None:
    train_page.bring(page, data_page.shared("dpo_en_demo.json"))
    expect(train_page.way(page, "Prefer the better answer (DPO)")).to_be_checked()
    expect(train_page.way(page, "Learn from answers")).to_have_count(0)
    train_page.advanced(page, SHORT | {"Longest example, in tokens": "256"})
    expect(page.get_by_label("Loyalty to the original")).to_have_value("0.1")
    run_id = train_page.start(page)
    run = train_page.finished(page, studio, run_id, STEPS)
    assert run["spec"]["method"] == "dpo"
    for name in ("Lead of the better answers", "Share of pairs judged rightly"):
        chart = page.get_by_role("img", name=name)
        expect(chart).to_be_visible()
        expect(chart).to_have_accessible_description(run_page.FROM_TO)
    page.get_by_text("The last 50 points as a table").click()
    header = page.get_by_role("columnheader", name="Lead of the better answers")
    expect(header).to_be_visible()
    keep(page, "train-dpo")
    train_page.talk(page, "What should I do?")
