"""Archives are read as streams, and none of their tricks reaches the disk or the memory."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest

from storage.errors import StudioError
from worker.datasets.sources import packed, zips
from worker.datasets.sources.batch import Limits

LINE = b'{"text": "a"}\n'


def archive(
    *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as writer:
        for name, content in members:
            writer.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "name", ["../a.jsonl", "b/../../a.jsonl", "/etc/a.jsonl", "C:\\a.jsonl", "..\\a.jsonl"]
)
def test_a_path_that_climbs_out_is_refused_by_name(look: Callable, name: str) -> None:
    with pytest.raises(StudioError, match="leads out") as refused:
        look(archive(("good.jsonl", LINE), (name, LINE)))
    assert "a.jsonl" in refused.value.message


def test_a_name_that_only_looks_like_climbing_is_fine(look: Callable) -> None:
    assert look(archive(("data..v2.jsonl", LINE))).records == [LINE[:-1]]


def test_links_and_hidden_files_are_passed_over(look: Callable) -> None:
    link = zipfile.ZipInfo("link.jsonl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = archive((link, b"/etc/passwd"), (".hidden/b.jsonl", LINE), ("c.jsonl", LINE))
    found = look(content)
    assert [part.name for part in found.parts] == ["c.jsonl"]


def test_a_password_is_named(look: Callable) -> None:
    content = bytearray(archive(("secret.jsonl", LINE)))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + flags] |= 1
    with pytest.raises(StudioError, match=r"secret.jsonl.*password"):
        look(bytes(content))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(look: Callable, method: int) -> None:
    with pytest.raises(StudioError, match="not known"):
        look(archive(("a.jsonl", LINE), method=method))


def test_damage_within_a_file_is_told_with_its_name(look: Callable) -> None:
    content = bytearray(archive(("torn.jsonl", LINE * 50_000)))
    content[content.index(b"PK\x01\x02") - 20] ^= 0xFF
    with pytest.raises(StudioError, match=r"torn.jsonl.*damaged"):
        look(bytes(content))


def test_a_damaged_list_of_files_is_refused(look: Callable) -> None:
    with pytest.raises(StudioError, match="damaged or cut off"):
        look(archive(("a.jsonl", LINE * 100))[:-30])


def test_a_bomb_is_refused_before_it_unfolds(look: Callable) -> None:
    bomb = archive(("bomb.jsonl", bytes(packed.RATIO_FROM + 1_000_000)))
    with pytest.raises(StudioError, match="100 times"):
        look(bomb)
    with pytest.raises(StudioError, match="larger than 1 MB"):
        look(archive(*((f"{n}.jsonl", LINE * 50_000) for n in range(3))), Limits(1_000_000))


def test_a_file_larger_than_the_archive_says_is_damaged(look: Callable) -> None:
    """An archive that lies about sizes gets no further than its own word."""
    content = bytearray(archive(("liar.jsonl", LINE * 50_000)))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<L", 1000)
    with pytest.raises(StudioError, match=r"liar.jsonl.*damaged"):
        look(bytes(content))


def test_too_many_files_are_refused(look: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "MOST_MEMBERS", 2)
    with pytest.raises(StudioError, match="3 files"):
        look(archive(*((f"{n}.jsonl", LINE) for n in range(3))))


def test_two_files_of_the_same_name_are_two_parts(look: Callable) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        content = archive(("a.jsonl", LINE), ("a.jsonl", b'{"text": "b"}'))
    assert look(content).records == [LINE[:-1], b'{"text": "b"}']
