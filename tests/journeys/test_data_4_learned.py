"""See what is learned: the page shows the model's own tokens, and marks those of the answers."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from tests.journeys import data_page
from tests.journeys.screen import keep
from tests.journeys.studio_process import StudioProcess

SHORT = 20


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    """The tiny model's own tokenizer, read by itself."""
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(tiny_model)
    return loaded


def encoded(tokenizer: PreTrainedTokenizerBase, row: dict[str, Any]) -> list[int]:
    """Return a row's tokens as transformers itself makes them."""
    tokens: list[int] = tokenizer.apply_chat_template(row["messages"], return_dict=False)
    return tokens


def test_the_answer_is_what_is_learned(
    page: Page,
    dataset_id: str,
    model_id: str,
    questions: list[dict[str, Any]],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    page.goto(f"/data?dataset={dataset_id}&view=learned&row=2&model={model_id}")
    tokens = encoded(tokenizer, questions[2])
    shown = page.locator(".ts-token")
    expect(shown.filter(visible=True)).to_have_count(len(tokens) + 1)  # one is in the legend
    drawn = page.locator(".ts-tokens")
    expect(drawn).to_have_text(tokenizer.decode(tokens))
    answer = questions[2]["messages"][1]["content"]
    expect(drawn.locator("mark")).to_have_text([f"{answer}<|end|>"])
    expect(drawn.locator(".ts-special")).to_have_text(
        ["<|user|>", "<|end|>", "<|assistant|>", "<|end|>"]
    )
    keep(page, "data-learned")
    page.get_by_label("Longest example, in tokens").fill(str(SHORT))
    expect(page.locator(".ts-cut-here")).to_contain_text(f"the {len(tokens) - SHORT} tokens")
    page.get_by_role("button", name="Next row").click()
    expect(page.get_by_role("heading", name="Row 4")).to_be_visible()


def test_a_character_of_several_tokens_is_shown_whole(
    page: Page, studio: StudioProcess, model_id: str
) -> None:
    asked, answer = "Qu\u2019est-ce que c\u2019est\u00a0: \u4f60\u597d?", "\u00c7a va \U0001f600."
    content = data_page.line(asked, answer).encode()
    added = studio.post("/datasets", files={"file": ("letters.jsonl", content)})
    studio.ready(f"/datasets/{added['id']}")
    page.goto(f"/data?dataset={added['id']}&view=learned&model={model_id}")
    drawn = page.locator(".ts-tokens")
    expect(drawn).to_contain_text(answer)
    assert drawn.text_content() == f"<|user|>{asked}<|end|><|assistant|>{answer}<|end|>"


def test_lengths_agree_with_the_tokenizer(
    page: Page,
    dataset_id: str,
    model_id: str,
    questions: list[dict[str, Any]],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    lengths = [len(encoded(tokenizer, row)) for row in questions]
    page.goto(f"/data?dataset={dataset_id}&view=length&model={model_id}")
    expect(data_page.fact(page, "Longest")).to_have_text(str(max(lengths)))
    limit = sorted(lengths)[len(lengths) // 2]
    page.get_by_label("Longest example, in tokens").first.fill(str(limit))
    cut = sum(length > limit for length in lengths)
    expect(data_page.fact(page, "Rows cut")).to_contain_text(f"({cut})")
    keep(page, "data-length")


def test_a_run_shows_the_batch_that_it_really_got(
    page: Page, finished_run: dict[str, Any], questions: list[dict[str, Any]]
) -> None:
    page.goto(f"/run?run={finished_run['id']}")
    page.get_by_text("The first batch, as the model really got it").click()
    learned = page.locator(".ts-tokens mark").first
    answers = {row["messages"][1]["content"] + "<|end|>" for row in questions}
    expect(learned).to_be_visible()
    assert learned.inner_text() in answers
    keep(page, "run-first-batch")


def test_the_form_leads_to_what_is_learned(page: Page, dataset_id: str, model_id: str) -> None:
    page.goto(f"/train?dataset={dataset_id}&model={model_id}")
    with page.expect_popup() as opened:  # beside the form, which keeps what was filled in
        page.get_by_role("link", name="See what is learned").click()
    expect(opened.value.locator(".ts-tokens mark").first).to_be_visible()
    assert dataset_id in opened.value.url
