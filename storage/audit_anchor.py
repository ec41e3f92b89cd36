"""The newest entry of the audit trail, kept beside the database: an end that is cut off shows."""

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:  # the command line asks here and does not wait for it
    from sqlalchemy import URL

log = structlog.get_logger()

NAME: Final = "audit-newest"

_LINE = re.compile(rb"(\d{20}) ([0-9a-f]{64})\n")
_LENGTH = 86
"""One line of always the same length: it is written over in place, so it needs no free disk."""


@dataclass(frozen=True)
class Anchor:
    """An entry that was there: its number and its hash."""

    number: int
    hash: str


def place(address: "URL") -> Path | None:
    """Return the file beside a database; None where that is no file of this machine."""
    if not address.drivername.startswith("sqlite") or not address.database:
        return None
    return Path(address.database).with_name(NAME)


def read(path: Path) -> Anchor | None:
    """Return what is kept; None where nothing is there that could be read."""
    try:
        found = _LINE.fullmatch(path.read_bytes())
    except OSError:
        return None
    return Anchor(int(found[1]), found[2].decode()) if found else None


def keep(path: Path, newest: Anchor) -> None:
    """Keep the newest entry; one that is newer already stays. Never raises: what was done is done.

    Not flushed to disk by itself: after a power cut an older entry may stand here, which is true
    too. The next entry writes it again where it failed.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            known = _LINE.fullmatch(os.pread(descriptor, _LENGTH + 1, 0))
            if known is None or int(known[1]) < newest.number:
                os.pwrite(descriptor, f"{newest.number:020d} {newest.hash}\n".encode(), 0)
                os.ftruncate(descriptor, _LENGTH)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warning("audit_anchor_not_kept", path=str(path), reason=str(error))
