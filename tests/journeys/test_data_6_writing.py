"""Rows written by hand or pasted from a spreadsheet: kept until saved, then data like any other."""

from playwright.sync_api import Page, expect

from tests.journeys import data_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

PASTED = (
    'Question\tAnswer\n"What is a ""stroke""?"\t"A blood clot,\nor a bleeding."\nAnd now?\tCall.\n'
)

PASTE = """(area, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  area.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true}));
}"""


def test_a_spreadsheet_is_pasted_kept_and_saved(page: Page, studio: StudioProcess) -> None:
    page.goto("/data")
    page.get_by_role("link", name="Write or paste rows").click()
    page.get_by_label("Name").fill("Stroke")
    page.get_by_label("Question, row 1").fill("Does it hurt?")
    page.keyboard.press("Tab")
    page.keyboard.type("Often not, at first.")
    page.get_by_label("Question, row 2").evaluate(PASTE, PASTED)
    expect(page.get_by_label("Answer, row 2")).to_have_value("A blood clot,\nor a bleeding.")
    expect(page.get_by_text("3 complete rows.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Question, row 2")).to_have_value('What is a "stroke"?')
    expect(page.get_by_label("Name")).to_have_value("Stroke")
    keep(page, "data-writing")
    page.get_by_label("Question, row 3").press("Control+Enter")
    expect(page.get_by_label("Question, row 4")).to_be_focused()
    page.get_by_role("button", name="Save as data").click()
    dataset = data_page.of(page)
    rows = studio.get(f"/datasets/{dataset}/rows")
    assert [[turn["content"] for turn in row["messages"]] for row in rows] == [
        ["Does it hurt?", "Often not, at first."],
        ['What is a "stroke"?', "A blood clot,\nor a bleeding."],
        ["And now?", "Call."],
    ]
    page.goto("/data?write=1")
    expect(page.get_by_label("Question, row 1")).to_have_value("")


def test_a_sentence_with_commas_is_no_table(page: Page) -> None:
    page.goto("/data?write=1")
    area = page.get_by_label("Answer, row 1")
    area.evaluate(PASTE, "Rest, drink, sleep.")
    expect(page.get_by_text("0 complete rows.")).to_be_visible()
    expect(page.get_by_label("Question, row 2")).to_have_count(0)
