"""Wide text comes out as UTF-8 however it falls into blocks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.datasets.sources import content
from worker.datasets.sources.content import PlainFile
from worker.datasets.sources.encodings import as_utf8

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def utf8(path: Path) -> bytes:
    return b"".join(block for block, _ in as_utf8(PlainFile(path)).blocks())


@settings(max_examples=200, deadline=None)
@given(
    TEXT,
    st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]),
    st.booleans(),
    st.integers(1, 9),
)
def test_no_letter_is_lost_or_changed(
    tmp_path_factory: pytest.TempPathFactory, text: str, codec: str, marked: bool, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "wide.txt"
    text = '{"' + text
    path.write_bytes((("\ufeff" if marked else "") + text).encode(codec))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "BLOCK", block)
        assert utf8(path) == text.encode()


def test_nul_bytes_in_plain_text_make_it_no_wide_text(tmp_path: Path) -> None:
    path = tmp_path / "nul.jsonl"
    path.write_bytes(b'{"a": "\x00\x00\x00"}\n')
    assert utf8(path) == path.read_bytes()


def test_a_lone_surrogate_spoils_its_own_line_only(look: Callable) -> None:
    wide = '{"a": 1}\n{"a": "X"}\n{"a": "é"}\n'.encode("utf-16")
    found = look(wide.replace(b"X\x00", b"\x00\xd8"))
    assert found.records[0] == b'{"a": 1}'
    assert found.records[2] == '{"a": "é"}'.encode()
    with pytest.raises(UnicodeDecodeError):
        found.records[1].decode()


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_cut_letter_at_the_end_is_shown_as_such(look: Callable, cut: int) -> None:
    found = look('{"a": 1}\n{"a": 2}'.encode("utf-32")[:-cut])
    assert found.records == [b'{"a": 1}', '{"a": 2�'.encode()]
