"""A list is split exactly where its elements end, and a broken element takes no other with it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.datasets.faults import Refusal
from worker.datasets.sources import brackets, elements
from worker.datasets.sources.cursor import Cursor
from worker.datasets.sources.elements import Element, Elements

TEXT = st.text(st.sampled_from('ab"\\{}[],: \n\té😀'), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


def split(text: bytes, block: int = 1 << 20, closed: bool = True) -> list[Element]:
    """The elements of a list without its opening bracket, arriving in blocks."""
    pieces = [text[start : start + block] for start in range(0, len(text), block)]
    cursor = Cursor((piece, len(piece)) for piece in pieces)
    return list(Elements(cursor, closed))


def texts(text: bytes, **how: Any) -> list[bytes | str]:
    return [
        element.text.kind if isinstance(element.text, Refusal) else element.text
        for element in split(text, **how)
    ]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(VALUES, max_size=6),
    st.sampled_from([None, 0, 1, 4, "\t"]),
    st.sampled_from([1, 2, 5, 64, 1 << 20]),
    st.booleans(),
)
def test_elements_are_what_the_parser_finds(
    values: list[Any], indent: int | str | None, block: int, escaped: bool
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=escaped).encode()
    found = split(text[1:], block)
    assert [json.loads(element.text) for element in found] == json.loads(text)
    assert not any(b"\n" in element.text for element in found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(TEXT, VALUES, max_size=3), max_size=6), st.sampled_from([1, 9]))
def test_places_are_where_the_elements_start(values: list[Any], block: int) -> None:
    text = json.dumps(values, indent=1, ensure_ascii=False)
    lines = text.split("\n")
    for element in split(text[1:].encode(), block):
        column = element.column + (1 if element.line == 1 else 0)  # the bracket left off
        assert lines[element.line - 1][column - 1] == "{"


@pytest.mark.parametrize("number", ["123456789012345678901234567890", "1.10", "1e400", "-0.0"])
def test_numbers_stay_as_they_are_written(number: str) -> None:
    assert texts(f'{{"a": {number}}}]'.encode()) == [f'{{"a": {number}}}'.encode()]


GOOD = [b'{"q": 1, "a": [{"q": 2}, {"z": 3}]}', b'{"q": "}, {", "a": []}']


@pytest.mark.parametrize("separator", [b", ", b",\n  "])
@pytest.mark.parametrize(
    "broken",
    [
        b'{"q": NaN}',
        b"{'q': 'a'}",
        b'{"q": "a",}',
        b'{"q" "a"}',
        b'{"q": None}',
        b'{"q": "\\ud800"}',
        b'{"q": "say "hi" now"}',
        b'{"q": "say " hi"}',
        b'{"q": "a", "a": "b}',
        b'{"q": a", "a": "b"}',
        b'{"q": ["a"}',
        b'{"q": {"a": 1}',
        b'{"q": "a"',
        b'{"q": "a"]}',
        b'{"q": "line\nend"}',
        b"word",
    ],
)
def test_a_broken_element_takes_no_other_with_it(broken: bytes, separator: bytes) -> None:
    wanted = [GOOD[0], broken, GOOD[1], broken, broken, GOOD[0]]
    found = texts(separator.join(wanted) + b"\n]")
    assert found == wanted


def test_the_first_element_may_be_the_broken_one() -> None:
    assert texts(b'{"q": "a"b"},\n{"q": 1}]') == [b'{"q": "a"b"}', b'{"q": 1}']


def test_a_list_that_is_cut_off_says_so() -> None:
    assert texts(b'{"q": 1}, {"q": 2}') == [b'{"q": 1}', b'{"q": 2}', "cut_off"]
    cut = split(b'{"q": 1}, {"q": "half')
    assert [element.text for element in cut] == [b'{"q": 1}', b'{"q": "half']
    assert [element.ends_open for element in cut] == [False, True]


def test_an_element_too_long_leaves_its_place_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (elements, brackets):
        monkeypatch.setattr(module, "LINE_LIMIT", 100)
    long = b'{"z": ["' + b"x{" * 300 + b'", {"y": "\\""}]}'
    text = b'{"q": 1}, ' + long + b', "' + b"s" * 300 + b'", {"q": 2}]'
    for block in (7, 50):
        assert texts(text, block=block) == [b'{"q": 1}', "too_long", "too_long", b'{"q": 2}']


def test_where_the_way_is_lost_the_rest_is_one_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (elements, brackets):
        monkeypatch.setattr(module, "LINE_LIMIT", 100)
    text = b'{"q": 1},\n {"q": [}' + b" 1 ," * 300
    found = split(text, 50)
    assert [element.line for element in found] == [1, 2]
    assert isinstance(found[1].text, Refusal)
    assert "line 2, character 2" in found[1].text.reason


def test_values_may_follow_each_other_without_a_list() -> None:
    assert texts(b'{"a":\n 1}\n{"a": 2} {"a": 3}', closed=False) == [
        b'{"a":1}',
        b'{"a": 2}',
        b'{"a": 3}',
    ]


def test_brackets_without_end_are_given_up_early() -> None:
    """Following ten million of them one by one would take a minute."""
    (element,) = split(b'[{"a":' * (brackets.LINE_LIMIT // 4))
    assert isinstance(element.text, Refusal)
    cursor = Cursor(iter([(b"[" * 5_000, 5_000)]))
    cursor.next()
    end, size = brackets.value_end(cursor)
    assert (end, size) == (brackets.End.BROKEN, brackets.DEEPEST)
