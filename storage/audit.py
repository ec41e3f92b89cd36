r"""The audit trail: what was done, by whom, in a chain that shows what was changed afterwards.

An entry's hash is the SHA-256, in lower-case hex, of this JSON array:

    [number, at, actor, action, subject, details, previous]

without blanks, every character beyond ASCII written as \uXXXX (lower-case hex, two of them for
one beyond the first plane), as bytes. `number` is a number, all others are texts: `at` seconds
since 1970 with six decimals, `details` JSON itself as it stands in the column, `previous` the hash
of the entry before (64 zeros before the first). Whoever has an entry can so compute its hash
without the studio. What the chain shows, and what it cannot, says `storage.audit_check`.
"""

import hashlib
import json
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, event, func, insert, or_, select
from sqlalchemy.orm import Session

from storage import audit_anchor
from storage.database import Database
from storage.trust_tables import AuditRow

BEGINNING: Final = "0" * 64
"""What the first entry follows on."""

STUDIO: Final = "studio"
"""Who did what no person did: the worker that cleans up."""

LONGEST_SUBJECT: Final = 300

_NOTED = "audit"


class Action(StrEnum):
    """What can be done; the words for it are in `static/words`."""

    UPLOADED = "uploaded"
    MADE = "made"
    ADDED = "added"
    DELETED = "deleted"
    RESTORED = "restored"
    PURGED = "purged"
    DOWNLOADED = "downloaded"
    EXPORTED = "exported"
    STARTED = "started"
    STOPPED = "stopped"
    RESUMED = "resumed"
    EXTENDED = "extended"
    ASKED = "asked"
    JUDGED = "judged"
    EVALUATED = "evaluated"
    VOTED = "voted"
    VOTE_WITHDRAWN = "vote_withdrawn"
    PROFILE_CHANGED = "profile_changed"
    PROFILE_IN_FORCE = "profile_in_force"
    SETTINGS_CHANGED = "settings_changed"
    TRAIL_EXPORTED = "trail_exported"
    TRAIL_SHORTENED = "trail_shortened"


@dataclass(frozen=True)
class Entry:
    """Something that was done.

    Attributes:
        number: counts up from 1, without a gap.
        at: seconds since 1970, as text.
        actor: the person who did it; `STUDIO` where it was done by itself.
        action: what was done, see `Action`.
        subject: to what: an id, or the name of a contestant.
        details: JSON, an object.
        previous: hash of the entry before.
        hash: of this entry.
    """

    number: int
    at: str
    actor: str
    action: str
    subject: str
    details: str
    previous: str
    hash: str

    @property
    def moment(self) -> datetime | None:
        """When it was, in UTC; None where somebody has made it no number."""
        try:
            return datetime.fromtimestamp(float(self.at), UTC)
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def told(self) -> dict[str, Any]:
        """The details, read; as one text where somebody has made them no object."""
        try:
            found = json.loads(self.details)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"details": self.details}


@dataclass(frozen=True)
class Wanted:
    """Which entries: each that is given must fit.

    Attributes:
        action: what was done.
        actor: by whom.
        words: part of the subject or of the details.
        since: not before this moment.
        until: before this moment.
    """

    action: str = ""
    actor: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None


def note(
    session: Session, actor: str, action: Action, subject: str, details: dict[str, Any]
) -> Entry:
    """Add an entry, in the transaction that does what it tells: both are there, or none.

    The transaction must hold the write lock (`Database.write`), so that nobody else adds one at
    the same time. Control characters are kept as escapes; a subject is cut at 300 characters.
    After the commit the newest number and hash are kept beside the database too, unless what is
    kept there denies the trail as it is now: then that stays, so that a check finds it.
    """
    newest = select(AuditRow.number, AuditRow.hash).order_by(AuditRow.number.desc()).limit(1)
    last, previous = session.execute(newest).first() or (0, BEGINNING)
    number = last + 1
    told = json.dumps(details, sort_keys=True, separators=(",", ":"))
    said = f"{time.time():.6f}", plain(actor)[:64], str(action), plain(subject)[:LONGEST_SUBJECT]
    entry = Entry(number, *said, told, previous, digest(number, *said, told, previous))
    session.execute(insert(AuditRow).values(**vars(entry)))
    _keep_after_commit(session, entry)
    return entry


