"""The card before Start says what will happen, and shows what people have typed as text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from storage.errors import Fault
from studio.advice.plan import Plan
from studio.advice.preset_case import Reason
from studio.components import plan_card
from studio.words import say

GOOD = Plan(
    effective_batch=4, steps=1200, tokens=345_678, seconds=100.0, memory_bytes=2_340_000_000
)
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "a | b | c",
    "# big\n\n- list\n1. one",
    "**bold** _x_ `code` ~~gone~~ $x^2$",
    "https://example.org",
    "&lt;b&gt; &amp; &#60;",
    "\\<b>",
]


def html(text: str) -> str:
    """Return markdown as a browser would be given it."""
    return str(
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    )


def text_of(rendered: str) -> str:
    """Return the text in HTML."""
    for mark, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        rendered = rendered.replace(mark, character)
    return rendered


def card(message: str) -> str:
    """Return the card of a plan with that fault."""
    return html(plan_card.markdown(Plan(faults=[Fault("dataset_id", message)])))


@pytest.mark.parametrize("message", HOSTILE)
def test_what_somebody_typed_is_shown_as_it_is(message: str) -> None:
    rendered = card(message)
    tags = set(re.findall(r"</?(\w+)", rendered))
    assert tags <= {"h3", "p", "strong", "ul", "li"}, rendered
    assert rendered.count("<li>") == 1
    assert " ".join(message.split()) in text_of(rendered)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60))
def test_no_text_becomes_markup(message: str) -> None:
    tags = set(re.findall(r"<(/?\w+)", card(message)))
    assert tags <= {"h3", "/h3", "p", "/p", "strong", "/strong", "ul", "/ul", "li", "/li"}


def test_a_good_plan_names_every_number_with_its_unit() -> None:
    rendered = html(plan_card.markdown(GOOD))
    cells = re.findall(r"<td>(.*?)</td>", rendered)
    assert len(cells) == 10
    for number in ("1,200", "4", "345,678", "2 minutes", "2.3 GB"):
        assert f"<strong>{number}</strong>" in cells
    assert "Ready to start." in rendered
    assert say("train.plan.unknown") not in rendered


def test_what_is_not_known_yet_is_said_to_come() -> None:
    rendered = html(plan_card.markdown(Plan(effective_batch=4)))
    assert rendered.count(f"<strong>{say('train.plan.unknown')}</strong>") == 4
    assert "starts by itself" in rendered


def test_faults_and_warnings_stand_apart_each_under_its_label() -> None:
    plan = Plan(faults=[Fault("rank", "Too high.")], warnings=[Fault("alpha", "Too strong.")])
    rendered = html(plan_card.markdown(plan))
    faults, warnings = rendered.split("Good to know")
    assert "Room to learn</strong>: Too high." in faults
    assert "Strength</strong>: Too strong." in warnings
    assert "Ready to start" not in rendered
    assert "<table>" not in rendered


def test_a_fault_of_something_that_is_no_setting_keeps_its_name() -> None:
    assert "lora_rank" in html(plan_card.markdown(Plan(faults=[Fault("lora_rank", "Unknown.")])))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "1 second"), (1.6, "2 seconds"), (59.6, "60 seconds"), (90, "2 minutes"),
        (600, "10 minutes"), (5400, "1.5 hours"), (360_000, "100.0 hours"),
    ],
)  # fmt: skip
def test_time_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert plan_card.duration(seconds) == words


def test_each_setting_is_named_with_its_value_and_why_and_choices_by_their_names() -> None:
    given_ = [Reason("method", "sft", "It suits."), Reason("max_length", 1024, "All fits.")]
    first, second = plan_card.reasons(Plan(reasons=given_)).splitlines()
    assert "Way of learning: Learn from answers (SFT)</strong>. It suits." in html(first)
    assert "Longest example, in tokens: 1,024</strong>. All fits." in html(second)
