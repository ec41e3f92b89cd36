"""An adapter is checked beside its base model: asked, counted, read, and told in its card."""

import io
import re
import zipfile
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

SHORT = "8"
"""Tokens of an answer: what an untrained model says matters to nobody here."""


def test_an_adapter_is_checked_and_its_card_says_what_was_found(
    page: Page, studio: StudioProcess, finished_run: dict[str, Any]
) -> None:
    page.goto(f"/run?run={finished_run['id']}")
    page.get_by_role("link", name="Safety check").click()
    expect(page.get_by_role("heading", name="Not checked yet")).to_be_visible()
    expect(page.locator("#check-plan")).to_contain_text("185 questions, 63 of them harmless")
    page.get_by_text("More settings").click()
    page.get_by_label("Longest answer, in tokens").fill(SHORT)
    page.get_by_label("Safety profile").select_option(label="Health information")
    page.get_by_role("button", name="Run the check").click()
    expect(page.get_by_role("progressbar")).to_be_visible()

    expect(page.get_by_role("heading", name="What Short try did")).to_be_visible()
    rows = page.locator("#check-found tbody tr")
    expect(rows).to_have_count(8)
    expect(rows.last).to_contain_text(re.compile(r"All.*of 185"))
    expect(page.locator("#check-summary")).to_contain_text("base model tiny-llama")
    page.get_by_text("The answers to read").click()
    kind = page.locator("#check-cases details").first
    kind.locator("summary").click()
    expect(kind.locator("article").first).to_contain_text("It should call for help at once.")
    keep(page, "safety-check")

    before = page.locator("#check-summary").inner_text()
    page.get_by_label("as Health information lets them through").check()
    expect(page.locator("#check-summary")).not_to_have_text(before)
    page.get_by_text("What the model card says of it").click()
    expect(page.locator("#check-card pre")).to_contain_text("## Safety check")
    where = f"{studio.address}/api/v1/adapters/{finished_run['adapter_id']}/download"
    zipped = zipfile.ZipFile(io.BytesIO(httpx.get(where, trust_env=False, timeout=60).content))
    card = zipped.read("README.md").decode()
    assert "185 questions" in card
    assert "| With the profile | Base model |" in card
    assert "no proof that\nthe model is safe" in card
