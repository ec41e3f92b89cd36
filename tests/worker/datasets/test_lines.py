"""Lines come out the same however the file falls into blocks."""

import io

import pytest

from worker.datasets import lines


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_may_lie_across_blocks(
    monkeypatch: pytest.MonkeyPatch, block: int, end: bytes
) -> None:
    monkeypatch.setattr(lines, "BLOCK", block)
    wanted = [b"one", b"", b"three", b"four"]
    seen: list[bytes] = []
    found = list(lines.batches(io.BytesIO(end.join(wanted)), seen.append))
    assert [line for batch in found for line in batch.lines] == wanted
    assert found[0].first == 1
    assert found[-1].first + len(found[-1].lines) - 1 == 4
    assert found[-1].ends_open
    assert b"".join(seen) == end.join(wanted)


def test_a_line_too_long_leaves_its_place_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "BLOCK", 4)
    monkeypatch.setattr(lines, "LINE_LIMIT", 10)
    content = b"a\n" + b"x" * 10 + b"\n" + b"y" * 11 + b"\nb\n"
    found = [line for batch in lines.batches(io.BytesIO(content), len) for line in batch.lines]
    assert found == [b"a", b"x" * 10, None, b"b"]
