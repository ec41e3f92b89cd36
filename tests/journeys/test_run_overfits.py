"""A run that learns its few examples by heart says so, and one click changes what is to change."""

import json
import random
import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.journeys import run_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

STEPS = 120


def unforeseeable(count: int) -> bytes:
    """Return questions whose answers nothing foretells: they can only be learned by heart."""
    chance = random.Random(5)
    words = ["walk", "rest", "water", "stretch", "tea", "sleep", "music", "fruit"]
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"What helps after {n} hours at a desk?"},
                {"role": "assistant", "content": " ".join(chance.choices(words, k=8))},
            ]
        }
        for n in range(count)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_a_run_that_overfits_says_so_and_leads_to_a_changed_copy(
    page: Page, studio: StudioProcess, queue: Callable[..., str]
) -> None:
    added = studio.post("/datasets", files={"file": ("by chance.jsonl", unforeseeable(24))})
    data = studio.ready(f"/datasets/{added['id']}")["id"]
    run_id = queue(
        "By heart", STEPS, dataset_id=data, adapter="full", learning_rate=3e-3, batch_size=8,
        eval_share=0.3, eval_every=10, scheduler="constant", warmup_ratio=0.0,
    )  # fmt: skip
    page.goto(f"/run?run={run_id}")
    diagnosis = page.locator("#diagnosis")
    expect(diagnosis).to_contain_text("Overfitting")
    run_page.expect_status(page, "finished")
    expect(diagnosis).to_contain_text(re.compile(r"Overfitting since step \d+: in the exams"))
    expect(diagnosis).to_contain_text("by heart")
    assert diagnosis.get_attribute("role") == "status"
    assert studio.get(f"/runs/{run_id}/diagnosis")["kind"] == "overfitting"
    keep(page, "run-overfits")

    page.get_by_role("link", name="Duplicate with half the learning speed").click()
    expect(page.locator("#asked-changes")).to_contain_text("Learning speed: 0.003 → 0.0015")
    expect(page.locator("#plan")).to_contain_text("Ready to start")
    expect(page.get_by_label("Name")).to_have_value("Copy of By heart")
    page.get_by_role("button", name="Advanced settings").click()
    expect(page.get_by_label("Learning speed (learning rate)")).to_have_value("0.0015")
    keep(page, "train-changed-copy")
