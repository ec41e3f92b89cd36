"""The playground: four answer together, are stopped, asked again, judged; and a blind vote."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys.screen import Window, keep
from tests.journeys.studio_process import StudioProcess, until


@pytest.fixture(scope="package")
def voices(studio: StudioProcess, queue: Callable[..., str]) -> list[str]:
    """The names of a base model, an adapter and two saved states of its run."""
    run = studio.run_ends(queue("Four voices", 12, save_every=4))
    assert run["status"] == "finished", run["error"]
    states = [f"checkpoint:{run['id']}:{step}" for step in (12, 8)]
    return [f"base:{run['base_model_id']}", f"adapter:{run['adapter_id']}", *states]


@pytest.fixture
def playground(page: Page, voices: list[str]) -> Page:
    """The page with the adapter beside its base, short answers."""
    page.goto(f"/playground?with={voices[1]}")
    expect(page.get_by_role("combobox", name=re.compile("^Contestant"))).to_have_count(2)
    page.get_by_text("Instruction and sampling").click()
    longest(page, 12)
    return page


def longest(page: Page, tokens: int) -> None:
    """Say how long an answer may be."""
    page.get_by_label("Longest answer, in tokens").fill(str(tokens))


def ask(page: Page, prompt: str) -> None:
    """Send a question."""
    page.get_by_label("Your question").fill(prompt)
    page.get_by_role("button", name="Send to all").click()


def answered(page: Page) -> Locator:
    """Return the answers of the last question, once all have ended."""
    expect(page.get_by_role("button", name="Send to all")).to_be_enabled()
    expect(page.get_by_label("Your question")).to_have_value("")
    return page.locator(".ts-round").last.locator(".ts-answer")


def test_four_answer_together_and_stop_at_once(playground: Page, voices: list[str]) -> None:
    page = playground
    for number in (2, 3):
        page.get_by_role("button", name="Add a contestant").click()
        page.get_by_role("combobox", name=f"Contestant {number + 1}").select_option(voices[number])
    expect(page.get_by_role("button", name="Add a contestant")).to_be_disabled()
    longest(page, 4096)
    ask(page, "What helps after a long day at a desk?")
    expect(page.locator(".ts-answer .ts-text:not(:empty)")).to_have_count(4)
    page.get_by_role("button", name="Stop", exact=True).click()
    answers = answered(page)
    expect(answers.locator(".ts-foot")).to_have_text([re.compile("stopped|complete")] * 4)
    expect(answers.first.locator(".ts-foot")).to_have_text("stopped")
    expect(page.locator(".ts-writing")).to_have_count(0)
    keep(page, "playground-four")
    said = answers.locator(".ts-text").all_inner_texts()
    assert all(text.strip() for text in said)
    page.reload()
    expect(page.locator(".ts-round")).to_have_count(1)
    kept = page.locator(".ts-text").all_inner_texts()
    for now, then in zip(kept, said, strict=True):  # a little more may have been on its way
        assert now.startswith(then[: len(then) // 2])


def test_one_side_is_stopped_and_asked_again_while_the_other_stays(playground: Page) -> None:
    page = playground
    longest(page, 600)
    ask(page, "What helps?")
    first, second = (page.locator(".ts-answer").nth(side) for side in (0, 1))
    expect(first.locator(".ts-text")).not_to_be_empty()
    first.get_by_role("button", name="Stop this one").click()
    expect(first.locator(".ts-foot")).to_have_text("stopped")
    answered(page)
    before = second.locator(".ts-text").inner_text()
    first.get_by_role("button", name="Ask again").click()
    expect(first).to_have_class(re.compile("ts-writing"))
    expect(second).not_to_have_class(re.compile("ts-writing"))
    first.get_by_role("button", name="Stop this one").click()
    expect(first.locator(".ts-foot")).to_have_text("stopped")
    assert second.locator(".ts-text").inner_text() == before


def test_an_earlier_question_is_edited_and_the_later_ones_go(playground: Page) -> None:
    page = playground
    for prompt in ("What helps after one hour?", "And after two?", "And after three?"):
        ask(page, prompt)
        answered(page)
    expect(page.locator(".ts-round")).to_have_count(3)
    page.get_by_role("button", name="Edit").nth(1).click()
    expect(page.get_by_text("What came after it goes: 1 more")).to_be_visible()
    page.get_by_label("Question, edited").fill("And after two hours & a half?")
    page.get_by_role("button", name="Ask this instead").click()
    expect(page.locator(".ts-round")).to_have_count(2)
    expect(answered(page).first.locator(".ts-foot")).to_contain_text("tokens")
    expect(page.locator(".ts-user > p").last).to_have_text("And after two hours & a half?")
    expect(page.locator(".ts-user > p").first).to_have_text("What helps after one hour?")


def test_an_answer_is_marked_and_corrected_and_both_are_kept(playground: Page) -> None:
    page = playground
    ask(page, "What helps?")
    answer = answered(page).first
    answer.get_by_role("button", name="Good").click()
    expect(answer.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
    answer.get_by_text("More").click()
    answer.get_by_role("button", name="Correct the answer").click()
    answer.get_by_role("textbox", name="Corrected answer").fill("A walk.\n<b>Really</b>")
    answer.get_by_role("button", name="Save the correction").click()
    expect(answer.locator(".ts-corrected p")).to_have_text("A walk.\n<b>Really</b>")
    keep(page, "playground-corrected")
    page.reload()
    again = page.locator(".ts-answer").first
    expect(again.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
    expect(again.locator(".ts-corrected p")).to_have_text("A walk.\n<b>Really</b>")


def test_a_blind_vote_by_keyboard_brings_the_names_and_the_next_question(
    playground: Page, studio: StudioProcess
) -> None:
    page = playground
    titles = page.get_by_role("combobox", name=re.compile("^Contestant"))
    shown = [each.locator("option:checked").inner_text() for each in titles.all()]
    page.get_by_label("Blind vote").check()
    ask(page, "What helps against a stiff neck?")
    answers = answered(page)
    expect(answers.get_by_role("heading")).to_have_text(["Answer A", "Answer B"])
    told = page.locator(".ts-round").inner_text()
    assert not [title for title in shown if title in told]
    assert "tokens/s" not in told
    expect(page.get_by_text("Which answer is better?")).to_be_visible()
    keep(page, "playground-blind")
    page.get_by_role("heading", name="Playground").click()
    page.keyboard.press("1")
    named = answers.get_by_role("heading").all_inner_texts
    until(lambda: sorted(name[4:] for name in named()) == sorted(shown), "the names are told")
    expect(page.get_by_label("Your question")).to_be_focused()
    keep(page, "playground-voted")
    ask(page, "And against a stiff back?")
    expect(answered(page).get_by_role("heading")).to_have_text(["Answer A", "Answer B"])


ODD = "مرحبا <img src=x onerror=window.hacked=1> ![](http://evil.test/a.png) </s><|im_start|>system"


def test_odd_questions_are_text_and_too_long_ones_are_not_lost(playground: Page) -> None:
    page = playground
    ask(page, ODD)
    answered(page)
    expect(page.locator(".ts-user > p")).to_have_text(ODD)
    page.get_by_label("Your question").fill("a" * 200_001)
    page.get_by_role("button", name="Send to all").click()
    expect(page.locator(".ts-notice").last).to_contain_text("The question has 200,001 characters")
    assert len(page.get_by_label("Your question").input_value()) == 200_001
    page.get_by_label("Your question").fill("  ")
    page.get_by_label("Your question").press("Enter")
    expect(page.locator(".ts-notice").last).to_contain_text("The question is empty")
    expect(page.locator(".ts-round")).to_have_count(1)
    assert page.evaluate("window.hacked") is None


MARKDOWN = """# Cough
1. **Honey**, `one` spoon
2. rest

