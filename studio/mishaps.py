"""What to tell a person of an error that nobody foresaw: an id to quote; the log has the rest."""

import secrets
from pathlib import Path
from typing import Any

import structlog

from storage import volumes
from storage.errors import StudioError
from studio.words import say

log = structlog.get_logger()


class Mishap(StudioError):
    """An error in plain words; `id` finds its traceback in the log, empty where it needs none."""

    def __init__(self, message: str, hint: str, identifier: str = "") -> None:
        super().__init__(message, hint)
        self.id = identifier


def told(error: Exception, home: Path | None = None, **where: Any) -> Mishap:
    """Return the words for an unforeseen error and write its traceback into the log.

    Args:
        error: what was raised; call this while it is being handled.
        home: the studio's folder: on its volume lies what an error does not name.
        where: what else the log should name, such as the path of a request.
    """
    if volumes.is_full(error):
        return Mishap(
            say("error.disk_full"), f"{say('error.disk_full_hint')}{_volume(error, home)}"
        )
    identifier = secrets.token_hex(4)
    log.error("unexpected", id=identifier, exc_info=error, **where)
    hint = say("error.unexpected_hint")
    return Mishap(say("error.unexpected", id=identifier), hint, identifier)


def _volume(error: Exception, home: Path | None) -> str:
    """Return where the volume is that an error is about, to be put after a sentence."""
    named = getattr(error, "filename", None)
    place = Path(named) if isinstance(named, str) else home
    return f" ({volumes.of(place)})" if place is not None else ""
