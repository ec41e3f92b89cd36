"""One model or dataset on the hub: what it consists of, and its files, resumed after a kill.

`hf_hub_download` of huggingface_hub 2.4 starts every file again after a kill: its partial file has
a random name and is removed on any error. So the files are fetched with the library's own
`http_get`, which can go on from a byte, into a partial file that stays.
"""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_url, is_offline_mode
from huggingface_hub.errors import HFValidationError
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import DatasetInfo, ModelInfo
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported at run time only
    build_hf_headers,
    validate_repo_id,
)

from storage.errors import StudioError
from worker.models import hub_errors
from worker.models.hub_errors import Kind

INCOMPLETE = ".incomplete"

# Seconds to wait before each further try of a request that failed for a passing reason.
_WAITS = (0.5, 1.0, 2.0)
_BLOCK = 1 << 20

_EXAMPLES: dict[str, str] = {"model": "Qwen/Qwen3-0.6B", "dataset": "tatsu-lab/alpaca"}

T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """The files of a repository at one commit, with their sizes in bytes."""

    commit: str
    sizes: dict[str, int]


class Hub:
    """The hub, asked for one model or dataset.

    Args:
        name: the repository as owner/name.
        token: access token; None for the one in the environment, if there is one.
        endpoint: address of the hub; None for the public one.
        kind: what the repository is.
    """

    def __init__(
        self, name: str, token: str | None, endpoint: str | None = None, kind: Kind = "model"
    ) -> None:
        self.name = checked_name(name, kind)
        self._kind = kind
        self._token = token or None
        self._endpoint = endpoint

    def listing(self, revision: str | None) -> Listing:
        """Return the files at the top of a model's repository. Raises StudioError."""
        everything = self.all_files(revision)
        # Only the top folder is a model; a name with a slash would also be a path to write to.
        sizes = {
            file: size
            for file, size in everything.sizes.items()
            if Path(file).name == file and "\\" not in file
        }
        return Listing(everything.commit, sizes)

    def all_files(self, revision: str | None) -> Listing:
        """Return all files, those in folders too, by names nobody has checked. Raises StudioError.

        Never write to such a name as a path.
        """
        api = HfApi(endpoint=self._endpoint, token=self._token)
        info: Callable[..., ModelInfo | DatasetInfo] = (
            api.model_info if self._kind == "model" else api.dataset_info
        )
        ask = partial(info, self.name, revision=revision, files_metadata=True)
        found = self._asking(ask, revision)
        sizes = {file.rfilename: file.size or 0 for file in found.siblings or []}
        return Listing(found.sha or "", sizes)

    def fetch(self, file: str, commit: str, target: Path, arrived: Callable[[int], None]) -> None:
        """Download one file, going on with what an earlier call left; verified, then renamed.

        Args:
            file: its name in the repository.
            commit: the commit it belongs to.
            target: where it goes; the partial file lies beside it.
            arrived: told how many bytes of the file are there, now and then.

        Raises StudioError; whatever `arrived` raises ends the download and is passed on.
        """
        self._asking(partial(self._fetch_once, file, commit, target, arrived), commit)

    def _fetch_once(
        self, file: str, commit: str, target: Path, arrived: Callable[[int], None]
    ) -> None:
        url = hf_hub_url(
            self.name, file, repo_type=self._kind, revision=commit, endpoint=self._endpoint
        )
        headers = build_hf_headers(token=self._token)
        found = get_hf_file_metadata(url, token=self._token, endpoint=self._endpoint)
        if urlsplit(found.location)[:2] != urlsplit(url)[:2]:
            headers.pop("authorization", None)  # the file store is somebody else's server
        if found.size is not None and found.size > constants.MAX_HTTP_DOWNLOAD_SIZE:
            raise StudioError(
                f"{file} is larger than the hub gives out in one piece.",
                f"Download the {self._kind} with 'hf download' and add it from this machine.",
            )
        incomplete = target.with_name(target.name + INCOMPLETE)
        with incomplete.open("ab") as stream:
            if found.size is not None and stream.tell() > found.size:
                stream.truncate(0)
            meter = _Meter(stream.tell(), arrived)
            http_get(
                found.location,
                stream,
                resume_size=meter.bytes,
                headers=headers,
                expected_size=found.size,
                tqdm_class=cast(Any, meter.started),
            )
            stream.flush()
            os.fsync(stream.fileno())
        _verify(incomplete, found.etag)
        incomplete.replace(target)

    def _asking(self, request: Callable[[], T], revision: str | None) -> T:
        """Make a request, again after a passing failure; say in words what stays wrong."""
        if is_offline_mode():
            raise hub_errors.offline(self._kind)
        for wait in (*_WAITS, None):
            try:
                return request()
            except (httpx2.HTTPError, OSError) as error:
                if wait is None or not hub_errors.is_passing(error):
                    told = "authorization" in build_hf_headers(token=self._token)
                    raise hub_errors.in_words(
                        error, self.name, revision, token=told, kind=self._kind
                    ) from error
                time.sleep(wait)
        raise AssertionError("the last try returns or raises")


def checked_name(name: str, kind: Kind = "model") -> str:
    """Return the name without surrounding blanks. Raises StudioError unless it is owner/name."""
    name = name.strip()
    try:
        validate_repo_id(name)
        well_formed = name.count("/") == 1
    except HFValidationError:
        well_formed = False
    if well_formed:
        return name
    example = f"The form is owner/name, for example {_EXAMPLES[kind]}."
    if "/" not in name:
        example += f" The owner is the part before the slash in the address of the {kind}'s page."
    elif "://" in name:
        parts = [part for part in urlsplit(name).path.split("/") if part]
        parts = parts[1:] if parts[:1] == ["datasets"] else parts
        example += f" Did you mean {'/'.join(parts[:2])}?" if len(parts) >= 2 else ""
    elif name.startswith(("/", "~", ".")):
        example += " For a folder on this machine, choose the local folder instead."
    raise StudioError(f"'{name[:200]}' is not the name of a {kind} on the hub.", example)


class _Meter:
    """Stands where the library expects a progress bar, and counts the bytes of one file."""

    def __init__(self, start: int, arrived: Callable[[int], None]) -> None:
        self.bytes = start
        self._arrived = arrived
        arrived(start)

    def started(self, **_bar: Any) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing is drawn, so nothing is cleared."""

    def update(self, more: int) -> None:
        """Count bytes; negative where the library starts the file again."""
        self.bytes += more
        self._arrived(self.bytes)


def _verify(path: Path, etag: str | None) -> None:
    """Compare a file with the hash that the hub names it by; remove it where they differ.

    The etag is the sha256 of a large file, and git's sha1 of a small one.
    """
    if etag is None or len(etag) not in (40, 64):
        return
    if len(etag) == 64:
        digest = hashlib.sha256()
    else:
        digest = hashlib.sha1(usedforsecurity=False)
        digest.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != etag:
        path.unlink()
        name = path.name.removesuffix(INCOMPLETE)
        raise StudioError(f"{name} arrived damaged.", "Try again; the file is fetched anew.")
