"""Lines come out the same however the file falls into blocks or is cut into ranges."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.datasets.faults import Refusal
from worker.datasets.sources import content, jsonl
from worker.datasets.sources.batch import Batch

ENDS = [b"\n", b"\r\n", b"\r"]


def lines_of(batches: list[Batch]) -> list[bytes | str]:
    return [
        line.kind if isinstance(line, Refusal) else line
        for batch in batches
        for line in batch.lines
    ]


def whole(path: Path) -> list[Batch]:
    return list(jsonl.batches(path, 0, path.stat().st_size))


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("end", ENDS)
def test_line_ends_may_lie_across_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, end: bytes
) -> None:
    monkeypatch.setattr(content, "BLOCK", block)
    wanted = [b"one", b"", b"three", b"four"]
    path = tmp_path / "mine.jsonl"
    path.write_bytes(end.join(wanted))
    found = whole(path)
    assert lines_of(found) == wanted
    assert [number for batch in found for number in batch.numbers] == [1, 2, 3, 4]
    assert found[-1].read == path.stat().st_size
    assert found[-1].ends_open


def test_a_line_too_long_leaves_its_place_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "BLOCK", 4)
    monkeypatch.setattr(jsonl, "LINE_LIMIT", 10)
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"a\n" + b"x" * 10 + b"\n" + b"y" * 11 + b"\nb\n")
    assert lines_of(whole(path)) == [b"a", b"x" * 10, "too_long", b"b"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\n')
    assert lines_of(whole(path)) == [b'{"text": "a"}']


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([b"", b"a", b"long line"]), st.sampled_from(ENDS))),
    st.integers(1, 30),
    st.integers(1, 5),
)
def test_ranges_together_are_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[bytes, bytes]],
    bytes_each: int,
    block: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "ranges.jsonl"
    path.write_bytes(b"".join(line + end for line, end in parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "BLOCK", block)
        cuts = jsonl.ranges(path, bytes_each)
    assert [start for start, _ in cuts[1:]] == [end for _, end in cuts[:-1]]
    assert all(end - start >= bytes_each for start, end in cuts[:-1])
    pieces = [list(jsonl.batches(path, start, end)) for start, end in cuts]
    assert [line for piece in pieces for line in lines_of(piece)] == lines_of(whole(path))
    for piece, (start, end) in zip(pieces, cuts, strict=True):
        assert piece[0].numbers[0] == 1
        assert piece[-1].read == end - start
