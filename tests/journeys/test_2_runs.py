"""Runs are stopped and kept, go on, wait in line, are moved in it, and are thrown away."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.journeys import run_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess, until

LONG = 100_000
"""More steps than any test waits for."""


def card(page: Page, name: str) -> Locator:
    """Return the card of the run of that name; others may offer to wait for it."""
    return page.locator("article", has=page.get_by_role("heading", name=name))


def pause_as_told_on_the_page_of(run_id: str, page: Page) -> None:
    """Pause the queue: the list says so, and the page of the second one that waits."""
    own = page.context.new_page()
    own.goto(f"/run?run={run_id}")
    expect(own.locator(".ts-part-title")).to_contain_text("place 2 in line")
    page.get_by_role("button", name="Pause the queue").click()
    expect(page.get_by_text("The queue is paused: no further run starts")).to_be_visible()
    expect(own.locator(".ts-part-title")).to_contain_text("The queue is paused")
    own.close()


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
    expect(page.locator("#machine")).to_contain_text("Own memory at most")
    expect(page.locator("#machine .ts-chart .main-svg").first).to_be_visible()
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


def test_runs_wait_in_line_are_moved_held_by_a_pause_and_taken_out(
    page: Page, studio: StudioProcess, queue: Callable[..., str]
) -> None:
    first, second, third = queue("First", LONG), queue("Second", 9), queue("Third", 9)
    page.goto("/runs")
    until(lambda: studio.get(f"/runs/{first}")["step"] > 0, "the first run trains")
    cards = {name: card(page, name) for name in ("First", "Second", "Third")}
    expect(cards["First"]).to_contain_text("training")
    expect(cards["Second"]).to_contain_text("place 1 in line")
    expect(cards["Third"]).to_contain_text("place 2 in line")
    keep(page, "runs")

    earlier = cards["Third"].get_by_role("button", name="Let Third start earlier")
    earlier.focus()
    page.keyboard.press("Enter")
    expect(cards["Third"]).to_contain_text("place 1 in line")
    cards["Second"].get_by_label("Starts").select_option("Only after Third has finished")
    expect(cards["Second"]).to_contain_text("It waits until Third has finished.")
    cards["Second"].locator(".ts-grip").drag_to(cards["Third"], target_position={"x": 20, "y": 4})
    expect(cards["Second"]).to_contain_text("place 1 in line")

    pause_as_told_on_the_page_of(third, page)
    cards["First"].get_by_role("button", name="Stop and keep").click()
    expect(cards["First"]).to_contain_text("stopped")
    expect(page.get_by_text("Nothing is training.")).to_be_visible()
    keep(page, "runs-paused")
    for name in ("Second", "Third"):
        cards[name].get_by_role("button", name="Take out of the line").click()
        expect(cards[name]).to_contain_text("stopped")
    page.get_by_role("button", name="Let the queue go on").click()
    expect(page.get_by_text("The queue is paused")).to_have_count(0)
    assert studio.get(f"/runs/{second}")["status"] == "stopped"
    assert studio.get(f"/runs/{third}")["step"] == 0
