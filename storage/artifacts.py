"""The only door to files: written aside, flushed to disk, renamed, with a manifest that vouches."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage import ids
from storage.errors import StudioError

MANIFEST = "manifest.json"
_BLOCK = 1 << 20


class Damaged(StudioError):
    """A folder's files are not the ones its manifest names."""


class Artifacts:
    """The folders below the studio's home.

    Args:
        home: the studio's folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    def dataset(self, sha256: str) -> Path:
        """Folder of a dataset, by the hash of the uploaded file's content."""
        if len(sha256) != 64 or not sha256.isalnum():
            raise ValueError(f"not a sha256: {sha256!r}")
        return self.home / "datasets" / sha256

    def base_model(self, base_model_id: str) -> Path:
        """Folder of a base model that the studio built or downloaded."""
        return self._named("models", base_model_id)

    def run(self, run_id: str) -> Path:
        """Folder of a run: its log, its checkpoints and its working folders."""
        return self._named("runs", run_id)

    def adapter(self, adapter_id: str) -> Path:
        """Folder of a finished adapter in PEFT's layout."""
        return self._named("adapters", adapter_id)

    def work(self, identifier: str) -> Path:
        """Folder of background work on a dataset, a base model or an analysis: its log."""
        return self._named("work", identifier)

    def log_file(self, run_id: str) -> Path:
        """The file that a run's child writes its log to."""
        return self.run(run_id) / "log.txt"

    def scratch(self) -> Path:
        """Return a new empty folder below the home, on the same volume, for work in progress."""
        parent = self.home / "scratch"
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=parent))

    def sweep_scratch(self, seconds: float) -> None:
        """Remove work in progress that nobody has touched for so long: it was left behind."""
        before = time.time() - seconds
        for folder in (self.home / "scratch").glob("*"):
            if max(path.stat().st_mtime for path in (folder, *folder.glob("*"))) < before:
                remove(folder)

    def _named(self, kind: str, identifier: str) -> Path:
        if not ids.is_safe(identifier):
            raise ValueError(f"not an identifier: {identifier!r}")
        return self.home / kind / identifier


@contextmanager
def staged(target: Path, about: dict[str, Any] | None = None) -> Iterator[Path]:
    """Give an empty folder to fill; when the block ends well it becomes `target`, whole.

    The staging folder lies beside the target (same volume). Every file is fsynced, the manifest
    (names, sizes, sha256, `about`) is written last, the folder renamed and its parent fsynced. When
    the block raises, nothing of it is left.

    Raises:
        FileExistsError: `target` is already there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield staging
        publish(staging, target, about)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Hold the only right to make `target`, and clear away what a killed maker has left of it.

    Whoever comes second waits until the first has ended, however it ends.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in target.parent.glob(f".{target.name}.*/"):
            remove(left)
        yield


def publish(staging: Path, target: Path, about: dict[str, Any] | None = None) -> None:
    """Seal a filled folder with a manifest and rename it to `target` (see `staged`).

    Raises:
        FileExistsError: `target` is already there.
    """
    if target.exists():
        raise FileExistsError(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {"about": about or {}, "files": [_entry(staging, path) for path in _files(staging)]}
    manifest = staging / MANIFEST
    manifest.write_text(json.dumps({**content, "seal": _seal(content)}, indent=1), "utf-8")
    _fsync(manifest)
    for folder in (*(path for path in sorted(staging.rglob("*")) if path.is_dir()), staging):
        _fsync(folder)
    _rename(staging, target)
    _fsync(target.parent)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a folder's manifest: `about` and `files` (name, size in bytes, sha256).

    Raises:
        Damaged: there is none, it cannot be read, or it is not as it was written.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise Damaged(f"{folder.name} is not complete: its manifest is missing.") from error
    if not isinstance(manifest, dict) or manifest.pop("seal", None) != _seal(manifest):
        raise Damaged(f"{folder.name} is damaged: its manifest has changed.")
    return manifest


def verify(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder after comparing every file's size and sha256 with it.

    Raises:
        Damaged: a file is missing, has another size, or has another content.
    """
    manifest = read_manifest(folder)
    for entry in manifest["files"]:
        path = folder / entry["name"]
        if not path.is_file():
            raise Damaged(f"{folder.name} is not complete: {entry['name']} is missing.")
        if path.stat().st_size != entry["size"] or sha256(path) != entry["sha256"]:
            raise Damaged(f"{folder.name} is damaged: {entry['name']} has changed.")
    return manifest


def sha256(path: Path) -> str:
    """Return the hex sha256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_private(path: Path, text: str) -> None:
    """Write a small file that only its owner may read, aside and renamed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder; 0 where there is none."""
    return sum(path.stat().st_size for path in _files(folder)) if folder.is_dir() else 0


def remove(folder: Path) -> None:
    """Delete a folder: renamed out of sight first, so that it is never seen half-deleted."""
    if not folder.exists():
        return
    doomed = folder.with_name(f".deleted-{folder.name}-{os.getpid()}")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _rename(staging: Path, target: Path) -> None:
    try:
        staging.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        raise FileExistsError(target) from error  # somebody else published it meanwhile


def _seal(content: dict[str, Any]) -> str:
    """Return the sha256 of a manifest's content, so that a change in the manifest shows too."""
    as_read = json.loads(json.dumps(content))  # keys that are no text become text
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _entry(staging: Path, path: Path) -> dict[str, Any]:
    _fsync(path)
    name = path.relative_to(staging).as_posix()
    return {"name": name, "size": path.stat().st_size, "sha256": sha256(path)}


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
