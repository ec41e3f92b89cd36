"""Bringing a base model in: a local folder as it lies there, or a download from the hub."""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from storage import model_facts, weight_files
from storage.errors import Fault, StudioError
from storage.model_facts import ModelFacts
from worker.models import check
from worker.models.config_check import config_faults, tokenizer_faults
from worker.models.hub import INCOMPLETE, Hub, Listing
from worker.training import template_trial
from worker.training.template_trial import BadTemplate

Report = Callable[[float, str], None]

# Everything a base model needs beside its weights. Never code, never pickles.
_WANTED = re.compile(
    r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab"
    r"|chat_template)\.json|merges\.txt|tokenizer\.model|chat_template\.jinja"
    r"|README\.md|LICEN[SC]E(\.txt|\.md)?|model\.safetensors\.index\.json"
)
_UNHASHED = re.compile(r"README.*|LICEN[SC]E.*")

# Room that must stay free beside the download, as a share of it.
_MARGIN = 0.1
_SECONDS_BETWEEN_REPORTS = 0.5
_SAMPLES = 16
_SAMPLE_BYTES = 4096


def import_folder(path: str, report: Report) -> ModelFacts:
    """Check a model folder of the person's and read its facts; it is used in place, not copied.

    Args:
        path: absolute path; `~` is the home folder.
        report: told the share done (0 to 1) and what is happening.

    Raises StudioError, or check.UnusableModel with every fault, where it is no base model.
    """
    folder = _existing_folder(path)
    report(0.0, "Checking the folder")
    facts = _accepted(folder, f"The folder {folder}")
    report(1.0, "Checked")
    return facts


def download(
    name: str,
    revision: str | None,
    target: Path,
    token: str | None,
    report: Report,
    endpoint: str | None = None,
) -> ModelFacts:
    """Download a model from the hub into `target` and read its facts.

    Files arrive in a folder beside `target`, which appears when everything is there and checked.
    A second call goes on where a kill, an error or a cancel ended the first, and one after success
    only reads the facts. `report` may raise in order to cancel.

    Args:
        name: the model as owner/name.
        revision: branch, tag or commit; None for the newest.
        target: the folder to make.
        token: access token; None for the one in the environment.
        report: told the share done (0 to 1) and "Downloading 1.2 of 6.4 GB".
        endpoint: address of the hub; None for the public one.

    Raises StudioError, or check.UnusableModel where the hub's model is no base model.
    """
    hub = Hub(name, token, endpoint)
    if target.exists():
        return _accepted(target, hub.name)
    report(0.0, "Asking the hub for the list of files")
    listing = hub.listing(revision or None)
    _refuse(hub.name, check.name_faults(set(listing.sizes)))
    aside = _aside(target, listing.commit)
    _fetch_all(hub, listing, aside, report)
    facts = _accepted(aside, hub.name)
    _make_durable(aside, target)
    return facts


def discard_partial(target: Path) -> None:
    """Remove what unfinished downloads into `target` have left on disk."""
    for folder in _asides(target):
        shutil.rmtree(folder)


def fingerprint(folder: Path) -> str:
    """Return a hash that changes when the model does: 64 hexadecimal digits.

    Covers names, sizes, the configuration, tokenizer files and weight headers in full, and 16
    samples of 4 KiB of each weight file, so that it is cheap and still notices a model of the same
    shape that was trained further. README and licence do not count.
    """
    digest = hashlib.sha256()
    small = [
        path
        for path in folder.iterdir()
        if _WANTED.fullmatch(path.name) and not _UNHASHED.fullmatch(path.name)
    ]
    for path in sorted(small):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    for path in weight_files.of_folder(folder):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(json.dumps(weight_files.json_header(path), sort_keys=True).encode())
        for sample in _samples(path):
            digest.update(sample)
    return digest.hexdigest()


def _existing_folder(path: str) -> Path:
    try:
        folder = Path(path.strip()).expanduser()
        if not folder.is_absolute():
            raise StudioError(
                f"'{path}' is not a full path.", "Start it with / or ~, up to the model's folder."
            )
        if not folder.exists():
            raise StudioError(f"There is no folder {str(folder)!r}.", "Check the spelling.")
        if not folder.is_dir():
            raise StudioError(f"{folder} is a file.", "Name the folder that it lies in.")
    except (ValueError, RuntimeError, OSError) as error:
        raise StudioError(f"{path[:200]!r} cannot be opened: {error}.") from error
    return folder.resolve()


def _accepted(folder: Path, what: str) -> ModelFacts:
    try:
        _refuse(what, check.check_folder(folder))
        return _with_template_tried(folder, model_facts.read(folder))
    except PermissionError as error:
        raise StudioError(
            f"The studio may not read {error.filename}.", "Give its user the right to read it."
        ) from error


