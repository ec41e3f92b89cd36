"""Twenty questions pasted anyhow are twenty questions, and it is told how they were understood."""

import csv

import pytest

from storage.errors import Refused
from studio.services import prompt_texts


def texts(text: str, layout: str = "auto") -> list[str]:
    return [one["text"] for one in prompt_texts.read(text, layout).prompts]  # type: ignore[arg-type]


def refused(text: str, layout: str = "auto") -> list[str]:
    with pytest.raises(Refused) as caught:
        prompt_texts.read(text, layout)  # type: ignore[arg-type]
    assert {fault.field for fault in caught.value.faults} == {"text"}
    return [fault.message for fault in caught.value.faults]


def test_a_line_is_a_question_and_empty_lines_are_passed_over() -> None:
    found = prompt_texts.read("What is a fever?\r\n\r\n  Is rest enough?  \rAnd tea?\n\n")
    assert [one["text"] for one in found.prompts] == [
        "What is a fever?",
        "Is rest enough?",
        "And tea?",
    ]
    assert (found.layout, found.duplicates, found.numbered) == ("lines", 0, False)


def test_blocks_with_several_lines_are_questions_of_several_lines() -> None:
    text = "A patient of 60\n  has a fever.\nWhat now?\n\n\nExplain rest."
    found = prompt_texts.read(text)
    assert found.layout == "blocks"
    assert [one["text"] for one in found.prompts] == [
        "A patient of 60\n  has a fever.\nWhat now?",
        "Explain rest.",
    ]
    assert len(texts(text, "lines")) == 4, "a person who meant lines says so"


def test_groups_of_questions_stay_questions_of_one_line() -> None:
    assert texts("Why?\nWhere?\n\nWhen?\nWho?") == ["Why?", "Where?", "When?", "Who?"]
    assert texts("1. Explain.\n2. Describe.\n\n3. Tell.") == ["Explain.", "Describe.", "Tell."]


def test_numbers_in_front_are_taken_away_where_all_have_one() -> None:
    found = prompt_texts.read("1. What is a fever?\n2) 5 mg or 10?\n10: And tea?")
    assert [one["text"] for one in found.prompts] == ["What is a fever?", "5 mg or 10?", "And tea?"]
    assert found.numbered
    assert texts("- one\n• two") == ["one", "two"]
    assert texts("1. What is a fever?\nIs rest enough?")[0] == "1. What is a fever?"
    assert texts("5 mg?\n10 mg?") == ["5 mg?", "10 mg?"], "amounts are no numbering"


def test_copies_are_left_out_and_told() -> None:
    found = prompt_texts.read("Why?\nWhere?\nWhy?\nWhy?")
    assert ([one["text"] for one in found.prompts], found.duplicates) == (["Why?", "Where?"], 2)


def test_a_table_has_its_questions_in_the_column_that_is_called_so() -> None:
    text = '\ufeffid;Question;Answer\r\n1;"What is\r\na fever?";"Heat; above 38"\r\n2;Tea?;\r\n'
    assert prompt_texts.read(text, "table").prompts == [
        {"text": "What is\r\na fever?", "expected": "Heat; above 38"},
        {"text": "Tea?"},
    ]
    assert texts("prompt\nWhy?", "table") == ["Why?"]


def test_records_are_read_in_the_shapes_that_are_common() -> None:
    text = "\n".join(
        (
            '"Why?"',
            '{"prompt": "Where?", "completion": "There."}',
            '{"messages": [{"role": "system", "content": "Be kind."}, '
            '{"role": "user", "content": "When?"}, {"role": "assistant", "content": "Now."}]}',
        )
    )
    assert prompt_texts.read(text, "records").prompts == [
        {"text": "Why?"},
        {"text": "Where?", "expected": "There."},
        {"text": "When?", "expected": "Now."},
    ]
    assert texts('["Why?", {"text": "Where?"}]', "records") == ["Why?", "Where?"]


def test_broken_records_are_told_by_line() -> None:
    assert refused('{"prompt": "Why?"}\n{"prompt": \n{"id": 3}\n7', "records") == [
        "Line 2 holds no question.",
        "Line 3 holds no question.",
        "Line 4 holds no question.",
    ]
    assert refused('["Why?",', "records") == ["The file holds no question."]


def test_what_is_too_much_or_nothing_is_refused_in_words() -> None:
    assert refused(" \n\n") == ["There is no question in it."]
    many = "\n".join(f"Question {number}?" for number in range(1001))
    assert refused(many) == ["There are 1,001 questions; a set holds at most 1,000."]
    assert len(texts(many.rpartition("\n")[0])) == 1000
    long = "x" * 20_001
    assert refused(f"Why?\n{long}") == ["Question 2 has 20,001 characters; at most 20,000."]


def test_a_table_that_is_broken_is_told_in_words() -> None:
    usual = csv.field_size_limit(100)
    try:
        assert refused(f'"{"x" * 200}"', "table")[0].startswith("The table cannot be read: ")
    finally:
        csv.field_size_limit(usual)


def test_characters_that_no_database_keeps_are_left_out() -> None:
    assert texts("Wh\0y?") == ["Why?"]
    assert texts('"Wh\\u0000y?"', "records") == ["Why?"]


def test_a_file_is_read_by_its_name() -> None:
    names = ("a.CSV", "b.tsv", "c.jsonl", "d.json", "e.txt", "f")
    assert [prompt_texts.layout_of(name) for name in names] == [
        "table",
        "table",
        "records",
        "records",
        "auto",
        "auto",
    ]
