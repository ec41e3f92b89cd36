"""Rows are read back by page, all of them, or some; a row keeps its side of the exam."""

import hashlib
import json
import struct
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import StudioError
from storage.rows import (
    SPLIT_SEED,
    canonical,
    count,
    exam_of,
    in_evaluation_split,
    iterate,
    page,
    pick,
    row_hash,
)

CONTENT = [{"text": f"row {number % 40} é\u2028"} for number in range(50)]
ROWS = [
    row
    | {
        "line": 2 * number + 1,
        "hash": hashlib.sha256(f"text\0{row['text']}".encode()).hexdigest()[:16],
    }
    for number, row in enumerate(CONTENT)
]


def fill(folder: Path, rows: list[dict]) -> None:
    lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows]
    starts = list(accumulate(map(len, lines), initial=0))[:-1]
    (folder / "rows.jsonl").write_bytes(b"".join(lines))
    (folder / "rows.idx").write_bytes(struct.pack(f"<{len(starts)}Q", *starts))
    numbers = [2 * number + 1 for number in range(len(lines))]
    (folder / "lines.idx").write_bytes(struct.pack(f"<{len(numbers)}Q", *numbers))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path, CONTENT)
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


def test_more_rows_than_are_read_at_once_keep_their_lines(tmp_path: Path) -> None:
    fill(tmp_path, [{"text": str(number)} for number in range(20_000)])
    assert all(row["line"] == 2 * int(row["text"]) + 1 for row in iterate(tmp_path))


def test_a_missing_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="not there"):
        count(tmp_path / "gone")
    with pytest.raises(StudioError, match="not there"):
        page(tmp_path / "gone", 0, 5)
    with pytest.raises(StudioError, match="not there"):
        list(iterate(tmp_path / "gone"))


def turns(**more: object) -> list[dict]:
    return [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", **more}]


def test_the_hash_of_a_conversation_is_what_it_was_in_the_first_release() -> None:
    assert canonical({"messages": turns()}) == "user\0assistant\0q\0a"
    assert canonical({"text": "x"}) == "text\0x"


def test_only_content_tells_rows_apart() -> None:
    same = [{"messages": turns()}, {"messages": turns(), "split": "test", "line": 3}]
    other = [
        {"messages": turns(weight=0)},
        {"messages": turns(), "tools": []},
        {"prompt": turns()[:1], "completion": turns()[1:], "label": True},
        {"prompt": turns()[:1], "completion": turns()[1:], "label": False},
    ]
    assert row_hash(same[0]) == row_hash(same[1])
    assert len({row_hash(row) for row in [same[0], *other]}) == 5
    marked = other[2] | {"split": "train", "line": 1, "hash": "0"}
    assert row_hash(marked) == row_hash(other[2])


def test_the_datas_own_marks_count_more_than_the_share(folder: Path) -> None:
    by_mark = exam_of(folder, 1.0, marked=True)
    assert by_mark({"hash": "00", "split": "test"})
    assert not by_mark({"hash": "00", "split": "train"})
    assert not by_mark({"hash": "00"})
    assert exam_of(folder, 0.0, marked=True)({"hash": "00", "split": "test"})


@given(st.integers(2, 40), st.floats(0.001, 0.99), st.integers(0, 10**6))
def test_of_few_rows_some_are_learned_and_some_are_the_exam(
    tmp_path_factory: pytest.TempPathFactory, number: int, share: float, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("few")
    fill(folder, [{"text": f"row {one} of {seed}"} for one in range(number)])
    is_exam = exam_of(folder, share, marked=False)
    chosen = [row["hash"] for row in iterate(folder) if is_exam(row)]
    by_chance = [
        row["hash"]
        for row in iterate(folder)
        if in_evaluation_split(row["hash"], share, SPLIT_SEED)
    ]
    assert 0 < len(chosen) < number
    assert chosen == by_chance or len(by_chance) in (0, number)


def test_without_a_share_there_is_no_exam_and_copies_are_on_one_side(tmp_path: Path) -> None:
    fill(tmp_path, [{"text": "the same"}] * 3)
    assert not any(map(exam_of(tmp_path, 0.0, marked=False), iterate(tmp_path)))
    sides = {exam_of(tmp_path, 0.5, marked=False)(row) for row in iterate(tmp_path)}
    assert len(sides) == 1


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
