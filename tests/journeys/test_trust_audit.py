"""What was done is on the audit page, the chain is checked, and a tampered entry is found."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from storage.database import Database
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess, until

WICKED = "=1+1 <img src=x onerror=alert(1)>"

QUESTION = "Is a walk of seven minutes enough?"


@pytest.fixture
def wicked_id(studio: StudioProcess) -> str:
    """A dataset with a name like a formula and a picture, deleted and brought back."""
    rows = [{"question": "What helps?", "answer": "A walk."}]
    made = studio.post("/datasets/written", json={"name": WICKED, "rows": rows})
    assert studio.api.delete(f"/datasets/{made['id']}").is_success
    studio.post(f"/datasets/{made['id']}/restore")
    return str(made["id"])


def ask(studio: StudioProcess, model_id: str) -> None:
    """Ask the base model a question, as any client does."""
    message = {"role": "user", "content": QUESTION}
    body = {"model": f"base:{model_id}", "messages": [message], "max_tokens": 2}
    told: list[Any] = []

    def is_up() -> bool:
        told.append(studio.api.post(f"{studio.address}/v1/chat/completions", json=body))
        return told[-1].status_code != 503

    until(is_up, "the chat server is up")
    assert told[-1].is_success, told[-1].text


@contextmanager
def tampered(studio: StudioProcess, number: int) -> Iterator[None]:
    """Change an entry past the studio, and put it back in the end."""
    database = Database(f"sqlite:///{studio.home / 'studio.db'}")
    change = text("UPDATE audit SET details = REPLACE(details, :old, :new) WHERE number = :number")
    where = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'audit_unchanged'"
    with database.write() as session:
        trigger = session.scalars(text(where)).one()
        session.execute(text("DROP TRIGGER audit_unchanged"))
        session.execute(change, {"old": "dataset", "new": "DATASET", "number": number})
    try:
        yield
    finally:
        with database.write() as session:
            session.execute(change, {"old": "DATASET", "new": "dataset", "number": number})
            session.execute(text(trigger))
        database.close()


def test_what_was_done_is_found_and_taken_away(
    page: Page, studio: StudioProcess, wicked_id: str, tmp_path: Path
) -> None:
    page.goto("/settings")
    page.get_by_role("link", name="Open the audit trail").click()
    page.get_by_label("Search name, id or details").fill(wicked_id)
    rows = page.locator(".ts-audit tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("Brought back")
    expect(rows.last).to_contain_text(WICKED)
    page.get_by_label("What", exact=True).select_option("Deleted")
    expect(rows).to_have_count(1)
    rows.get_by_text("Details").click()
    expect(rows.get_by_text("dataset", exact=True)).to_be_visible()
    with page.expect_download() as waited:
        page.get_by_role("link", name="Download as CSV").click()
    waited.value.save_as(tmp_path / "audit.csv")
    told = (tmp_path / "audit.csv").read_text("utf-8-sig")
    assert wicked_id in told
    assert ",deleted," in told
    page.get_by_label("From").fill("2001-01-01")
    page.get_by_label("To", exact=True).fill("2001-12-31")
    expect(page.get_by_text("Nothing was done that fits.")).to_be_visible()


def test_a_question_is_noted_and_what_is_kept_of_it_is_set(
    page: Page, studio: StudioProcess, model_id: str
) -> None:
    ask(studio, model_id)
    page.goto("/audit")
    page.get_by_label("What", exact=True).select_option("Asked a model")
    first = page.locator(".ts-audit tbody tr").first
    expect(first).to_contain_text(f"base:{model_id}")
    expect(first).to_contain_text(studio.get(f"/models/{model_id}")["name"])
    first.get_by_text("Details").click()
    expect(first).to_contain_text("prompt_sha256")
    expect(first).not_to_contain_text(QUESTION)
    page.get_by_label("Of a question (prompt)").select_option("Its words")
    page.get_by_label("For so many days (retention)").fill("3650")
    page.get_by_role("button", name="Save", exact=True).click()
    remove = page.get_by_role("button", name="Save and remove older entries")
    expect(remove).to_be_disabled()
    page.get_by_label("Type remove to confirm").fill("remove")
    remove.click()
    expect(page.get_by_text("The settings of the audit trail were saved.")).to_be_visible()
    ask(studio, model_id)
    page.get_by_label("Search name, id or details").fill(QUESTION)
    expect(page.locator(".ts-audit tbody tr")).to_have_count(1)
    studio.api.put("/audit/settings", json={"prompts": "hashed", "days": None})


def test_the_chain_is_checked_and_a_tampered_entry_is_found(
    page: Page, studio: StudioProcess, wicked_id: str
) -> None:
    page.goto("/audit")
    check = page.get_by_role("button", name="Check the chain")
    result = page.locator("#audit-result")
    check.click()
    expect(result).to_contain_text("The trail is whole")
    keep(page, "audit")
    number = studio.get(f"/audit?search={wicked_id}&action=deleted")["entries"][0]["number"]
    with tampered(studio, number):
        check.click()
        expect(result).to_contain_text(f"Entry {number} was changed after it was written")
        expect(result.get_by_role("alert")).to_be_visible()
    check.click()
    expect(result).to_contain_text("The trail is whole")
