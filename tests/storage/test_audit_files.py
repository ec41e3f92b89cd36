"""The audit trail as a file: nothing in it runs, and JSONL can be checked without the studio."""

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import audit, audit_files
from storage.audit import Action, Wanted

WICKED = "=cmd|' /C calc'!A0"


def cells(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV as a spreadsheet would split them."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content[3:].decode(), newline="")))


def test_a_table_has_every_entry_oldest_first_in_utc(story: Any) -> None:
    audit.noted(story.database, "anna", Action.VOTED, "vote_1", {"reason": 'a "b", c\nd'})
    audit.noted(story.database, "anna", Action.DELETED, WICKED, {"name": WICKED})
    first, second = cells(b"".join(audit_files.blocks(story.database, Wanted(), "csv")))
    assert (first["number"], first["action"], second["action"]) == ("1", "voted", "deleted")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", first["time"])
    assert json.loads(first["details"]) == {"reason": 'a "b", c\nd'}
    assert second["subject"] == f"'{WICKED}"
    assert second["previous"] == first["hash"]


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "+", "--1"])
def test_what_a_spreadsheet_would_run_is_made_text(text: str) -> None:
    assert audit_files.inert(text).startswith("'")


@pytest.mark.parametrize("text", ["-12.5", "+3", "-0", "42", "plain", "a=b", "", "é", "مرحبا"])
def test_numbers_and_plain_words_stay_as_they_are(text: str) -> None:
    assert audit_files.inert(text) == text


@given(st.text())
def test_no_cell_begins_a_formula_or_breaks_a_line(text: str) -> None:
    shown = audit_files.inert(text)
    is_number = re.fullmatch(r"[+-]?\d+(\.\d+)?", shown)
    assert is_number or not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not set(shown) & set("\x00\x1b\r\n\t\u2028\u2029\u202e\u200f\x85")
    shown.encode()


def test_lines_of_json_can_be_checked_again_and_only_what_is_wanted_is_there(story: Any) -> None:
    with story.database.write() as session:
        for number in range(1050):
            audit.note(session, "anna", Action.VOTED, f"vote_{number}", {})
    audit.noted(story.database, "anna", Action.DELETED, "data_1", {})
    content = b"".join(audit_files.blocks(story.database, Wanted(action="voted"), "jsonl"))
    lines = [json.loads(line) for line in content.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 1051))
    for line in lines[:3]:
        *told, digest = line.values()
        assert audit.digest(*told) == digest
