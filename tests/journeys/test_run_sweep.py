"""Variations: two settings are picked, three runs train, the best becomes a preset of one's own."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.journeys import train_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess, until

NAME = "Which speed and room"
SHORT = {
    "Stop after this many steps": "8",
    "Steps between exams": "4",
    "Longest example, in tokens": "64",
}
ROOM, SPEED = "Room to learn (LoRA rank r)", "Learning speed (learning rate)"
PICTURE = "() => document.querySelector('.ts-chart-large')?.data?.map((line) => line.y) ?? []"


def open_form(page: Page, dataset_id: str, model_id: str) -> Locator:
    """Make a short run of the train page's form and press Try variations; returns what opens."""
    page.goto(f"/train?dataset={dataset_id}&model={model_id}")
    expect(train_page.plan(page)).to_contain_text("Ready to start")
    train_page.advanced(page, SHORT)
    page.get_by_label(ROOM).fill("4")
    page.get_by_label(ROOM).blur()
    expect(train_page.plan(page)).to_contain_text(re.compile(r"Steps\s*8"))
    page.get_by_role("button", name="Try variations").click()
    page.get_by_role("button", name="Advanced settings").click()
    return page.locator("#sweep-form")


def fill_in(page: Page, form: Locator) -> None:
    """Pick two settings and three runs; a mistake on the way is named and holds up the start."""
    plan, start = form.locator("#sweep-plan"), form.get_by_role("button", name="Start the var")
    speed = form.get_by_role("group", name="Learning speed")
    room = form.get_by_role("group", name="Room to learn")
    expect(form.get_by_role("checkbox", name=SPEED)).to_be_checked()
    expect(room.get_by_label("Values to try")).to_have_value("2; 4; 8")
    expect(plan).to_contain_text("8 runs, about 64 steps in all")
    speed.get_by_label("From").fill("fast")
    expect(plan).to_contain_text("Please correct first")
    expect(plan.get_by_role("listitem")).to_contain_text("Learning speed")
    expect(start).to_be_disabled()
    keep(page, "sweep-form")
    speed.get_by_label("From").fill("0,0005")
    speed.get_by_label("To", exact=True).fill("0.02")
    form.get_by_label("How many runs").fill("3")
    form.get_by_label("Name").fill(NAME)
    expect(plan).to_contain_text("3 runs, about 24 steps in all")
    start.click()


def expect_table_and_picture(page: Page) -> None:
    """The table is sorted by the exam, the picture draws all three, and words say the same."""
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Exam (loss)").click()
    header = page.get_by_role("columnheader", name="Exam (loss)")
    expect(header).to_have_attribute("aria-sort", "ascending")
    expect(rows.first).to_contain_text("★")
    picture = page.get_by_role("img", name="All runs side by side")
    expect(picture).to_have_accessible_description(re.compile("3 runs have held exams"))
    page.wait_for_function(f"() => ({PICTURE})().length === 3")
    drawn: list[list[float]] = page.evaluate(PICTURE)
    assert all(len(line) == 3 and all(0 <= at <= 1 for at in line) for line in drawn)
    assert drawn[-1][-1] == 0, "the best is drawn last, at the foot of the exam's axis"
    keep(page, "sweep")


def test_variations_are_tried_and_the_best_becomes_a_preset(
    page: Page, studio: StudioProcess, dataset_id: str, model_id: str
) -> None:
    fill_in(page, open_form(page, dataset_id, model_id))
    page.wait_for_url(re.compile(r"/sweep\?sweep=sweep_[0-9a-f]+$"))
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.locator(".ts-part-title .ts-chip")).to_contain_text("finished")
    sweep: dict[str, Any] = studio.get(f"/sweeps/{page.url.partition('sweep=')[2]}")
    assert [trial["state"] for trial in sweep["tried"]] == ["complete"] * 3
    [best] = [trial for trial in sweep["tried"] if trial["is_best"]]
    assert best["eval_loss"] == min(trial["eval_loss"] for trial in sweep["tried"])
    expect_table_and_picture(page)
    page.get_by_label("Name of the preset").fill("Desk best")
    page.get_by_role("button", name="Keep as my preset").click()
    expect(page.get_by_text("Desk best is kept.")).to_be_visible()

    page.goto("/runs")
    card = page.locator("article", has=page.get_by_role("heading", name=NAME, exact=True))
    expect(card).to_contain_text("3 of 3 runs")

    page.goto(f"/train?dataset={dataset_id}&model={model_id}")
    expect(train_page.plan(page)).to_contain_text("Ready to start")
    page.get_by_role("button", name="My presets").click()
    train_page.choose(page, "Preset of my own", "Desk best")
    expect(train_page.plan(page)).to_contain_text(re.compile(r"Steps\s*8"))
    train_page.advanced(page)
    expect(page.get_by_label(ROOM)).to_have_value(str(best["values"]["rank"]))
    expect(page.get_by_label(SPEED)).to_have_value(f"{best['values']['learning_rate']:g}")
    page.get_by_role("button", name="Delete this preset").click()
    until(lambda: studio.get("/presets") == [], "the preset is deleted")
    page.get_by_role("button", name="Bring it back").click()
    until(lambda: len(studio.get("/presets")) == 1, "the preset is back")
