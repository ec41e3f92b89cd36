"""Three runs side by side: ticked, drawn over steps, tokens and time, and told in words."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import train_page
from tests.journeys.screen import SIZES, keep
from tests.journeys.studio_process import StudioProcess

NAMES = ("Gentle", "Brisk", "Much too fast")
RATES = (1e-3, 4e-3, 2e-2)
ASKED = ["What helps after 3 hours at a desk?", "<img src=x onerror=alert(1)> What now?"]

LINES = """() => [...document.querySelectorAll('.ts-chart-large')]
  .filter(chart => chart.offsetParent && chart.data)
  .map(chart => chart.data.map(({name, line, marker, x}) =>
    ({name, look: `${line.dash} ${marker.symbol} ${line.color}`, last: x.at(-1)})))"""


TORN = """() => {
  const torn = [], place = document.createRange();
  for (const cell of document.querySelectorAll('.ts-scroll :is(th, td)')) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) for (const word of texts.currentNode.data.matchAll(/[^\\s-]+/g)) {
      place.setStart(texts.currentNode, word.index);
      place.setEnd(texts.currentNode, word.index + word[0].length);
      if (new Set([...place.getClientRects()].map(line => line.top)).size > 1) torn.push(word[0]);
    }
  }
  return torn;
}"""
"""The words in tables that go on in the next line."""


@pytest.fixture(scope="module")
def run_ids(studio: StudioProcess, queue: Callable[..., str]) -> list[str]:
    """Three runs that differ in how fast they learn; the last is asked questions on its way."""
    common = {"steps": 8, "eval_every": 4, "eval_share": 0.2}
    found = [
        queue(name, **common, learning_rate=rate, probe_prompts=ASKED if name == NAMES[2] else [])
        for name, rate in zip(NAMES, RATES, strict=True)
    ]
    for run_id in found:
        assert studio.run_ends(run_id)["status"] == "finished"
    return found


def test_the_answers_on_the_way_stand_on_the_page_of_the_run(
    page: Page, studio: StudioProcess, run_ids: list[str]
) -> None:
    page.goto(f"/run?run={run_ids[2]}")
    expect(page.get_by_role("heading", name="What it answers")).to_be_visible()
    columns = page.get_by_role("list", name=f"Answers to: {ASKED[0]}").get_by_role("listitem")
    expect(columns).to_have_count(3)
    expect(columns.first).to_contain_text("Before learning")
    expect(columns.last).to_contain_text("After step 8")
    given = studio.get(f"/runs/{run_ids[2]}/probes")["answers"]
    before = next(one["answer"] for one in given if (one["step"], one["prompt"]) == (0, 0))
    expect(columns.first.locator("p").first).to_have_text(" ".join(before.split()) or "(no words)")
    expect(page.get_by_role("heading", name=ASKED[1])).to_be_visible()
    assert page.locator(".ts-probe img").count() == 0
    keep(page, "run-probes")


def test_three_runs_are_ticked_and_compared(
    page: Page, studio: StudioProcess, run_ids: list[str]
) -> None:
    page.goto("/runs")
    for name in NAMES:
        page.get_by_label(f"Compare {name}").check()
    page.get_by_role("link", name="Compare the chosen runs (3)").click()
    page.wait_for_url(f"**/compare?runs={','.join(run_ids)}")
    page.wait_for_function(f"() => ({LINES})().length === 2")
    loss, exam = page.evaluate(LINES)
    assert [line["name"] for line in loss] == [line["name"] for line in exam] == ["A", "B", "C"]
    assert len({line["look"] for line in loss}) == 3
    assert {line["last"] for line in loss} == {8}

    found = studio.get(f"/runs/compare?ids={','.join(run_ids)}")["runs"]
    best = min(range(3), key=lambda number: found[number]["curves"]["eval_loss"]["values"][-1])
    summary = page.locator("#compare-summary")
    expect(summary).to_contain_text(
        f"At step 8, the last that all have reached, the lowest exam (evaluation loss) is that of "
        f"{'ABC'[best]}, {NAMES[best]}, with"
    )
    rows = page.get_by_role("row").filter(has_text="learning rate")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("0.001")
    expect(rows).to_contain_text("0.02")
    keep(page, "compare")


def test_they_are_drawn_over_tokens_and_time_left_out_and_added(
    page: Page, studio: StudioProcess, run_ids: list[str]
) -> None:
    page.goto(f"/compare?runs={','.join(run_ids)}")
    page.wait_for_function(f"() => ({LINES})().length === 2")
    page.get_by_label("Draw over").select_option("tokens read")
    expect(page.locator("#compare-summary")).to_contain_text("tokens, the last that all have")
    found = studio.get(f"/runs/compare?ids={','.join(run_ids)}")["runs"]
    tokens = [run["tokens"] for run in found]
    assert [line["last"] for line in page.evaluate(LINES)[0]] == pytest.approx(tokens)
    page.get_by_label("Draw over").select_option("time")
    page.get_by_label("One more curve").select_option("Learning rate")
    page.wait_for_function(f"() => ({LINES})().length === 3")

    page.get_by_role("button", name="Leave out").last.click()
    page.wait_for_url(f"**/compare?runs={run_ids[0]},{run_ids[1]}")
    page.get_by_label("Add a run").select_option(NAMES[2])
    page.wait_for_url(f"**/compare?runs={','.join(run_ids)}")
    page.reload()
    page.wait_for_function(f"() => ({LINES})().length === 2")


def test_on_a_phone_tables_scroll_in_their_box_and_keep_their_words_whole(
    page: Page, run_ids: list[str]
) -> None:
    width, height = SIZES["phone"]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"/compare?runs={','.join(run_ids)}")
    expect(page.get_by_role("cell", name="finished")).to_have_count(3)
    assert page.evaluate(TORN) == []
    box = "box => [box.scrollWidth > box.clientWidth, box.clientHeight]"
    scrolls, tall = page.locator(".ts-scroll").first.evaluate(box)
    assert scrolls
    assert tall < 400
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_questions_to_ask_are_taken_from_the_data(
    page: Page, run_ids: list[str], dataset_id: str
) -> None:
    page.goto(f"/train?dataset={dataset_id}")
    expect(train_page.plan(page)).to_contain_text("Steps")
    page.get_by_role("button", name="Take three questions from my data").click()
    field = page.locator("#probe_prompts textarea")
    expect(field).to_have_value(re.compile(r"^(What helps[^\n]*\n?){3}$"))
    page.goto(f"/train?copy={run_ids[2]}")
    expect(field).to_have_value("\n".join(ASKED))