def _with_template_tried(folder: Path, facts: ModelFacts) -> ModelFacts:
    """Try the model's chat template; a broken one is told, as another can be chosen for a run."""
    for template in model_facts.chat_templates(folder)[:1]:
        try:
            template_trial.require_sound(template, template_trial.special_tokens_of(folder))
        except BadTemplate as fault:
            return facts.model_copy(update={"chat_template_fault": fault.message})
    return facts


def _refuse(what: str, faults: list[Fault]) -> None:
    if faults:
        raise check.UnusableModel(what, faults)


def _aside(target: Path, commit: str) -> Path:
    """Return the folder for the files of one commit; partial ones of other commits go."""
    aside = target.with_name(f"{target.name}.{commit[:12]}.part")
    for folder in _asides(target):
        if folder != aside:
            shutil.rmtree(folder)
    aside.mkdir(parents=True, exist_ok=True)
    return aside


def _asides(target: Path) -> list[Path]:
    if not target.parent.is_dir():
        return []
    name = re.compile(re.escape(target.name) + r"\.[0-9a-f]*\.part")
    return [path for path in target.parent.iterdir() if name.fullmatch(path.name)]


def _fetch_all(hub: Hub, listing: Listing, aside: Path, report: Report) -> None:
    """Fetch the small files, look at them, and only then the weights."""
    small = [file for file in sorted(listing.sizes) if _WANTED.fullmatch(file)]
    everything = sum(listing.sizes[file] for file in [*small, *_likely_weights(listing)])
    progress = _Progress(everything, report)
    _fetch(hub, listing, small, aside, progress)
    _refuse(hub.name, config_faults(aside))
    _refuse(hub.name, tokenizer_faults(aside, model_facts.read_config(aside)))
    weights = _weights(listing, aside)
    progress.total = sum(listing.sizes[file] for file in [*small, *weights])
    _require_room(sum(_left(listing, file, aside) for file in weights), aside)
    _fetch(hub, listing, weights, aside, progress)


def _fetch(
    hub: Hub, listing: Listing, files: Iterable[str], aside: Path, progress: "_Progress"
) -> None:
    for file in files:
        if _left(listing, file, aside) or not (aside / file).exists():
            hub.fetch(file, listing.commit, aside / file, progress.in_file)
        progress.file_done(listing.sizes[file])


def _likely_weights(listing: Listing) -> list[str]:
    single = [file for file in listing.sizes if file == weight_files.SINGLE]
    return single or [file for file in listing.sizes if file.endswith(".safetensors")]


def _weights(listing: Listing, aside: Path) -> list[str]:
    """Return the weight files; others of the same suffix are often the same weights again."""
    if weight_files.SINGLE in listing.sizes:
        return [weight_files.SINGLE]
    shards = [path.name for path in weight_files.of_folder(aside)]
    missing = [file for file in shards if file not in listing.sizes]
    if missing:
        message = f"Missing on the hub: {len(missing)} of {len(shards)}: {', '.join(missing[:5])}."
        _refuse("The model", [Fault("weights", message)])
    return shards


def _left(listing: Listing, file: str, aside: Path) -> int:
    """Return how many bytes of a file are still to come."""
    if (aside / file).exists():
        return 0
    incomplete = aside / (file + INCOMPLETE)
    arrived = incomplete.stat().st_size if incomplete.exists() else 0
    return max(listing.sizes[file] - arrived, 0)


def _require_room(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed * (1 + _MARGIN):
        raise StudioError(
            f"Disk full: need {_amount(needed * (1 + _MARGIN))}, have {_amount(free)}.",
            "Free some space, or choose a smaller model.",
        )


class _Progress:
    """Bytes of all files together, reported at most twice a second."""

    def __init__(self, total: int, report: Report) -> None:
        self.total = total
        self._report = report
        self._before = 0
        self._last = float("-inf")

    def in_file(self, arrived: int) -> None:
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_REPORTS:
            self._last = now
            self._tell(self._before + arrived)

    def file_done(self, size: int) -> None:
        self._before += size
        if self._before >= self.total:
            self._tell(self._before)

    def _tell(self, done: int) -> None:
        unit = _unit(self.total)
        text = f"Downloading {done / unit[1]:.1f} of {self.total / unit[1]:.1f} {unit[0]}"
        self._report(min(done / self.total, 1.0) if self.total else 1.0, text)


def _unit(size: float) -> tuple[str, int]:
    return next((u for u in (("GB", 10**9), ("MB", 10**6)) if size >= u[1]), ("kB", 1000))


def _amount(size: float) -> str:
    name, unit = _unit(size)
    return f"{size / unit:.1f} {name}"


def _make_durable(aside: Path, target: Path) -> None:
    """Rename the finished folder; the files in it have been flushed one by one."""
    _flush_folder(aside)
    aside.rename(target)
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _samples(path: Path) -> Iterable[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        for part in range(_SAMPLES):
            file.seek(max(size - _SAMPLE_BYTES, 0) * part // (_SAMPLES - 1))
            yield file.read(_SAMPLE_BYTES)
