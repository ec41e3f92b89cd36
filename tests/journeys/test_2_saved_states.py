"""A finished run trains longer, is branched from a saved state, and what takes space is removed."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import run_page, train_page
from tests.journeys.screen import Window, keep
from tests.journeys.studio_process import StudioProcess


@pytest.fixture(scope="module")
def run_id(queue: Callable[..., str]) -> str:
    """Return the id of a run with a saved state after each fourth step."""
    return queue("Branching try", 12, save_every=4, eval_every=4, keep_checkpoints=9)


def test_a_finished_run_lists_its_saved_states_and_trains_longer(
    window: Window, studio: StudioProcess, run_id: str
) -> None:
    window.expect("422")  # the browser's word for the refusal below
    page = window.context.new_page()
    page.goto(f"/run?run={run_id}")
    run_page.expect_status(page, "finished")
    happened, saved = page.locator("#happened"), page.locator("#saved-states")
    expect(happened.locator("li").first).to_contain_text("It began.")
    expect(happened.locator("li").last).to_contain_text("Finished after step 12.")
    expect(saved).to_contain_text("The best one, after step 12")
    expect(saved.locator("tbody tr")).to_have_count(3)
    keep(page, "run-saved-states")

    first = saved.locator("tbody tr").last
    expect(saved.locator("tbody tr").first.get_by_role("button", name="Delete")).to_be_disabled()
    first.get_by_role("button", name="Delete").click()
    first.get_by_role("button", name="Yes, delete it").click()
    expect(saved.locator("tbody tr")).to_have_count(2)

    page.get_by_role("button", name="Train longer").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("12 steps lie behind it")
    expect(dialog).to_contain_text("as if the longer course had been planned from the start")
    dialog.get_by_label("How long in all").fill("12")
    dialog.get_by_role("button", name="Train longer now").click()
    expect(dialog).to_contain_text("Choose more than 12")
    keep(page, "run-train-longer")
    dialog.get_by_label("How long in all").fill("20")
    dialog.get_by_role("button", name="Train longer now").click()
    expect(happened).to_contain_text("It was asked to train longer after step 12: 20 steps in all.")
    run_page.expect_status(page, "finished")
    expect(happened).to_contain_text("It went on after step 12.")
    run_page.expect_whole_curve(page, studio, run_id, 20)


def test_a_saved_state_is_branched_and_what_takes_space_is_removed(
    page: Page, studio: StudioProcess, run_id: str
) -> None:
    studio.run_ends(run_id)
    page.goto(f"/run?run={run_id}")
    saved = page.locator("#saved-states")
    row = saved.locator("tbody tr", has=page.get_by_role("rowheader", name="8", exact=True))
    row.get_by_role("link", name="Branch from here").click()
    page.wait_for_url(re.compile(r"/train\?copy="))
    branched = train_page.start(page)
    run_page.expect_status(page, "finished")
    origin = page.get_by_role("link", name="Branching try, step 8")
    expect(origin).to_have_attribute("href", f"/run?run={run_id}")
    made = studio.get(f"/runs/{branched}")
    assert made["name"] == "Branching try, step 8, branched"
    assert made["spec"]["start_from"] == f"checkpoint:{run_id}:8"

    page.goto("/settings")
    card = page.locator("section", has=page.get_by_role("heading", name="What takes space"))
    remove = card.get_by_role("button", name=re.compile("Delete .* of saved states"))
    expect(remove).to_be_disabled()
    card.get_by_label(re.compile("Type delete to confirm")).fill("delete")
    keep(page, "what-takes-space")
    remove.click()
    expect(page.get_by_text(re.compile("are free again"))).to_be_visible()
    assert len(studio.get(f"/runs/{run_id}/checkpoints")["states"]) == 1
