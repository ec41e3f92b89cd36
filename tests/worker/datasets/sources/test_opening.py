"""A file is recognised by what it holds, whatever it is called; any bytes end in a sentence."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import StudioError
from worker.datasets.sources.batch import Limits
from worker.datasets.sources.opening import opened

ROWS = [{"question": "Why?", "answer": "So, “then”."}, {"question": "How?", "answer": "ä\nö"}]


def as_csv(delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["question", "answer"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


def as_parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


def as_zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


TEXTS = {
    "jsonl": "\n".join(json.dumps(row) for row in ROWS).encode(),
    "list": json.dumps(ROWS).encode(),
    "pretty list": json.dumps(ROWS, indent=2).encode(),
    "data": json.dumps({"version": "1.0", "data": ROWS}, indent=1).encode(),
    "rows": json.dumps({"rows": [{"row_idx": 0, "row": row} for row in ROWS]}).encode(),
    "columns": json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}).encode(),
    "following": "\n".join(json.dumps(row, indent=4) for row in ROWS).encode(),
    "csv": as_csv(","),
    "semicolons": as_csv(";"),
    "tsv": as_csv("\t"),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("packed", ["", "gzip", "zip"])
def test_every_kind_is_recognised_in_every_wrapping(
    look: Callable, kind: str, encoding: str, packed: str
) -> None:
    content = TEXTS[kind].decode().encode(encoding)
    if packed == "gzip":
        content = gzip.compress(content)
    if packed == "zip":
        content = as_zip(**{"folder/a.file": content})
    assert look(content).values() == ROWS


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda table: as_zip(**{"a.b": table})])
def test_parquet_is_recognised_in_every_wrapping(look: Callable, pack: Callable) -> None:
    found = look(pack(as_parquet()))
    assert found.values() == ROWS
    assert [part.format for part in found.parts] == ["parquet"]


def test_plain_lines_can_be_cut_into_ranges_and_nothing_else_can(look: Callable) -> None:
    assert look(TEXTS["jsonl"]).parts[0].path
    for other in (gzip.compress(TEXTS["jsonl"]), TEXTS["list"], TEXTS["csv"]):
        assert look(other).parts[0].path is None
    assert look(TEXTS["jsonl"].decode().encode("utf-16")).parts[0].path is None


@pytest.mark.parametrize(
    "content",
    [
        b'{"text": "a"}\n{"text": "b"}\n',
        b'{"text": "only"}',
        b'{"text": "cut',
        b'[\n{"text": "a"}\n{"text": "b"}\n',
        b'{"text":\n"a"}\n{"text": "b"}\n{"text": "c"}\n',
        b'["a"]\n{"text": "b"}\n',
        b'{"text": "' + b"long " * 100_000 + b'"}\n{"text": "b"}\n',
        b'{"broken\n{"text": "b"}\n',
        b'{"data": [\n{"text": "b"}\n{"text": "c"}\n',
        b'"q", "a"\n{"text": "b"}\n',
        b"plain words\n",
        b"\n\n",
        b"",
    ],
)
def test_one_odd_line_does_not_make_lines_anything_else(look: Callable, content: bytes) -> None:
    found = look(content)
    assert [part.format for part in found.parts] == ["jsonl"]
    assert found.records == content.splitlines()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7 ...", "PDF"),
        (b"  <!DOCTYPE html><p>Not found", "web page"),
        (b"7z\xbc\xaf\x27\x1c...", "7z"),
        (b"SQLite format 3\x00...", "SQLite"),
        (b"PAR1 and nothing", "Parquet"),
        (b"PK\x03\x04 and nothing", "zip"),
        (gzip.compress(gzip.compress(b'{"text": "a"}')), "packed again"),
        (as_zip(**{"xl/workbook.xml": b"<x/>"}), "Excel"),
        (as_zip(**{"word/document.xml": b"<x/>"}), "Word"),
        (as_zip(**{"a.zip": as_zip(a=b"")}), "another archive"),
        (as_zip(**{"README.md": b"# Hello"}), "no file with examples"),
        (b"question,answer\n", "no rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "content",  # packed bytes hold the time
)
def test_what_cannot_be_used_is_named(look: Callable, content: bytes, words: str) -> None:
    with pytest.raises(StudioError, match=words) as refused:
        look(content)
    assert refused.value.hint


def test_an_archive_gives_a_part_for_every_file_and_names_what_it_left_out(
    look: Callable,
) -> None:
    found = look(
        as_zip(
            **{
                "one.jsonl": b'{"text": "a"}\n{"text": "b"}\n',
                "folder/two.csv": b"text,n\nc,1\n",
                "__MACOSX/._one.jsonl": b"rubbish",
                ".DS_Store": b"rubbish",
                "README.txt": b"Read me",
                "picture.png": b"\x89PNG\r\n\x1a\n",
            }
        )
    )
    assert [part.name for part in found.parts] == ["one.jsonl", "folder/two.csv"]
    assert [row["text"] for row in found.values()] == ["a", "b", "c"]
    (note,) = found.parts[0].notes
    assert "README.txt" in note
    assert "picture.png" in note
    assert "DS_Store" not in note


def test_a_damaged_file_in_an_archive_is_not_left_out_quietly(look: Callable) -> None:
    content = as_zip(**{"a.jsonl": b'{"text": "a"}', "b.parquet": as_parquet()[:-9]})
    with pytest.raises(StudioError, match=r"b\.parquet"):
        look(content)


def test_the_same_file_gives_the_same_records_again(look: Callable) -> None:
    for content in (*TEXTS.values(), as_parquet(), gzip.compress(TEXTS["csv"])):
        (part,) = look(content).parts
        first, second = list(part.batches()), list(part.batches())
        assert [list(batch.lines) for batch in first] == [list(batch.lines) for batch in second]
        assert first[-1].read == part.size


JSON_LIKE = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b" ", b'"a"', b"1", b"\r", b"\xff"]
    )
    | st.sampled_from(
        [b'{"a": 1}', b'{"data": [', b'{"train": [', b"NaN", b"\x00", b"\xef\xbb\xbf"]
    ),
    max_size=25,
).map(b"".join)
TABLE_LIKE = st.lists(
    st.sampled_from([b"a", b",", b";", b"\t", b'"', b"\n", b"\r\n", b"text", b"\xe4", b"\x81"]),
    max_size=30,
).map(b"".join)
START = st.sampled_from(
    [b"", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\x00\x00", b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08"]
)
GOOD_FILES = st.sampled_from(
    [*TEXTS.values(), as_parquet(), gzip.compress(TEXTS["list"]), as_zip(**{"a.b": TEXTS["csv"]})]
)
DAMAGED = st.tuples(GOOD_FILES, st.integers(0, 2000), st.binary(max_size=4)).map(
    lambda made: made[0][: made[1] % len(made[0])] + made[2] + made[0][made[1] % len(made[0]) + 1 :]
)
CUT = st.tuples(GOOD_FILES, st.integers(0, 2000)).map(lambda made: made[0][: made[1]])


@settings(max_examples=1500, deadline=None)
@given(st.binary() | JSON_LIKE | TABLE_LIKE | DAMAGED | CUT, START, st.booleans())
def test_any_bytes_end_in_records_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, start: bytes, packed: bool
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(gzip.compress(start + content, 1) if packed else start + content)
    try:
        parts = opened(path, Limits())
        batches = [(part, batch) for part in parts for batch in part.batches()]
    except StudioError:
        return
    for part, batch in batches:
        assert len(batch.lines) == len(batch.numbers) == len(batch.columns or batch.numbers)
        assert batch.lines
        if part.format in {"csv", "tsv", "parquet"}:
            assert all(json.loads(line) for line in batch.lines if isinstance(line, bytes) and line)
