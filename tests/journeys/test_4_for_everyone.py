"""By keyboard, on a phone, in the dark, with a screen reader: every page can be used."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotInTime

from tests.journeys.screen import DARK, SIZES
from tests.journeys.studio_process import StudioProcess

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")

PATHS = (
    "/",
    "/data",
    "/data?write=1",
    "/data?dataset={dataset_id}",
    "/data?dataset={dataset_id}&view=care",
    "/data?dataset={dataset_id}&view=length",
    "/data?dataset={dataset_id}&view=rows",
    "/data?dataset={dataset_id}&view=learned",
    "/data?dataset={dataset_id}&view=prepare",
    "/data?dataset={dataset_id}&view=versions",
    "/models",
    "/train",
    "/runs",
    "/run?run={run_id}",
    "/compare?runs={run_id}",
    "/playground",
    "/conversations",
    "/prompts",
    "/prompts?set={set_id}",
    "/prompts?evaluation={evaluation_id}",
    "/adapters",
    "/safety",
    "/safety?profile=health_information",
    "/audit",
    "/settings",
)

NAMELESS = re.compile(
    r"^ *- '?(?:button|link|textbox|combobox|spinbutton|checkbox|radio|slider|tab|log)\b(?! \").*$",
    re.M,
)
"""A line of the accessibility tree for a control; those with a name go on with it in quotes."""

SMALL = """() => [...document.querySelectorAll(
    '.ts-button, .ts-close, .ts-island select, .ts-island textarea, .ts-tick, .ts-tabs a, '
    + '.ts-island input:is([type=number], [type=text], [type=search], [type=date]), .ts-more, '
    + '.ts-island input[type=range], .ts-island summary, .ts-controls label, '
    + 'nav a, button.primary, button.secondary')]
  .filter((e) => e.checkVisibility())
  .map((e) => [e.getBoundingClientRect(), (e.innerText || e.outerHTML).slice(0, 80)])
  .filter(([box]) => box.width && (box.height < 43.5 || box.width < 43.5))
  .map(([box, words]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${words}`)"""

OVERFLOWING = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll('body *')]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > wide + 1)
    .map((e) => e.outerHTML.slice(0, 120));
}"""

RING = """() => {
  const style = getComputedStyle(document.activeElement);
  const ring = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none';
  return ring || style.boxShadow !== 'none';
}"""
"""Whether what has the focus shows it; a ring that grows is there a moment later."""

AT_REST = """() => new Promise((resolve) => {
  const rest = () => { watch.disconnect(); clearTimeout(soon); clearTimeout(late); resolve(); };
  let soon = setTimeout(rest, 500);
  const late = setTimeout(rest, 5000);
  const watch = new MutationObserver(() => { clearTimeout(soon); soon = setTimeout(rest, 500); });
  watch.observe(document.body, {subtree: true, childList: true});
})"""
"""Waits until nothing was added for half a second: pages that ask all the time are never idle."""


@pytest.fixture(params=PATHS)
def opened(
    request: pytest.FixtureRequest,
    open_page: Callable[[str], Page],
) -> Page:
    """Each page, with something on it."""
    return open_page(request.param)


@pytest.fixture(scope="module")
def asked(studio: StudioProcess, model_id: str) -> dict[str, Any]:
    """Questions in a set, answered by a model."""
    kept = studio.post("/prompt-sets", json={"name": "Desk", "text": "What helps?\nHow long?"})
    wanted = {"contestants": [f"base:{model_id}"], "prompt_set_id": kept["id"]}
    made = studio.post("/evaluations", json={**wanted, "sampling": {"max_tokens": 4}})
    return studio.ready(f"/evaluations/{made['id']}")


@pytest.fixture
def open_page(
    page: Page,
    studio: StudioProcess,
    dataset_id: str,
    finished_run: dict[str, Any],
    asked: dict[str, Any],
) -> Callable[[str], Page]:
    """Open a page and wait until it is drawn."""

    def opened(path: str) -> Page:
        ids = {"set_id": asked["prompt_set_id"], "evaluation_id": asked["id"]}
        page.goto(path.format(dataset_id=dataset_id, run_id=finished_run["id"], **ids))
        expect(page.locator("nav a").first).to_be_visible()
        if page.locator("[id^=island-]").count() and path != "/train":
            expect(page.locator(".ts-island > :not(:empty):not([hidden])").first).to_be_visible()
        if "view=" in path:
            expect(page.locator(".ts-view .ts-card").first).to_be_visible()
            expect(page.locator(".ts-view [role=progressbar]")).to_have_count(0)
        if path == "/train":
            page.get_by_role("button", name="Advanced settings").click()
            expect(page.locator("#plan")).to_contain_text("Ready to start")
        page.evaluate(AT_REST)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        return page

    return opened


def test_controls_have_names_text_stands_out_and_a_phone_has_room_for_it(opened: Page) -> None:
    found = {"a control without a name": NAMELESS.findall(opened.locator("body").aria_snapshot())}
    for theme in ("dark", "light"):
        opened.evaluate(DARK, theme == "dark")
        found[f"no contrast when it is {theme}"] = opened.evaluate(CONTRAST)
    width, height = SIZES["phone"]
    opened.set_viewport_size({"width": width, "height": height})
    found["wider than a phone"] = opened.evaluate(OVERFLOWING)
    found["too small for a thumb"] = opened.evaluate(SMALL)
    assert found == {what: [] for what in found}


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/", "Try the sample"),
        ("/data", "Train with this"),
        ("/models", "Train this model"),
        ("/train", "Start"),
        ("/runs", "Open"),
        ("/run?run={run_id}", "Talk to it beside the original"),
        ("/playground", "Send to all"),
        ("/adapters", "Download adapter"),
        ("/settings", "Save token"),
    ],
)
def test_the_main_action_is_reached_by_tab_and_the_focus_is_seen(
    open_page: Callable[[str], Page], path: str, action: str
) -> None:
    page = open_page(path)
    page.evaluate("document.activeElement.blur()")
    for _ in range(120):
        page.keyboard.press("Tab")
        words = page.evaluate("document.activeElement.innerText ?? ''")
        assert seen(page), f"the focus on {words!r} is not seen"
        if words.strip() == action:
            return
    pytest.fail(f"{action} is not reached")


def seen(page: Page) -> bool:
    """Whether what has the focus shows it soon."""
    try:
        page.wait_for_function(RING, timeout=5000)
    except NotInTime:
        return False
    return True


def test_charts_have_their_content_in_words(open_page: Callable[[str], Page]) -> None:
    page = open_page("/run?run={run_id}")
    chart = page.get_by_role("img").first
    expect(chart).to_have_accessible_description(re.compile("the loss went from"))
    for name in ("Learning rate", "Gradient norm", "Tokens a second"):
        expect(page.get_by_role("img", name=name)).to_be_visible()
