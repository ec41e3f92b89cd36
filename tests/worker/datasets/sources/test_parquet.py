"""Parquet tables give what is in them as JSON, and say which columns cannot be."""

import datetime
import decimal
import io
import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import StudioError
from worker.datasets.sources.batch import Limits


def table(columns: dict, **how: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **how)
    return file.getvalue()


def test_nested_columns_become_lists_and_objects(look: Callable) -> None:
    turns = [[{"role": "user", "content": "ü"}], []]
    found = look(
        table({"turns": turns, "place": [{"x": 1, "y": [None]}, None], "n": [2**62, None]})
    )
    assert found.values() == [
        {"turns": turns[0], "place": {"x": 1, "y": [None]}, "n": 2**62},
        {"turns": [], "place": None, "n": None},
    ]


def test_times_and_decimals_become_text(look: Callable) -> None:
    moment = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    columns = {
        "second": pa.array([moment], pa.timestamp("s", "UTC")),
        "nano": pa.array([1_577_934_245_000_000_001], pa.timestamp("ns")),
        "day": [moment.date()],
        "price": [decimal.Decimal("1.10")],
        "word": pa.array(["a"]).dictionary_encode(),
        "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    }
    (row,) = look(table(columns)).values()
    assert row["second"].startswith("2020-01-02T03:04:05")
    assert row["nano"].endswith("03:04:05.000000001")
    assert (row["day"], row["price"], row["word"]) == ("2020-01-02", "1.10", "a")
    assert row["map"] == {"k": 1}


def test_pictures_are_left_out_and_named(look: Callable) -> None:
    picture = {"bytes": b"\x89PNG", "path": "a.png"}
    found = look(table({"q": ["a"], "image": [picture], "sound": [b"\x00"], "l": [[b"x"]]}))
    assert found.values() == [{"q": "a"}]
    assert [note.split('"')[1] for note in found.parts[0].notes] == ["image", "sound", "l"]


def test_a_table_of_pictures_alone_is_refused(look: Callable) -> None:
    with pytest.raises(StudioError, match="pictures"):
        look(table({"image": [b"\x89PNG"]}))


def test_rows_are_numbered_over_row_groups(look: Callable) -> None:
    found = look(table({"n": list(range(5000))}, row_group_size=700))
    assert [row["n"] for row in found.values()] == list(range(5000))
    assert [line for line, _ in found.places] == list(range(1, 5001))


def test_a_text_that_is_not_utf8_costs_its_own_row_only(look: Callable) -> None:
    texts = pa.array([b"a", b"\xff\xfe", b"c"]).view(pa.string())
    found = look(table({"q": texts}))
    assert [r if isinstance(r, str) else json.loads(r) for r in found.records] == [
        {"q": "a"},
        "not_utf8",
        {"q": "c"},
    ]


def test_damage_is_told(look: Callable) -> None:
    whole = table({"q": ["long " * 50 + str(n) for n in range(3000)]}, compression="gzip")
    with pytest.raises(StudioError, match="list of columns"):
        look(whole[:-30])
    with pytest.raises(StudioError, match="beyond row"):
        look(whole[:100] + b"\xff" * 400 + whole[500:])


def test_a_bomb_is_refused_before_it_unfolds(look: Callable) -> None:
    bomb = table({"q": ["x" * 40_000_000] * 2}, compression="gzip", use_dictionary=False)
    with pytest.raises(StudioError, match="100 times"):
        look(bomb)


def test_a_table_that_unfolds_without_end_is_refused(look: Callable) -> None:
    small = table({"q": ["x" * 1000] * 100_000})
    assert len(small) < 100_000
    with pytest.raises(StudioError, match="unpacked"):
        look(small, Limits(most_bytes=50_000_000))
