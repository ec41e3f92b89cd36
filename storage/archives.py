"""Archives for download: a folder as one zip file that is the same byte for byte every time."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import artifacts

_MOMENT = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold; a real one would make every archive differ."""


@contextmanager
def zip_of(files: artifacts.Artifacts, folder: Path) -> Iterator[Path]:
    """Give the path of a zip of a folder, without its manifest; it is removed when the block ends.

    The entries lie at the top of the archive, sorted. Weights are stored, not deflated: they
    hardly get smaller.
    """
    scratch = files.scratch()
    try:
        archive = scratch / f"{folder.name}.zip"
        _write(archive, folder)
        yield archive
    finally:
        artifacts.remove(scratch)


def stream(archive: Path, block: int = 1 << 20) -> Iterator[bytes]:
    """Yield a file's content in blocks of at most that many bytes."""
    with archive.open("rb") as file:
        while content := file.read(block):
            yield content


def _write(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED, allowZip64=True) as target:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            if name != artifacts.MANIFEST:
                entry = zipfile.ZipInfo(name, _MOMENT)
                entry.external_attr = 0o644 << 16
                entry.file_size = path.stat().st_size
                with path.open("rb") as source, target.open(entry, "w") as sink:
                    while block := source.read(1 << 20):
                        sink.write(block)
