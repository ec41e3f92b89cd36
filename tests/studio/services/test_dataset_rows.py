"""Rows by page and by words; what was refused, by kind."""

import json
from typing import Any

import pytest

from storage.errors import NotFound
from storage.ids import LOCAL_PERSON as ME
from studio.services import dataset_rows, datasets, versions
from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready

FAULTS: list[dict[str, Any]] = [
    {
        "file": "answers.jsonl",
        "line": line,
        "column": 1,
        "kind": kind,
        "reason": "It is broken.",
        "hint": "Mend it.",
        "text": "x" * (2000 if line == 3 else 5),
    }
    for line, kind in [(3, "syntax"), (5, "empty"), (8, "syntax"), (9, "syntax")]
]


def found(studio: Studio, data: str, words: str, **more: Any) -> list[int]:
    """Return the numbers of the rows that hold the words."""
    span = more.pop("span", (0, 100))
    page = dataset_rows.search(studio, ME, data, words, span, **more)
    return [row["row"] for row in page.rows]


def test_a_page_has_numbers_lines_and_hashes_and_says_where_to_go_on(studio: Studio) -> None:
    data = ready(studio, questions(7)).id
    first = dataset_rows.page(studio, ME, data, 0, 5)
    assert [(row["row"], row["line"]) for row in first.rows] == [(n, n + 1) for n in range(5)]
    assert first.next == 5
    assert len({row["hash"] for row in first.rows}) == 5
    last = dataset_rows.page(studio, ME, data, 5, 5)
    assert [row["row"] for row in last.rows] == [5, 6]
    assert last.next is None
    assert dataset_rows.page(studio, ME, data, 7, 5) == dataset_rows.Page([], None)


def test_words_are_found_whatever_their_case_and_writing(studio: Studio) -> None:
    rows: list[dict[str, Any]] = [
        {"text": "A Fever of 39 degrees"},
        {"text": "Fièvre élevée"},
        {"text": 'She said "rest" and\nleft'},
        {"messages": [{"role": "user", "content": "assistant?"}]},
    ]
    data = ready(studio, rows).id
    assert found(studio, data, "fever OF") == [0]
    assert found(studio, data, "FIÈVRE") == [1]
    assert found(studio, data, 'said "rest" and\nleft') == [2]
    assert found(studio, data, "assistant") == [3]
    assert found(studio, data, "user") == [], "a role is no text of the row"
    assert found(studio, data, "content") == [], "nor is a field's name"


def test_escaped_text_is_found_too(studio: Studio) -> None:
    data = ready(studio, [{"text": "plain"}, {"text": "fever"}])
    folder = datasets.rows_folder(studio, ME, data.id)
    lines = [b'{"text":"plain"}\n', b'{"text":"f\\u0065ver"}\n']
    (folder / "rows.jsonl").write_bytes(b"".join(lines))
    offset = len(lines[0]).to_bytes(8, "little")
    (folder / "rows.idx").write_bytes(bytes(8) + offset)
    assert found(studio, data.id, "fever") == [1]


def test_what_is_found_is_given_page_by_page(studio: Studio) -> None:
    rows = [{"text": f"fever {n}" if n % 3 == 0 else f"cough {n}"} for n in range(30)]
    data = ready(studio, rows).id
    assert found(studio, data, "fever", span=(0, 4)) == [0, 3, 6, 9]
    assert found(studio, data, "fever", span=(4, 4)) == [12, 15, 18, 21]
    assert found(studio, data, "fever", span=(0, 2), after=22) == [24, 27]


def test_a_long_search_stops_and_says_where_to_go_on(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ready(studio, [*[{"text": "x" * 1000}] * 50, {"text": "fever"}]).id
    monkeypatch.setattr(dataset_rows, "SEARCHED_BYTES", 20_000)
    pages, after = 0, 0
    while True:
        page = dataset_rows.search(studio, ME, data, "fever", (0, 10), after)
        pages += 1
        if page.next is None:
            break
        assert page.rows == []
        after = page.next
    assert [row["row"] for row in page.rows] == [50]
    assert pages == 3


def test_faults_come_by_kind_and_by_page(studio: Studio) -> None:
    data = ready(studio, questions(3), faults=FAULTS).id
    kinds = dataset_rows.fault_kinds(studio, ME, data)
    assert [(kind["kind"], kind["count"], kind["first"]["line"]) for kind in kinds] == [
        ("syntax", 3, 3),
        ("empty", 1, 5),
    ]

    def lines(*asked: Any) -> list[int]:
        return [fault["line"] for fault in dataset_rows.faults(studio, ME, data, *asked)]

    assert lines() == [3, 5, 8, 9]
    assert lines(0, 10, "syntax") == [3, 8, 9]
    assert lines(1, 1, "syntax") == [8]
    assert lines(0, 10, "unknown") == []


def test_a_long_record_is_shortened_when_shown_and_kept_whole_in_the_file(studio: Studio) -> None:
    data = ready(studio, questions(3), faults=FAULTS)
    (first, *_) = dataset_rows.faults(studio, ME, data.id)
    assert len(first["text"]) == dataset_rows.SHOWN_CHARACTERS + 1
    path = dataset_rows.faults_file(studio, data)
    assert path is not None
    assert json.loads(path.read_bytes().splitlines()[0]) == FAULTS[0]


def test_nothing_is_there_of_a_version_that_is_not_made_yet(studio: Studio) -> None:
    parent = ready(studio, questions(5))
    made = versions.make(studio, ME, {"kind": "clean", "dataset_id": parent.id})
    assert dataset_rows.page(studio, ME, made.id, 0, 10).rows == []
    assert found(studio, made.id, "fever") == []
    assert dataset_rows.faults(studio, ME, made.id) == []
    assert dataset_rows.fault_kinds(studio, ME, made.id) == []


def test_somebody_elses_rows_are_not_there(studio: Studio) -> None:
    data = ready(studio, questions(3), owner="anna").id
    for call in (
        lambda: dataset_rows.page(studio, ME, data, 0, 1),
        lambda: dataset_rows.search(studio, ME, data, "fever", (0, 1)),
        lambda: dataset_rows.faults(studio, ME, data),
        lambda: dataset_rows.fault_kinds(studio, ME, data),
    ):
        with pytest.raises(NotFound):
            call()
