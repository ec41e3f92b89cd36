"""A table with columns of its own: the studio asks once, previews the answer, and remembers it."""

import csv
import io

from playwright.sync_api import Page, expect

from tests.journeys import data_page
from tests.journeys.screen import keep

CASES = 12


def table(first: int) -> bytes:
    """Return a spreadsheet whose columns have unusual names and whose cells have line ends."""
    text = io.StringIO()
    written = csv.writer(text)
    written.writerow(["nr", "vignette", "asked", "expert_said"])
    for n in range(first, first + CASES):
        story = f'A patient of {20 + n},\nwith "pain" since morning.'
        written.writerow([n, story, f"What next in case {n}?", f"First an ECG, then test {n}."])
    return text.getvalue().encode()


def test_the_columns_are_shown_once_and_remembered(page: Page) -> None:
    data_page.upload(page, data_page.payload("cases.csv", table(0)))
    card = data_page.card(page, "cases.csv")
    expect(card.locator(".ts-chip")).to_contain_text("one question")
    card.get_by_role("link", name="Answer the question").click()
    expect(page.get_by_role("heading", name="One question about your file")).to_be_visible()
    page.get_by_role("radio", name="Conversations").check()
    for name, chosen in (
        ("nr", False),
        ("vignette", True),
        ("asked", True),
        ("expert_said", False),
    ):
        page.get_by_role("checkbox", name=name, exact=True).set_checked(chosen)
    page.get_by_label("Answer", exact=True).select_option("")
    expect(page.get_by_role("alert").filter(has_text="Choose")).to_be_visible()
    page.get_by_label("Answer", exact=True).select_option("expert_said")
    first = page.locator(".ts-conversation").first.locator(".ts-bubble p")
    story = 'A patient of 20,\nwith "pain" since morning.'
    expect(first).to_have_text([f"{story}\n\nWhat next in case 0?", "First an ECG, then test 0."])
    keep(page, "data-mapping")
    page.get_by_role("button", name="Use it like this").click()
    data_page.of(page)
    expect(data_page.fact(page, "Good rows")).to_have_text(str(CASES))

    data_page.upload(page, data_page.payload("more cases.csv", table(100)))
    again = data_page.card(page, "more cases.csv")
    expect(again).to_contain_text(f"{CASES} good rows, 0 refused")


def test_a_file_that_was_read_can_be_read_differently_into_a_new_version(page: Page) -> None:
    text = io.StringIO()
    written = csv.writer(text)
    written.writerow(["question", "answer", "fold"])
    for n in range(10):
        written.writerow([f"What about {n}?", f"Take {n}.", "five" if n % 5 == 0 else "other"])
    data_page.upload(page, data_page.payload("folds.csv", text.getvalue().encode()))
    first = data_page.look_inside(page, "folds.csv")
    expect(data_page.fact(page, "Kept for the exam")).to_have_text("0")

    page.get_by_role("link", name="Read the file differently").click()
    expect(page.get_by_role("heading", name="Read the file differently")).to_be_visible()
    expect(page.locator(".ts-conversation").first).to_contain_text("What about 0?")
    page.get_by_text("A column says which rows are kept for the exam").click()
    page.get_by_label("Column", exact=True).select_option("fold")
    page.get_by_label("Values that mean exam").fill("five")
    page.get_by_role("button", name="Use it like this").click()
    page.wait_for_url(lambda address: "/data?dataset=" in address and first not in address)
    data_page.of(page)
    expect(data_page.fact(page, "Good rows")).to_have_text("10")
    expect(data_page.fact(page, "Kept for the exam")).to_have_text("2")
