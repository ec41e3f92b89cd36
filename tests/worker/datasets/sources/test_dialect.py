"""A table is told from other text, and its first row from a header."""

import pytest

from worker.datasets.sources.dialect import Dialect, recognised


def known(text: str) -> Dialect:
    found = recognised(text, True)
    assert found
    return found


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["question", "answer"], ['"Why, then; or\twhat|?"', "yes, so"], ["b", "c"]]
    if delimiter == ",":
        rows[1][1] = "yes"
    found = known("\n".join(delimiter.join(row) for row in rows))
    assert (found.delimiter, found.header, found.rows) == (delimiter, ("question", "answer"), 2)


def test_a_first_line_of_excel_says_the_delimiter() -> None:
    found = known("sep=;\r\nq;a\r\n1,2;3,4\r\n")
    assert (found.delimiter, found.skip, found.header) == (";", 1, ("q", "a"))


@pytest.mark.parametrize(
    "text",
    [
        "Once upon a time, there was\na fox.\nIt ran, it hid, it slept.\n",
        '{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n',
        '!odd, line\n{"text": "good"}\n',
        "one\ntwo\nthree\n",
        "",
        "\n\n",
    ],
)
def test_other_text_is_no_table(text: str) -> None:
    assert recognised(text, True) is None


@pytest.mark.parametrize(
    "first", ["1,2", "a,3.5", f"{'long ' * 30},b", "Is this a question that was asked here?,yes"]
)
def test_without_column_names_the_columns_are_numbered(first: str) -> None:
    found = known(f"{first}\nx,y\nz,w\n")
    assert found.header == ("column 1", "column 2")
    assert not found.has_header
    assert found.rows == 3
    assert "column 1 to column 2" in found.notes[0]


def test_equal_names_are_made_distinct_and_empty_ones_filled() -> None:
    found = known("a,b,a,,a 2,a\n1,2,3,4,5,6\n")
    assert found.header == ("a", "b", "a 3", "column 4", "a 2", "a 4")
    assert len(found.notes) == 2


def test_a_single_column_is_known_by_its_name() -> None:
    assert known("text\nhello, world\n").header == ("text",)


def test_a_header_alone_has_no_rows() -> None:
    assert known("question,answer\n").rows == 0


def test_a_cut_last_line_is_not_counted() -> None:
    found = recognised("q,a\n1,2\n3,4\n5", False)
    assert found
    assert found.rows == 2
