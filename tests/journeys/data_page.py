"""What a person does on the data page, and what a line of a file is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"

ADDRESS = re.compile(r"/data\?dataset=(data_[0-9a-f]+)")


def shared(name: str) -> Path:
    """Return a real file that lies beside the project; skips where it does not."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"there is no {name} here")
    return path


def upload(page: Page, *files: Path | FilePayload) -> None:
    """Choose files on the data page."""
    page.goto("/data")
    choose(page, *files)


def choose(page: Page, *files: Path | FilePayload) -> None:
    """Choose files on the data page that is open."""
    page.locator("#upload input[type=file]").set_input_files(list(files))  # type: ignore[arg-type]


def payload(name: str, content: bytes) -> FilePayload:
    """Return a file that lies on no disk."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def card(page: Page, name: str) -> Locator:
    """Return the card of a dataset in the list."""
    return page.locator("article.ts-card", has=page.get_by_role("link", name=name, exact=True))


def look_inside(page: Page, name: str) -> str:
    """Open a dataset of the list; returns its id."""
    card(page, name).get_by_role("link", name="Look inside").click()
    return of(page)


def of(page: Page) -> str:
    """Return the id of the dataset whose page is open, once it is ready."""
    page.wait_for_url(ADDRESS)
    expect(page.locator(".ts-chip").first).to_contain_text("ready")
    found = ADDRESS.search(page.url)
    assert found
    return found[1]


def view(page: Page, name: str) -> None:
    """Open a section of a dataset."""
    page.get_by_role("navigation", name="Sections of this data").get_by_role(
        "link", name=name, exact=True
    ).click()


def fact(page: Page, label: str) -> Locator:
    """Return the number that stands below a label."""
    labelled = page.get_by_text(label, exact=True)
    return page.locator(".ts-fact", has=labelled).first.locator("strong")


def line(question: str, answer: str) -> str:
    """Return one line of a file of conversations."""
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}) + "\n"


def lines(rows: list[dict[str, Any]]) -> bytes:
    """Return rows as a file."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
