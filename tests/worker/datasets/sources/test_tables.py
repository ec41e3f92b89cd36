"""Cells come out as they went in, and an odd row is refused by itself."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.datasets.sources import content, tables
from worker.datasets.sources.batch import Batch
from worker.datasets.sources.content import PlainFile
from worker.datasets.sources.dialect import Dialect
from worker.datasets.sources.tables import Table

CELL = st.text(st.characters(codec="utf-8"), max_size=8) | st.text(
    st.sampled_from('",;\t|\r\n \u2028a{}'), max_size=8
)


def walk(path: object, delimiter: str, header: tuple[str, ...]) -> list[Batch]:
    dialect = Dialect(delimiter, header, True, 0, 1)
    plain = PlainFile(path)  # type: ignore[arg-type]
    part = Table(name="", format="csv", size=1, content=plain, dialect=dialect)
    return list(part.batches())


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1)
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.sampled_from([1, 3, 1 << 20]),
)
def test_what_a_program_writes_is_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    delimiter: str,
    end: str,
    block: int,
) -> None:
    header = [f"name{number}" for number in range(len(rows[0]))]
    text = io.StringIO(newline="")
    # This Python's writer leaves a lone CR without quotes where lines do not end in CRLF.
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([header, *rows])
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_bytes(text.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "BLOCK", block)
        found = [line for batch in walk(path, delimiter, tuple(header)) for line in batch.lines]
    wanted = [dict(zip(header, row, strict=True)) if any(row) else None for row in rows]
    assert [json.loads(line) if line else None for line in found] == wanted


def test_rows_know_the_line_they_start_in(look: Callable) -> None:
    found = look(b'\xef\xbb\xbfq,a\n"1\n2","x\r\ny"\n\n3,4\n,\n5,6')
    assert found.records == [
        b'{"q":"1\\n2","a":"x\\r\\ny"}',
        b"",
        b'{"q":"3","a":"4"}',
        b"",
        b'{"q":"5","a":"6"}',
    ]
    assert [line for line, _ in found.places] == [2, 5, 6, 7, 8]


def test_a_row_of_another_width_is_refused_and_empty_cells_too_many_are_not(
    look: Callable,
) -> None:
    found = look(b"q,a\n1,2\n1\n1,2,3\n1,2,,\n3,4\n")
    assert found.records == [
        b'{"q":"1","a":"2"}',
        "row_width",
        "row_width",
        b'{"q":"1","a":"2"}',
        b'{"q":"3","a":"4"}',
    ]


def test_a_cell_that_never_closes_costs_its_own_row_only(look: Callable) -> None:
    found = look(b'q,a\n1,2\nx,"open\n3,4\n5,6\n')
    assert found.records[0] == b'{"q":"1","a":"2"}'
    assert found.records[1:] == ["open_quote", b'{"q":"3","a":"4"}', b'{"q":"5","a":"6"}']
    assert [line for line, _ in found.places] == [2, 3, 4, 5]


def test_endless_open_cells_end(look: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "OPEN_QUOTES", 2)
    found = look(b"q,a\n" + b"1,2\n" * 5 + b'x,"a\n\n\n\n"b,"c\n"d,"e\n"f,"g')
    assert found.records[:5] == [b'{"q":"1","a":"2"}'] * 5
    assert found.records.count("open_quote") <= 3


def test_a_row_too_long_leaves_its_place_and_nothing_else(
    tmp_path: object, look: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LINE_LIMIT", 50)
    monkeypatch.setattr(content, "BLOCK", 16)
    found = look(b"q,a\n1,2\n" + b"x" * 200 + b",y\n3,4\n")
    assert found.records == [b'{"q":"1","a":"2"}', "too_long", b'{"q":"3","a":"4"}']


def test_lines_that_are_not_utf8_are_read_as_windows_does(look: Callable) -> None:
    """Mixed encodings too: each line by itself."""
    found = look("q,a\nä,é\n".encode() + "“ö”,ß\n".encode("cp1252") + b"\x81,x\n1,2\n")
    assert [json.loads(r) for r in found.records if isinstance(r, bytes)] == [
        {"q": "ä", "a": "é"},
        {"q": "“ö”", "a": "ß"},
        {"q": "1", "a": "2"},
    ]
    assert found.records[2] == "not_utf8"
    assert "Windows-1252" in found.parts[0].notes[0]


def test_names_that_programs_reserve_are_names_like_others(look: Callable) -> None:
    found = look(b"split,line,hash,__proto__\na,b,c,d\n")
    assert found.values() == [{"split": "a", "line": "b", "hash": "c", "__proto__": "d"}]


def test_a_row_of_many_lines_may_be_too_long_as_well(
    look: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LINE_LIMIT", 100)
    cell = b'"' + b"\n".join([b"x" * 60] * 2) + b'"'
    assert look(b"q,a\n" + cell + b",1\n3,4\n").records == ["too_long", b'{"q":"3","a":"4"}']