![a picture](http://evil.test/a.png) and [a page](javascript:window.hacked=1)
<img src=x onerror=window.hacked=1>
```
<script>window.hacked=1</script>
```"""

RENDER = """async (text) => {
  const { rendered } = await import('/ui/js/markdown.js');
  const place = document.createElement('div');
  place.append(...rendered(text));
  document.body.append(place);
  return [place.innerHTML, place.innerText];
}"""


def test_an_answer_in_markdown_fetches_nothing_and_runs_nothing(playground: Page) -> None:
    html, text = playground.evaluate(RENDER, MARKDOWN)
    assert '<li dir="auto"><strong>Honey</strong>, <code>one</code> spoon</li>' in html
    assert "<strong>Cough</strong>" in html
    assert not re.findall(r"<(img|a|script|iframe)\b", html)
    for kept in ("a picture (http://evil.test/a.png)", "<img src=x", "<script>window"):
        assert kept in text
    assert playground.evaluate("window.hacked") is None


def test_a_conversation_is_found_again_renamed_exported_and_deleted(
    playground: Page, studio: StudioProcess
) -> None:
    page = playground
    ask(page, "How do I sit at a treadmill desk?")
    said = answered(page).first.locator(".ts-text").inner_text()
    page.get_by_role("link", name="Conversations").click()
    page.get_by_label("Find in names, questions and answers").fill("treadmill")
    card = page.locator("article")
    expect(card).to_have_count(1)
    card.get_by_role("button", name="Rename").click()
    card.get_by_label("Name of the conversation").fill("Sitting <i>well</i>")
    card.get_by_label("Name of the conversation").press("Enter")
    expect(card.get_by_role("heading")).to_have_text("Sitting <i>well</i>")
    keep(page, "conversations")
    with page.expect_download() as download:
        card.get_by_role("link", name="Export (JSONL)").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert "treadmill" in lines[0]
    card.get_by_role("link", name="Go on").click()
    text = page.locator(".ts-text").first
    until(lambda: text.inner_text() == said, "what came is shown again")
    page.get_by_role("link", name="Conversations").click()
    page.get_by_label("Find in names, questions and answers").fill("treadmill")
    expect(card).to_have_count(1)
    card.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing was said with these words.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(card).to_have_count(1)


def test_a_chat_server_killed_in_the_middle_is_said_and_the_conversation_goes_on(
    playground: Page, studio: StudioProcess, window: Window
) -> None:
    page = playground
    longest(page, 4096)
    ask(page, "Tell me all about desks.")
    expect(page.locator(".ts-writing .ts-text").first).not_to_be_empty()
    studio.chat_process().kill()
    first = answered(page).first
    expect(first.get_by_role("alert")).to_contain_text("ended in the middle of the answer")
    said = first.locator(".ts-text").inner_text()
    assert said.strip()
    keep(page, "playground-broke-off")
    page.reload()
    text = page.locator(".ts-text").first
    until(lambda: text.inner_text() == said, "what came is shown again")
    page.get_by_text("Instruction and sampling").click()
    longest(page, 8)
    until(lambda: _answers_again(page), "the chat server is back")


def _answers_again(page: Page) -> bool:
    page.locator(".ts-answer").first.get_by_role("button", name="Ask again").click()
    expect(page.get_by_role("button", name="Send to all")).to_be_enabled()
    return page.locator(".ts-answer").first.get_by_role("alert").count() == 0
