"""Copies, empty answers and refusals go; the first of each group stays, byte for byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.operations import Clean, Redact

REFUSAL = "I'm sorry, but I can't help with that."
WORDS = "a rest of two days and plenty of warm water with honey helps most people to get well again"
NEAR = f"Drink tea, {WORDS} as long as they do not work at night and keep away from the cold."


@pytest.fixture(scope="module")
def rows(chat):
    return [
        chat("What helps with a cold this winter?", NEAR),
        chat("And with a cough?", "Honey."),
        chat("What helps with a cold this winter?", NEAR),
        chat("What helps with a cold this winter?", NEAR.replace("tea", "milk")),
        chat("How much of it is deadly?", REFUSAL),
        chat("And with a cough?", "Honey.", split="test"),
    ]


def kept(workshop, rows, **settings) -> list[int]:
    """The numbers of the rows that stay."""
    data = workshop.dataset(rows)
    before = (data / "rows.jsonl").read_bytes().splitlines(keepends=True)
    return [before.index(line) for line in workshop.lines(Clean(dataset_id="d", **settings), data)]


def test_the_first_of_equal_and_nearly_equal_rows_stays(workshop, rows) -> None:
    assert kept(workshop, rows) == [0, 1, 4]


def test_equal_rows_alone(workshop, rows) -> None:
    assert kept(workshop, rows, near=False) == [0, 1, 3, 4]


def test_refusals_alone(workshop, rows) -> None:
    only = {"exact": False, "near": False, "refusals": True}
    assert kept(workshop, rows, **only) == [0, 1, 0, 3, 5]  # row 2 equals row 0


def test_a_stricter_threshold_keeps_more(workshop, rows) -> None:
    assert kept(workshop, rows, threshold=1.0) == [0, 1, 3, 4]


def test_a_row_that_goes_for_its_answer_takes_no_copy_with_it(workshop, chat) -> None:
    """A refusal is short; three words more and the same text is an answer."""
    refusal = _filled(REFUSAL, 297)
    rows = [chat("How?", refusal), chat("How?", f"{refusal} or call tomorrow")]
    assert kept(workshop, rows) == [0]
    assert kept(workshop, rows, refusals=True) == [1]


def _filled(text: str, length: int) -> str:
    """The text with further words, up to a length in characters."""
    number = 0
    while len(text) < length - 5:
        number += 1
        text += f" w{number}"
    return text


def test_a_turn_that_calls_a_tool_is_no_empty_answer(workshop, chat) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    turns = [
        {"role": "user", "content": "Find the report"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "found", "tool_call_id": "1"},
        {"role": "assistant", "content": "Here it is."},
    ]
    assert kept(workshop, [{"messages": turns}, chat("Why?", "Because.")]) == [0, 1]


TEXTS = st.lists(
    st.sampled_from([NEAR, NEAR.replace("tea", "milk"), "Write to a.b@clinic.org", "Tea.", "Milk."])
    | st.text("abc @.0123456789", min_size=1).filter(str.strip),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(texts=TEXTS)
def test_redacting_and_cleaning_again_changes_nothing(workshop, texts) -> None:
    data = workshop.dataset([{"text": text} for text in texts])
    redacted = workshop.version(Redact(dataset_id="d"), data)
    cleaned = workshop.version(Clean(dataset_id="d"), redacted)
    once = (cleaned / "rows.jsonl").read_bytes()
    assert b"".join(workshop.lines(Redact(dataset_id="d"), cleaned)) == once
    assert b"".join(workshop.lines(Clean(dataset_id="d"), cleaned)) == once
