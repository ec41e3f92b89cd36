"""The web process is killed in the middle of a run: the run goes on, and so does the page."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.journeys import run_page
from tests.journeys.screen import Window, keep
from tests.journeys.studio_process import StudioProcess, until


def test_the_page_goes_on_by_itself_when_the_web_process_dies(
    window: Window, studio: StudioProcess, queue: Callable[..., str]
) -> None:
    page = window.context.new_page()
    run_id = queue("Outlives the page", 100_000)
    page.goto(f"/run?run={run_id}")
    run_page.wait_for_points(page, 5)
    page.evaluate("window.neverReloaded = true")

    window.expect("net::ERR_")  # while nobody answers
    window.expect("fetch")
    killed = studio.web_process()
    before = studio.get(f"/runs/{run_id}")["step"]
    killed.kill()
    expect(page.get_by_text("The studio does not answer")).to_be_visible()
    keep(page, "run-studio-away")
    until(studio.answers, "the web process is back")
    assert studio.web_process().pid != killed.pid
    expect(page.get_by_text("The studio does not answer")).to_have_count(0)
    run_page.wait_for_points(page, before + 20)
    assert page.evaluate("window.neverReloaded")

    page.get_by_role("button", name="Stop and keep").click()
    run_page.expect_status(page, "stopped")
    ended = studio.get(f"/runs/{run_id}")
    assert ended["attempt"] == 1, "the run itself was not disturbed"
    run_page.expect_whole_curve(page, studio, run_id, ended["step"])
