"""What people upload by mistake or on purpose is refused in words, or shown as the text it is."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import data_page
from tests.journeys.screen import Window, keep
from tests.journeys.studio_process import StudioProcess

HOSTILE = [
    "<script>alert(1)</script><script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 1\"><img src='http://evil.test/pixel.png'>",
    "![picture](http://evil.test/leak.png) and [a link](javascript:window.hacked=1)",
    "<a href=\"javascript:window.hacked=1\">here</a> <form action='http://evil.test'></form>",
    "<svg onload=window.hacked=1><iframe src='http://evil.test'></iframe>",
]

NAME = "<script>window.hacked=1</script> **bold** ![](http://evil.test/x.png).jsonl"


def archive() -> bytes:
    """Return a zip archive without any data in it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("read me.txt", "Nothing here.")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("picture.jsonl", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "This file is a picture"),
        ("archive.zip", archive(), "holds no file with examples"),
    ],
)
def test_a_file_that_is_no_data_is_refused_in_words(
    page: Page, name: str, content: bytes, words: str
) -> None:
    data_page.upload(page, data_page.payload(name, content))
    card = data_page.card(page, name)
    expect(card.get_by_role("alert")).to_contain_text(words)
    expect(card.locator(".ts-chip")).to_contain_text("failed")
    keep(page, f"data-refused-{name.partition('.')[0]}")


def test_markup_in_names_and_rows_is_shown_as_text(
    page: Page, studio: StudioProcess, model_id: str
) -> None:
    content = "".join(data_page.line(text, text) for text in HOSTILE).encode()
    data_page.upload(page, data_page.payload(NAME, content))
    card = page.locator("article", has_text="5 good rows")
    expect(card).to_be_visible()
    expect(card.get_by_role("heading")).to_have_text(_named(studio))
    card.get_by_role("link", name="Look inside").click()
    data_page.view(page, "Rows")
    bubbles = page.locator(".ts-bubble p")
    expect(bubbles).to_have_text([text for text in HOSTILE for _ in range(2)])
    assert page.locator(".ts-bubble p *").count() == 0
    keep(page, "data-markup")
    page.get_by_role("link", name="Train with this").click()
    expect(page.locator("#plan")).to_contain_text("Steps")
    page.get_by_role("textbox", name="Name").fill(HOSTILE[1])
    expect(page.locator("#plan")).to_contain_text("Steps")
    keep(page, "train-markup")
    assert page.evaluate("window.hacked") is None


def _named(studio: StudioProcess) -> str:
    """Return the name that was given to the file; it never becomes a path."""
    return next(str(d["name"]) for d in studio.get("/datasets") if d["rows_good"] == len(HOSTILE))


def test_a_run_with_markup_for_a_name_shows_it_as_text(
    page: Page, studio: StudioProcess, queue: Callable[..., str]
) -> None:
    run_id = queue(HOSTILE[1], 4)
    studio.run_ends(run_id)
    for path in (f"/run?run={run_id}", "/runs", "/", "/adapters"):
        page.goto(path)
        expect(page.get_by_text(HOSTILE[1]).first).to_be_visible()
    assert page.evaluate("window.hacked") is None


def test_a_question_with_markup_is_shown_as_text(page: Page, model_id: str) -> None:
    page.goto(f"/playground?with=base:{model_id}")
    page.get_by_label("Your question").fill(HOSTILE[0])
    page.get_by_role("button", name="Send to all").click()
    expect(page.locator(".ts-user p")).to_have_text(HOSTILE[0])
    expect(page.locator(".ts-foot").first).to_contain_text("tokens")
    assert page.evaluate("window.hacked") is None


def test_models_that_cannot_be_used_say_why(page: Page, tiny_model: Path, tmp_path: Path) -> None:
    bare = tmp_path / "no-weights"
    shutil.copytree(tiny_model, bare, ignore=shutil.ignore_patterns("*.safetensors"))
    page.goto("/models")
    page.get_by_role("tab", name="From a folder").click()
    _add(page, "Folder", str(bare), "Check and add")
    _expect_refusal(page, "no-weights", "weights")
    page.get_by_role("tab", name="From the hub").click()
    _add(page, "Model name", "nobody/no-such-model", "Download and add")
    _expect_refusal(page, "no-such-model", "no-such-model")
    keep(page, "models-refused")


def _add(page: Page, label: str, given: str, button: str) -> None:
    page.get_by_label(label).fill(given)
    page.get_by_role("button", name=button).click()


def _expect_refusal(page: Page, name: str, words: str) -> None:
    card = page.locator("article", has_text=name)
    expect(card.locator(".ts-chip")).to_contain_text("failed")
    problem = card.get_by_role("alert")
    expect(problem).to_contain_text(words)
    assert "Traceback" not in problem.inner_text()
    assert "Error" not in problem.inner_text()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/run?run=run_0123456789ab", "This run is not here"),
        ("/run?run=../../etc/passwd", "This run is not here"),
        ("/data?dataset=dataset_0", "This data is not here"),
    ],
)
def test_an_address_of_nothing_says_so(window: Window, path: str, words: str) -> None:
    window.expect("the server responded with a status of 404")  # the browser's own words
    page = window.context.new_page()
    page.goto(path)
    expect(page.get_by_role("heading", name=words)).to_be_visible()
    expect(page.locator(".ts-empty a")).to_be_visible()
    keep(page, "nothing-here")
