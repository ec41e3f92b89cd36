"""An object that fills a file is told apart: lists of examples, columns, or one example."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from storage.errors import StudioError

TURN = {"role": "user", "content": "Why?"}
PAIR = {"question": "Why?", "answer": "So."}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "example",
    [
        {"messages": [TURN, TURN]},
        {"messages": [TURN], "tools": [{"type": "function"}]},
        {"conversations": [{"speaker": "A", "text": "Why?"}]},
        {"prompt": [TURN], "chosen": [TURN], "rejected": [TURN]},
        {"question": "Why?", "answer": "So.", "contexts": [{"title": "a"}, {"title": "b"}]},
        PAIR,
        {},
    ],
)
def test_one_example_stays_one(look: Callable, example: dict, indent: int | None) -> None:
    assert look(json.dumps(example, indent=indent).encode()).values() == [example]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "wrapped",
    [
        {"data": [PAIR, PAIR]},
        {"version": "1.0", "license": "text", "Data": [PAIR, PAIR]},
        {"faq": [PAIR, PAIR]},
        {"conversations": [{"turns": [TURN]}, {"turns": [TURN, TURN]}]},
        {"question": "of the whole file", "data": [PAIR]},
    ],
)
def test_a_list_within_is_the_examples(look: Callable, wrapped: dict, indent: int | None) -> None:
    wanted = next(value for value in wrapped.values() if isinstance(value, list))
    assert look(json.dumps(wrapped, indent=indent).encode()).values() == wanted


def test_splits_are_parts_and_every_record_knows_its_own(look: Callable) -> None:
    found = look(
        json.dumps(
            {"train": [PAIR, {}], "Validation": [PAIR], "test": [{"split": "train"}]}, indent=1
        ).encode()
    )
    assert [part.name for part in found.parts] == ["train", "Validation", "test"]
    assert found.values() == [
        {**PAIR, "split": "train"},
        {"split": "train"},
        {**PAIR, "split": "test"},
        {"split": "train"},
    ]


def test_other_lists_beside_the_examples_are_named(look: Callable) -> None:
    found = look(json.dumps({"data": [PAIR], "errors": [{"line": 1}], "empty": []}).encode())
    assert found.values() == [PAIR]
    assert '"errors"' in found.parts[0].notes[0]
    assert "empty" not in found.parts[0].notes[0]


def test_rows_of_the_hub_are_unwrapped_byte_for_byte(look: Callable) -> None:
    row = b'{"n":123456789012345678901234567890,"row":{"x": 1.10}}'
    cut = b'{"row_idx":1,"row":{"q":"a"},"truncated_cells":["q"]}'
    found = look(
        b'{"features":[{"name":"n"}],"rows":[{"row_idx":0,"row":'
        + row
        + b',"truncated_cells":[]},'
        + cut
        + b'],"num_rows_total":2}'
    )
    assert found.records == [row, "cut_by_the_hub"]
    assert not found.parts[0].notes


def test_columns_are_read_side_by_side(look: Callable) -> None:
    columns: dict[str, list[Any]] = {
        "question": [f"Why {number}?" for number in range(5000)],
        "tags": [[number, {"deep": [None]}] for number in range(5000)],
    }
    for indent in (None, 1):
        found = look(json.dumps(columns, indent=indent).encode())
        assert found.values() == [
            {"question": question, "tags": tags}
            for question, tags in zip(*columns.values(), strict=True)
        ]


def test_columns_of_different_lengths_are_refused_with_their_lengths(look: Callable) -> None:
    with pytest.raises(StudioError, match=r'"question" has 2, "answer" has 1\.'):
        look(b'{"question": ["a", "b"], "answer": ["c"]}')


def test_a_broken_cell_costs_its_own_row_only(look: Callable) -> None:
    found = look(b'{"q": ["a", "b", "c"], "n": [1, NaN, 3]}')
    assert found.records == [b'{"q":"a","n":1}', b'{"q":"b","n":NaN}', b'{"q":"c","n":3}']


def test_places_are_those_in_the_file(look: Callable) -> None:
    found = look('{\n "ä": "é",\n "data": [{"q": 1}, {"q": 2},\n {"q": 3}]\n}'.encode())
    assert found.places == [(3, 11), (3, 21), (4, 2)]


def test_a_broken_element_within_is_one_fault(look: Callable) -> None:
    found = look(b'{\n "data": [\n  {"q": 1},\n  {"q": "a"b"},\n  {"q": 3}\n ],\n "n": 3\n}')
    assert found.records == [b'{"q": 1}', b'{"q": "a"b"}', b'{"q": 3}']


def test_text_behind_a_list_is_a_fault_and_another_list_is_not(look: Callable) -> None:
    found = look(b'[\n{"q": 1},\n{"q": 2}\n]\n[{"q": 3}]\nrest\n')
    assert found.records == [b'{"q": 1}', b'{"q": 2}', b'{"q": 3}', "text_after"]
    assert found.places[-1] == (6, 1)


@pytest.mark.parametrize("value", [[], [PAIR]])
@pytest.mark.parametrize("count", [60, 2000])
def test_an_object_of_too_many_lists_is_one_example(
    look: Callable, value: list, count: int
) -> None:
    """Each list would be read from the start of the file again."""
    example = {f"name {number}": value for number in range(count)}
    assert look(json.dumps(example, indent=1).encode()).values() == [example]
