"""Names: kept as they were given, but for what breaks a line, a page or a file name."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.services import names


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\answers.jsonl", "answers.jsonl"),
        ("<script>alert(1)<script>.jsonl", "<script>alert(1)<script>.jsonl"),
        ("Fragen über Schlaf ☾.jsonl", "Fragen über Schlaf ☾.jsonl"),
        ("answers\u202elnosj.exe", "answers lnosj.exe"),  # right-to-left override
        ("one\r\ntwo\x00\x1b[31m.jsonl", "one two [31m.jsonl"),
        ("one\u2028two\u2029three", "one two three"),
        ("zero\u200bwidth", "zero width"),
        ("\ud800.jsonl", ".jsonl"),  # half a character: no file system or database takes it
        ("", "Untitled data"),
        ("  \t ", "Untitled data"),
        ("uploads/", "Untitled data"),
    ],
)
def test_an_upload_is_shown_by_the_last_part_of_its_name(given_name: str, shown: str) -> None:
    assert names.of_upload(given_name) == shown


def test_a_name_has_120_characters_at_most() -> None:
    assert names.of_upload("a" * 300 + ".jsonl") == "a" * names.LONGEST == "a" * 120


@given(st.text())
def test_whatever_the_name_it_stands_in_one_line(name: str) -> None:
    shown = names.of_upload(name)
    assert 1 <= len(shown) <= 120
    assert shown.splitlines() == [shown]
    assert shown == shown.strip()
    assert not set(shown) & {"/", "\\", "\0", "\u202e", "\u2066"}
    assert shown.encode().decode() == shown


@given(st.text())
def test_a_download_has_a_name_that_every_system_takes(name: str) -> None:
    offered = names.for_download(name, ".zip")
    assert set(offered) <= set(string.ascii_letters + string.digits + "_.-")
    assert offered.endswith(".zip")
    assert not offered.startswith((".", "-"))
    assert 5 <= len(offered) <= 84


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("Café answers, v2", "Cafe-answers-v2.zip"),
        ("../../evil", "evil.zip"),
        ("☾☾☾", "studio.zip"),
        ("...", "studio.zip"),
    ],
)
def test_a_download_is_named_after_what_it_holds(name: str, offered: str) -> None:
    assert names.for_download(name, ".zip") == offered
