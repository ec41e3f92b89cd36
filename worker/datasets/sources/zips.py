"""The files inside a zip archive, read as streams: nothing is ever unpacked onto the disk."""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from storage.errors import StudioError
from worker.datasets.faults import quoted
from worker.datasets.sources.batch import Limits
from worker.datasets.sources.content import BLOCK, Block, Content
from worker.datasets.sources.packed import watch

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
MOST_MEMBERS = 10_000
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OSError,
)
_SAVE_AS_CSV = "Save the sheet as CSV (in the spreadsheet: Save as, CSV UTF-8) and upload that."
_OFFICE = (
    ("xl/", "an Excel workbook", _SAVE_AS_CSV),
    ("word/", "a Word document", "Copy its text into a table or a JSONL file and upload that."),
    ("ppt/", "a PowerPoint presentation", "Copy its text into a table and upload that."),
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Member(Content):
    """One file inside an archive."""

    path: Path
    info: zipfile.ZipInfo
    limits: Limits

    @property
    def size(self) -> int:  # type: ignore[override]  # as the archive states it
        """Bytes unpacked; the archive's word, which reading more than it would prove a lie."""
        return self.info.file_size

    def blocks(self) -> Iterator[Block]:
        """Unpacks block by block.

        Raises:
            StudioError: damaged, or unfolding beyond the limits.
        """
        name, read = f"The file {quoted(self.info.filename, 80)} in the archive", 0
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.info) as stream:
                while block := stream.read(BLOCK):
                    read += len(block)
                    watch(self.limits, read, self.info.compress_size, name)
                    yield block, read
        except _UNREADABLE:
            raise StudioError(
                f"{name} is damaged: it cannot be unpacked beyond byte {read:,}.",
                "Copy or download the archive again, or pack it anew.",
            ) from None


def members(path: Path, limits: Limits) -> list[Member]:
    """The files of an archive, in its order; without folders and what systems add unasked.

    Raises:
        StudioError: damaged, an office document, with a password, too many or too large members,
            or one whose path climbs out of the archive's folder.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except _UNREADABLE:
        raise StudioError(
            "This zip archive is damaged or cut off: its list of files cannot be read.",
            "Copy or download it again, or pack it anew.",
        ) from None
    _refuse_office(infos)
    if len(infos) > MOST_MEMBERS:
        raise StudioError(
            f"The archive holds {len(infos):,} files; {MOST_MEMBERS:,} are the most.",
            "Join the examples into a few larger files first.",
        )
    wanted = [info for info in infos if not _unasked(info)]
    for info in wanted:
        _refuse_member(info)
    watch(limits, sum(info.file_size for info in wanted), path.stat().st_size, "The archive")
    return [Member(path, info, limits) for info in wanted]


def _refuse_office(infos: list[zipfile.ZipInfo]) -> None:
    """Office files are zip archives too; the names inside tell which."""
    for folder, name, hint in _OFFICE:
        if any(info.filename.startswith(folder) for info in infos):
            raise StudioError(f"This file is {name}.", hint)
    if any(info.filename == "META-INF/manifest.xml" for info in infos):
        raise StudioError("This file is an OpenDocument file.", _SAVE_AS_CSV)


def _unasked(info: zipfile.ZipInfo) -> bool:
    """Folders, links, and the hidden files that operating systems add."""
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    hidden = any(part == "__MACOSX" or (part[0] == "." and part != "..") for part in parts)
    link = stat.S_ISLNK(info.external_attr >> 16)
    return not parts or info.is_dir() or hidden or link


def _refuse_member(info: zipfile.ZipInfo) -> None:
    name = quoted(info.filename, 80)
    path = info.filename.replace("\\", "/")
    if ".." in path.split("/") or path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise StudioError(
            f"The archive holds a file whose path leads out of it: {name}.",
            "Pack the files anew, without folders above them; nothing of this archive was used.",
        )
    if info.flag_bits & 1:
        raise StudioError(
            f"The file {name} in the archive is protected with a password.",
            "Pack it again without a password.",
        )
    if info.compress_type not in _METHODS:
        raise StudioError(
            f"The file {name} in the archive is packed in a way that is not known here.",
            'Pack it again as a normal zip archive (method "deflate").',
        )
