"""From an empty home page to an adapter that is downloaded and loads, on real questions."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import run_page
from tests.journeys.conftest import PUBMEDQA
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

STEPS = 40


def test_empty_pages_say_what_to_do(page: Page) -> None:
    page.goto("/")
    for door in ("Try the sample", "Use my own data", "Chat with a model"):
        expect(page.get_by_role("heading", name=door)).to_be_visible()
    keep(page, "empty-home")
    for path in ("data", "models", "train", "runs", "playground", "adapters"):
        page.goto(f"/{path}")
        expect(page.locator(".ts-empty")).to_be_visible()
        keep(page, f"empty-{path}")


@pytest.mark.skipif(not PUBMEDQA.is_file(), reason=f"there is no {PUBMEDQA.name} here")
def test_own_data_and_model_become_an_adapter(
    page: Page, studio: StudioProcess, tiny_model: Path, tmp_path: Path
) -> None:
    _upload(page)
    _add_model(page, tiny_model)
    run_id = _start(page)
    _watch(page, studio, run_id)
    _compare(page)
    archive = _download(page, tmp_path)
    _load(archive, tiny_model, tmp_path)
    _delete_and_undo(page)


def _upload(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Upload data").click()
    with page.expect_file_chooser() as chooser:
        page.locator("#upload button").first.click()
    chooser.value.set_files(PUBMEDQA)
    card = page.locator("article", has_text=PUBMEDQA.name)
    expect(card).to_contain_text("500 good rows, 0 refused")
    keep(page, "data")
    card.get_by_role("link", name="Look inside").click()
    first = json.loads(PUBMEDQA.read_text(encoding="utf-8").splitlines()[0])["messages"]
    bubbles = page.locator(".ts-conversation").first.locator(".ts-bubble p")
    expect(bubbles).to_have_text([turn["content"] for turn in first])
    keep(page, "data-opened")


def _add_model(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("tab", name="From a folder").click()
    page.get_by_label("Folder").fill(str(folder))
    page.get_by_role("button", name="Check and add").click()
    card = page.locator("article", has_text=folder.name)
    expect(card.locator(".ts-chip")).to_contain_text("ready")
    expect(card).to_contain_text("LlamaForCausalLM")
    keep(page, "models")


def _start(page: Page) -> str:
    page.get_by_role("link", name="Train", exact=True).click()
    plan, start = page.locator("#plan"), page.get_by_role("button", name="Start", exact=True)
    expect(plan).to_contain_text("Ready to start")
    _choose(page, "Data", PUBMEDQA.name)
    _choose(page, "Base model", "tiny-llama")
    page.get_by_role("radio", name="Quick").check()
    _wait_until_filled_in(page)
    keep(page, "train")
    page.get_by_role("button", name="Advanced settings").click()
    before = plan.inner_text()
    page.get_by_label("Stop after this many steps").fill(str(STEPS))
    expect(plan).to_contain_text(re.compile(rf"Steps\s*{STEPS}"))
    assert plan.inner_text() != before
    page.get_by_label("Longest example, in tokens").fill("64")
    page.get_by_label("Room to learn").fill("0")
    expect(plan).to_contain_text("Room to learn: Must be at least 1")
    expect(start).to_be_disabled()
    keep(page, "train-advanced-fault")
    page.get_by_label("Room to learn").fill("4")
    expect(plan).to_contain_text("Ready to start")
    expect(page.locator("#advanced")).to_contain_text("Settings changed from the preset: 3")
    expect(page.get_by_role("radio", name="Quick")).to_be_checked()
    expect(start).to_be_enabled()
    start.click()
    return run_page.of(page)


def _wait_until_filled_in(page: Page) -> None:
    """Wait until no answer is under way: one that comes late fills in the preset once more."""
    quiet = 0
    while quiet < 8:
        asks = not page.locator("#plan").inner_text().strip().startswith("Before you start")
        quiet = 0 if asks else quiet + 1
        page.wait_for_timeout(250)


def _choose(page: Page, label: str, choice: str) -> None:
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=choice).click()


def _watch(page: Page, studio: StudioProcess, run_id: str) -> None:
    run_page.wait_for_points(page, 2)
    keep(page, "run-training")
    page.reload()
    run_page.wait_for_points(page, 3)
    run_page.expect_status(page, "finished")
    run_page.expect_whole_curve(page, studio, run_id, STEPS)
    expect(page.locator("#curve-summary")).to_contain_text(f"Step {STEPS}: the loss went from")
    keep(page, "run-finished")


def _compare(page: Page) -> None:
    page.get_by_role("link", name="Talk to it beside the original").click()
    expect(page.get_by_role("combobox", name=re.compile("^Contestant"))).to_have_count(2)
    page.get_by_text("Instruction and sampling").click()
    page.get_by_label("Longest answer, in tokens").fill("40")
    page.get_by_label("Your question").fill("Is oral intubation in a helicopter harder?")
    page.get_by_role("button", name="Send to all").click()
    answers = page.locator(".ts-answer")
    expect(answers).to_have_count(2)
    for answer in answers.all():
        expect(answer.locator(".ts-foot")).to_contain_text("tokens/s")
        if not answer.locator(".ts-text").text_content():  # it has learned blanks first
            expect(answer.locator(".ts-foot")).to_contain_text("it said nothing")
    assert answers.first.locator(".ts-text").text_content()
    keep(page, "playground")
    _stop_and_clear(page)


def _stop_and_clear(page: Page) -> None:
    page.get_by_label("Longest answer, in tokens").fill("4096")
    page.get_by_label("Your question").fill("And on the ground?")
    page.get_by_label("Your question").press("Enter")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".ts-foot").last).to_have_text("stopped")
    expect(page.get_by_role("button", name="Send to all")).to_be_enabled()
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".ts-round")).to_have_count(0)


def _download(page: Page, folder: Path) -> Path:
    page.get_by_role("link", name="Adapters", exact=True).click()
    keep(page, "adapters")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download adapter").click()
    archive = folder / download.value.suggested_filename
    assert archive.suffix == ".zip"
    download.value.save_as(archive)
    return archive


LOAD = """
import sys
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

adapter, base = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(adapter)
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
asked = [{"role": "user", "content": "Is it?"}]
tokens = tokenizer.apply_chat_template(
    asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
)
learned = model(**tokens).logits
with model.disable_adapter():
    original = model(**tokens).logits
print(f"differs by {(learned - original).abs().max().item()}")
"""


def _load(archive: Path, base: Path, folder: Path) -> None:
    """A fresh process loads the adapter with PEFT alone, and it says other things than its base."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder / "adapter")
    arguments = [sys.executable, "-c", LOAD, str(folder / "adapter"), str(base)]
    loaded = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=folder)
    assert loaded.returncode == 0, loaded.stderr
    assert float(loaded.stdout.split()[-1]) > 0.01


def _delete_and_undo(page: Page) -> None:
    card = page.locator("article", has=page.get_by_role("link", name="Download adapter"))
    expect(card).to_have_count(1)
    card.get_by_role("button", name="Delete").click()
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(card).to_have_count(1)
