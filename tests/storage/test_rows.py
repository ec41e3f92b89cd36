"""Rows are read back by page, all of them, or one side of a split that never moves."""

import json
import struct
from pathlib import Path

import pytest

from storage.errors import StudioError
from storage.rows import count, in_evaluation_split, iterate, page, pick, split

ROWS = [
    {"text": f"row {number} é\u2028", "line": number + 1, "hash": f"{number % 40:016x}"}
    for number in range(50)
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in ROWS]
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    (tmp_path / "rows.jsonl").write_bytes(b"".join(lines))
    (tmp_path / "rows.idx").write_bytes(struct.pack(f"<{len(starts)}Q", *starts))
    return tmp_path


@pytest.mark.parametrize(
    ("start", "rows"), [(0, ROWS[:7]), (20, ROWS[20:27]), (48, ROWS[48:]), (50, []), (999, [])]
)
def test_a_page_starts_anywhere_and_ends_with_the_rows(
    folder: Path, start: int, rows: list[dict]
) -> None:
    assert page(folder, start, 7) == rows


def test_a_page_of_nothing_is_empty(folder: Path) -> None:
    assert page(folder, 0, 0) == []
    assert page(folder, -1, 5) == []


def test_all_rows_come_in_order_and_by_number(folder: Path) -> None:
    assert count(folder) == 50
    assert list(iterate(folder)) == ROWS
    assert list(pick(folder, [49, 0, 7])) == [ROWS[49], ROWS[0], ROWS[7]]


def test_a_missing_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="not there"):
        count(tmp_path / "gone")
    with pytest.raises(StudioError, match="not there"):
        page(tmp_path / "gone", 0, 5)
    with pytest.raises(StudioError, match="not there"):
        list(iterate(tmp_path / "gone"))


def test_a_split_covers_every_row_once_and_keeps_copies_together(folder: Path) -> None:
    training, evaluation = split(folder, 0.3, seed=1)
    assert sorted([*training, *evaluation]) == list(range(50))
    sides = [{ROWS[number]["hash"] for number in side} for side in (training, evaluation)]
    assert not sides[0] & sides[1]
    assert all(sides)


def test_a_row_keeps_its_side_when_others_come(folder: Path) -> None:
    before = set(split(folder, 0.3, seed=1)[1])
    more = folder / "rows.jsonl"
    more.write_bytes(more.read_bytes() + b'{"text": "new", "line": 51, "hash": "ffff"}\n')
    assert set(split(folder, 0.3, seed=1)[1]) - {50} == before


def test_the_share_is_met_evenly_and_a_larger_one_only_adds() -> None:
    hashes = [f"{number:016x}" for number in range(20_000)]
    small = {row for row in hashes if in_evaluation_split(row, 0.1, seed=42)}
    large = {row for row in hashes if in_evaluation_split(row, 0.2, seed=42)}
    other = {row for row in hashes if in_evaluation_split(row, 0.1, seed=43)}
    # five standard deviations of a fair draw: sqrt(20000 * 0.1 * 0.9) = 42
    assert abs(len(small) - 2_000) < 5 * 42
    assert small < large
    assert abs(len(small & other) - 200) < 5 * 14
    assert not any(in_evaluation_split(row, 0.0, 42) for row in hashes)
    assert all(in_evaluation_split(row, 1.0, 42) for row in hashes)
