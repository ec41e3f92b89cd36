"""Archives for download: a folder as one zip file that is the same byte for byte every time."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from storage import artifacts

_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold; a real one would make every archive differ."""


@contextmanager
def zip_of(
    files: artifacts.Artifacts, folder: Path, written: Mapping[str, bytes] = MappingProxyType({})
) -> Iterator[Path]:
    """Give the path of a zip of a folder, without its manifest; it is removed when the block ends.

    The entries lie at the top of the archive, sorted. Weights are stored, not deflated: they
    hardly get smaller.

    Args:
        files: where there is room for the zip.
        folder: what goes into it.
        written: files by name, in place of the folder's own or beside them.
    """
    scratch = files.scratch()
    try:
        archive = scratch / f"{folder.name}.zip"
        _write(archive, folder, written)
        yield archive
    finally:
        artifacts.remove(scratch)


def stream(archive: Path, block: int = 1 << 20) -> Iterator[bytes]:
    """Yield a file's content in blocks of at most that many bytes."""
    with archive.open("rb") as file:
        while content := file.read(block):
            yield content


def _write(archive: Path, folder: Path, written: Mapping[str, bytes]) -> None:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    stored = {path.relative_to(folder).as_posix(): path for path in paths}
    names = sorted((stored.keys() | written.keys()) - {artifacts.MANIFEST})
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, allowZip64=True) as target:
        for name in names:
            if name in written:
                _add(target, name, io.BytesIO(written[name]), len(written[name]))
                continue
            with stored[name].open("rb") as source:
                _add(target, name, source, stored[name].stat().st_size)


def _add(target: zipfile.ZipFile, name: str, source: BinaryIO, size: int) -> None:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.external_attr = 0o644 << 16
    entry.file_size = size
    with target.open(entry, "w") as sink:
        while block := source.read(1 << 20):
            sink.write(block)
