"""What does not go together is refused in words before Start; what has no effect is not shown."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import data_page, train_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess


def pairs(count: int) -> bytes:
    """Return a file of questions, each with a better and a worse answer."""
    return data_page.lines(
        [
            {"prompt": f"What of {n}?", "chosen": f"Take {n} and rest.", "rejected": f"No, {n}."}
            for n in range(count)
        ]
    )


@pytest.fixture(scope="package")
def pairs_id(studio: StudioProcess, model_id: str) -> str:
    """Pairs of answers, ready."""
    added = studio.post("/datasets", files={"file": ("pairs.jsonl", pairs(60))})
    return str(studio.ready(f"/datasets/{added['id']}")["id"])


def test_ways_that_do_not_fit_the_data_say_what_they_need(page: Page, pairs_id: str) -> None:
    page.goto(f"/train?dataset={pairs_id}")
    expect(train_page.way(page, "Prefer the better answer (DPO)")).to_be_checked()
    expect(page.locator("#method").get_by_role("radio")).to_have_count(4)
    said = page.locator("#other-methods")
    expect(said).to_contain_text("Your data holds better and worse answers")
    expect(said).to_contain_text("Read on plain text (continued pretraining) needs plain text")
    keep(page, "train-ways")


def test_other_data_brings_its_own_way_and_settings(
    page: Page, pairs_id: str, dataset_id: str
) -> None:
    page.goto(f"/train?dataset={pairs_id}")
    expect(train_page.way(page, "Prefer the better answer (DPO)")).to_be_checked()
    train_page.way(page, "Learn from good and bad answers (KTO)").check()
    train_page.advanced(page)
    expect(page.get_by_label("Weight of good answers")).to_be_visible()
    train_page.choose(page, "Data", "desk work.jsonl")
    expect(train_page.way(page, "Learn from answers (SFT)")).to_be_checked()
    expect(page.get_by_label("Weight of good answers")).to_have_count(0)
    expect(page.get_by_label("Fill every block")).to_be_visible()


def test_a_combination_that_cannot_be_is_refused_by_its_field(
    page: Page, dataset_id: str, model_id: str
) -> None:
    page.goto(f"/train?dataset={dataset_id}&model={model_id}")
    expect(train_page.plan(page)).to_contain_text("Ready to start")
    train_page.advanced(page)
    train_page.choose(page, "What learns (adapter)", "the whole model")
    expect(page.get_by_label("Room to learn")).to_have_count(0)
    train_page.choose(page, "Shrink the base model (quantization)", "4-bit NF4")
    card = train_page.plan(page)
    expect(card).to_contain_text("Shrink the base model: A shrunk model cannot learn as a whole")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    train_page.choose(page, "Shrink the base model (quantization)", "no, full size")
    expect(card).to_contain_text("Ready to start")
    keep(page, "train-refused")


def test_a_program_that_asks_for_what_does_not_fit_is_told_the_same(
    studio: StudioProcess, pairs_id: str, model_id: str, queue: Callable[..., str]
) -> None:
    asked = {"dataset_id": pairs_id, "base_model_id": model_id, "method": "sft", "beta": 0.5}
    found = studio.post("/runs/plan", json=asked)
    refused = {fault["field"]: fault["message"] for fault in found["faults"]}
    assert "needs conversations or plain text" in refused["dataset_id"]
    warned = {warning["field"]: warning["message"] for warning in found["warnings"]}
    assert "does nothing here" in warned["beta"]


def test_a_reward_model_is_not_among_those_one_can_talk_to(
    page: Page, studio: StudioProcess, pairs_id: str, queue: Callable[..., str]
) -> None:
    judge = {"method": "reward", "dataset_id": pairs_id, "max_length": 128, "batch_size": 2}
    run = studio.run_ends(queue("A judge", 3, **judge))
    assert run["status"] == "finished", run["error"]
    page.goto(f"/run?run={run['id']}")
    expect(page.get_by_text("It cannot be talked to").first).to_be_visible()
    expect(page.get_by_role("link", name="Talk to it beside the original")).to_have_count(0)
    page.goto("/playground")
    expect(page.get_by_text("they judge answers and do not talk: A judge")).to_be_visible()
    expect(page.get_by_role("option", name="A judge")).to_have_count(0)
