"""Files that only carry the name .jsonl are recognised by what they hold."""

import gzip
import zipfile
from pathlib import Path

import pytest

from storage.errors import StudioError
from worker.datasets.files import refuse_other_formats


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("train.jsonl", "zip archive"),
        ("xl/workbook.xml", "Excel workbook"),
        ("word/document.xml", "Word document"),
    ],
)
def test_archives_are_told_apart_by_their_members(tmp_path: Path, member: str, name: str) -> None:
    path = tmp_path / "mine.jsonl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, '{"text": "a"}')
    with pytest.raises(StudioError, match=name):
        refuse_other_formats(path)


def test_a_compressed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n'))
    with pytest.raises(StudioError, match="gzip"):
        refuse_other_formats(path)


@pytest.mark.parametrize(
    "content",
    [
        b'{"text": "a"}\n{"text": "b"}\n',
        b'[\n{"text": "a"}\n{"text": "b"}\n',
        b'{"text":\n"a"}\n{"text": "b"}\n{"text": "c"}\n',
        b'["a"]\n{"text": "b"}\n',
        b'{"text": "' + b"long " * 100_000 + b'"}\n{"text": "b"}\n',
        b'{"broken\n{"text": "b"}\n',
    ],
)
def test_one_odd_line_does_not_condemn_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(content)
    refuse_other_formats(path)
