"""Questions are pasted, asked of two models at once, read side by side, and taken away."""

import csv
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

PASTED = """1. What helps after 3 hours at a desk?
2. What helps after 9 hours at a desk?

3. =1+1 <img src=x onerror=alert(1)>
4. What helps after 3 hours at a desk?
"""
QUESTIONS = [
    "What helps after 3 hours at a desk?",
    "What helps after 9 hours at a desk?",
    "=1+1 <img src=x onerror=alert(1)>",
]


def paste(page: Page) -> None:
    """Come from the playground, paste the questions and keep them as a set."""
    page.goto("/playground")
    page.get_by_role("link", name="Questions", exact=True).click()
    page.get_by_label("Your questions").fill(PASTED)
    told = page.locator("#understood")
    expect(told).to_contain_text("Understood: 3 questions, one a line.")
    expect(told).to_contain_text("The numbers or dots in front were taken away.")
    expect(told).to_contain_text("Left out because they were there twice: 1.")
    page.get_by_label("Name of the set").fill("Desk questions")
    keep(page, "questions-pasted")
    page.get_by_role("button", name="Keep this set").click()
    page.wait_for_url("**/prompts?set=*")
    expect(page.get_by_label("Question 3", exact=True)).to_have_value(QUESTIONS[2])


def ask(page: Page) -> str:
    """Ask the two models that are proposed; returns the id of the answers, once they are there."""
    expect(page.get_by_role("combobox", name=re.compile("^Contestant"))).to_have_count(2)
    page.get_by_text("Instruction and sampling").click()
    page.get_by_label("Longest answer, in tokens").fill("12")
    expect(page.locator("#ask-plan")).to_have_text("3 questions to 2 models: 6 answers.")
    keep(page, "questions-set")
    page.get_by_role("button", name="Ask all").click()
    page.wait_for_url("**/prompts?evaluation=*")
    expect(page.locator(".ts-chip")).to_contain_text("ready")
    expect(page.get_by_text("not answered yet")).to_have_count(0)
    return page.url.rpartition("=")[2]


def take_away(page: Page) -> list[list[str]]:
    """Return the rows of the CSV."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Take away as CSV").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_pasted_questions_are_asked_of_two_models_and_taken_away(
    page: Page, studio: StudioProcess, finished_run: dict[str, Any]
) -> None:
    assert finished_run["adapter_id"], "there is an original and what was made of it"
    paste(page)
    identifier = ask(page)
    rows = page.locator(".ts-compared tbody tr")
    expect(rows).to_have_count(3)
    given = studio.get(f"/evaluations/{identifier}/answers")["questions"]
    said = given[1]["answers"][1]["text"]
    shown = rows.nth(1).locator("td").nth(1).text_content() or ""
    assert (said.strip() or "(no words)") in shown
    assert page.locator(".ts-compared img").count() == 0
    keep(page, "questions-answers")

    head, *lines = take_away(page)
    assert head == ["question", *studio.get(f"/evaluations/{identifier}")["titles"]]
    assert [line[0] for line in lines] == [*QUESTIONS[:2], f"'{QUESTIONS[2]}"]

    page.get_by_label("Search questions and answers").fill("9 HOURS")
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Open question 2 in the playground").click()
    expect(page.get_by_label("Your question")).to_have_value(QUESTIONS[1])
    asked = studio.get(f"/evaluations/{identifier}")["contestants"]
    assert all(quote(name, safe="") in page.url for name in asked)


def test_what_was_asked_is_in_the_list_and_a_deleted_set_comes_back(
    page: Page, studio: StudioProcess, model_id: str
) -> None:
    page.goto("/prompts")
    page.get_by_role("button", name="Add twelve questions about health").first.click()
    page.wait_for_url("**/prompts?set=*")
    kept = page.url.rpartition("=")[2]
    asked = {"contestants": [f"base:{model_id}"], "prompt_set_id": kept, "name": "Round two"}
    made = studio.post("/evaluations", json={**asked, "sampling": {"max_tokens": 4}})
    page.goto("/prompts")
    entry = page.get_by_role("article").filter(has_text="Round two")
    expect(entry).to_contain_text("ready")
    assert studio.get(f"/evaluations/{made['id']}")["answered"] == 12
    page.get_by_title("Delete Twelve questions about health").click()
    expect(page.get_by_role("link", name="Twelve questions about health")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="Twelve questions about health")).to_be_visible()


def test_a_file_is_read_in_whatever_encoding_a_spreadsheet_has_written_it(page: Page) -> None:
    page.goto("/prompts")
    table = 'Nr;Question;Answer\r\n1;"Was hilft für\r\nden Rücken?";Bewegung\r\n2;Wie lange?;\r\n'
    for encoding in ("cp1252", "utf-8-sig", "utf-16"):
        name = f"rücken {encoding}.csv"
        file = {"name": name, "mimeType": "text/csv", "buffer": table.encode(encoding)}
        page.locator("#questions-file").set_input_files([file])
        told = page.locator("#understood")
        expect(told).to_contain_text("Understood: 2 questions, one a row of the table.")
        expect(told).to_contain_text("Was hilft für")
        page.get_by_label("Your questions").fill("")
        expect(told).to_have_text("")
