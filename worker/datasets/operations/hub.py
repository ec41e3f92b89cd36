"""Fetches the data files of a dataset on the hub."""

import shutil
import time
import zipfile
from pathlib import Path

from storage.errors import StudioError
from storage.operations import Hub as Wanted
from worker.datasets.operations.hub_files import chosen
from worker.datasets.operations.stream import EVERY, Report
from worker.models.hub import INCOMPLETE, Hub

MOST_BYTES = 20_000_000_000
"""Of all files together, as they lie on the hub; as much as an upload may unfold to."""

_MARGIN = 1.1  # room on the disk, for each byte that is to come
_DOWNLOADED = 0.95  # share of the work that is done before the files are joined
_OLDEST = (1980, 1, 1, 0, 0, 0)


def download(
    operation: Wanted, target: Path, endpoint: str | None, token: str | None, report: Report
) -> None:
    """Fetch the files with rows: one file as it is, several as the members of a zip archive.

    The members keep their names and folders, which tell the split; they are not packed again.
    Equal files give an equal archive. Files arrive in a folder beside `target`: a second call with
    the same `target` goes on where a kill or an error ended the first.

    Args:
        operation: the dataset's name on the hub, its version, and the split wanted.
        target: the file to write.
        endpoint: address of the hub; None for the public one.
        token: access token; None for the one in the environment.
        report: told the share done and "Downloading 1.2 of 6.4 GB"; may raise to cancel.

    Raises:
        StudioError: the hub does not have it or does not give it, or it does not fit.
    """
    hub = Hub(operation.name, token, endpoint, "dataset")
    report(0.0, "Asking the hub for the list of files")
    listing = hub.all_files(operation.revision or None)
    files = chosen(listing.sizes, operation.split or None, hub.name)
    aside = _aside(target, listing.commit)
    _require_room(files, aside)
    arrived = _fetched(hub, files, listing.commit, aside, report)
    _join(arrived, target, aside)
    shutil.rmtree(aside)
    report(1.0, "Downloaded")


def _aside(target: Path, commit: str) -> Path:
    """The folder for the files of one commit; what an earlier call left of other commits goes."""
    aside = target.with_name(f"{target.name}.{commit[:12]}.part")
    for other in target.parent.glob(f"{target.name}.*.part"):
        if other != aside:
            shutil.rmtree(other)
    aside.mkdir(parents=True, exist_ok=True)
    return aside


def _require_room(files: dict[str, int], aside: Path) -> None:
    total = sum(files.values())
    if total > MOST_BYTES:
        raise StudioError(
            f"The data files have {_amount(total)}; {_amount(MOST_BYTES)} are the most.",
            "Choose one split, or download the files that you need and upload those.",
        )
    there = sum(file.stat().st_size for file in aside.iterdir())
    # Several files are there twice while they are being joined into one.
    needed = max(0, total - there) * _MARGIN + (total if len(files) > 1 else 0)
    free = shutil.disk_usage(aside).free
    if free < needed:
        raise StudioError(
            f"Disk full: need {_amount(needed)}, have {_amount(free)}.",
            "Free some space, or choose one split.",
        )


def _fetched(
    hub: Hub, files: dict[str, int], commit: str, aside: Path, report: Report
) -> dict[str, Path]:
    """The files on the disk by their names on the hub."""
    meter = _Meter(sum(files.values()), report)
    arrived: dict[str, Path] = {}
    for number, (file, size) in enumerate(files.items()):
        arrived[file] = aside / f"{number:05}"  # a name of the hub's is never a path of ours
        if not arrived[file].exists():
            hub.fetch(file, commit, arrived[file], meter.in_file)
        meter.before += size
    return arrived


class _Meter:
    """Bytes of all files together, told a few times a second."""

    def __init__(self, total: int, report: Report) -> None:
        self.before = 0
        self._total = total
        self._report = report
        self._next = 0.0

    def in_file(self, arrived: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        done = self.before + arrived
        share = min(done / self._total, 1.0) if self._total else 1.0
        words = f"Downloading {_amount(done)} of {_amount(self._total)}"
        self._report(share * _DOWNLOADED, words)


def _join(arrived: dict[str, Path], target: Path, aside: Path) -> None:
    if len(arrived) == 1:
        (only,) = arrived.values()
        only.replace(target)
        return
    archive = aside / ("archive" + INCOMPLETE)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as members:
        for name, path in arrived.items():
            member = zipfile.ZipInfo(name, _OLDEST)
            member.file_size = path.stat().st_size
            with path.open("rb") as content, members.open(member, "w") as stream:
                shutil.copyfileobj(content, stream, 1 << 20)
    archive.replace(target)


def _amount(size: float) -> str:
    units = (("GB", 1e9), ("MB", 1e6))
    name, unit = next((each for each in units if size >= each[1]), ("kB", 1e3))
    return f"{size / unit:.1f} {name}"
