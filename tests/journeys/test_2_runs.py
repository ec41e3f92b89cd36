"""Runs are stopped and kept, go on, wait in line, are taken out of it, and are thrown away."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.journeys import run_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess, until

LONG = 100_000
"""More steps than any test waits for."""


def test_a_long_run_stops_goes_on_and_is_discarded(
    page: Page, studio: StudioProcess, queue: Callable[..., str]
) -> None:
    run_id = queue("Long try", LONG, save_every=20, eval_every=50)
    page.goto(f"/run?run={run_id}")
    run_page.wait_for_points(page, 25)
    page.get_by_role("button", name="Stop and keep").click()
    run_page.expect_status(page, "stopped")
    expect(page.get_by_role("link", name="Download adapter")).to_be_visible()
    stopped = studio.get(f"/runs/{run_id}")
    run_page.expect_whole_curve(page, studio, run_id, stopped["step"])
    keep(page, "run-stopped")

    page.get_by_role("button", name="Go on from here").click()
    run_page.wait_for_points(page, stopped["step"] + 10)
    run_page.expect_status(page, "training")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Throw away everything this run has learned?")).to_be_visible()
    keep(page, "run-discarding")
    page.get_by_role("button", name="Yes, discard it").click()
    run_page.expect_status(page, "discarded")
    expect(page.get_by_role("link", name="Download adapter")).to_have_count(0)


def test_a_second_run_waits_in_place_1_and_is_taken_out_of_the_line(
    page: Page, studio: StudioProcess, queue: Callable[..., str]
) -> None:
    first, second, third = queue("First", LONG), queue("Second", 9), queue("Third", 9)
    page.goto("/runs")
    until(lambda: studio.get(f"/runs/{first}")["step"] > 0, "the first run trains")
    cards = {name: page.locator("article", has_text=name) for name in ("First", "Second", "Third")}
    expect(cards["First"]).to_contain_text("training")
    expect(cards["Second"]).to_contain_text("place 1 in line")
    expect(cards["Third"]).to_contain_text("place 2 in line")
    keep(page, "runs")
    cards["Second"].get_by_role("button", name="Take out of the line").click()
    expect(cards["Third"]).to_contain_text("place 1 in line")
    cards["Third"].get_by_role("button", name="Take out of the line").click()
    cards["First"].get_by_role("button", name="Stop and keep").click()
    expect(cards["First"]).to_contain_text("stopped")
    expect(page.get_by_text("Nothing is training.")).to_be_visible()
    assert studio.get(f"/runs/{second}")["status"] == "stopped"
    assert studio.get(f"/runs/{third}")["step"] == 0