def noted(
    database: Database, actor: str, action: Action, subject: str, details: dict[str, Any]
) -> None:
    """Add an entry about something that changes no row, such as a download."""
    with database.write() as session:
        note(session, actor, action, subject, details)


def digest(number: int, *texts: str) -> str:
    """Return the hash of an entry: its number, then at, actor, action, subject, details, previous.

    The form is in the module's docstring.
    """
    form = json.dumps([number, *texts], separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(form.encode("ascii")).hexdigest()


def entries(
    database: Database, wanted: Wanted, *, before: int | None = None, most: int = 50
) -> list[Entry]:
    """Return the newest entries that are wanted, newest first.

    Args:
        database: the studio's.
        wanted: which.
        before: only those with a lower number, to go on from.
        most: so many at most.
    """
    query = _wanted(wanted).order_by(AuditRow.number.desc()).limit(most)
    with database.read() as session:
        if before is not None:
            query = query.where(AuditRow.number < before)
        return read(session.scalars(query).all())


def batch(session: Session, wanted: Wanted, after: int, most: int = 1000) -> list[Entry]:
    """Return the oldest entries that are wanted after a number, in order."""
    query = _wanted(wanted).where(AuditRow.number > after).order_by(AuditRow.number).limit(most)
    return read(session.scalars(query).all())


def read(rows: Sequence[AuditRow]) -> list[Entry]:
    """Return rows as entries."""
    names = Entry.__dataclass_fields__
    return [Entry(**{name: getattr(row, name) for name in names}) for row in rows]


def plain(text: str) -> str:
    """Return a text in one line: control and direction characters and half ones as escapes."""
    return "".join(
        each.encode("unicode_escape").decode("ascii")
        if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else each
        for each in text
    )


def seconds(moment: datetime) -> str:
    """Return a moment as entries hold it; texts of this form sort as the moments do."""
    return f"{moment.timestamp():.6f}"


def _wanted(wanted: Wanted) -> Select[Any]:
    query = select(AuditRow)
    if wanted.action:
        query = query.where(AuditRow.action == wanted.action)
    if wanted.actor:
        query = query.where(AuditRow.actor == wanted.actor)
    if wanted.words:
        written = json.dumps(wanted.words)[1:-1]  # as the details hold it
        query = query.where(
            or_(
                AuditRow.subject.icontains(wanted.words, autoescape=True),
                AuditRow.details.icontains(written, autoescape=True),
            )
        )
    if wanted.since is not None:
        query = query.where(AuditRow.at >= seconds(wanted.since))
    if wanted.until is not None:
        query = query.where(AuditRow.at < seconds(wanted.until))
    return query


def _keep_after_commit(session: Session, entry: Entry) -> None:
    path = audit_anchor.place(session.get_bind().engine.url)
    if path is None or not _agrees(session, audit_anchor.read(path)):
        return
    is_first = _NOTED not in session.info
    session.info[_NOTED] = path, audit_anchor.Anchor(entry.number, entry.hash)
    if is_first:
        event.listen(session, "after_commit", _keep_newest, once=True)


def _agrees(session: Session, kept: audit_anchor.Anchor | None) -> bool:
    """Tell whether the trail still holds the entry that is kept, or has removed it by the rules."""
    if kept is None:
        return True
    found = session.scalar(select(AuditRow.hash).where(AuditRow.number == kept.number))
    if found is not None:
        return found == kept.hash
    first = session.scalar(select(func.min(AuditRow.number)))
    return first is not None and kept.number < first


def _keep_newest(session: Session) -> None:
    audit_anchor.keep(*session.info.pop(_NOTED))
