"""The audit trail over HTTP: read, checked, exported, and what is set for it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from storage.audit import Action, Entry, Wanted
from storage.audit_anchor import Anchor
from storage.audit_check import Break
from storage.audit_files import Kind
from storage.audit_rules import Rules
from storage.errors import Fault, Refused
from studio.api.person import Here, Person
from studio.services import audit

router = APIRouter(prefix="/audit", tags=["audit"])

KINDS: dict[Kind, str] = {"csv": "text/csv", "jsonl": "application/jsonl"}


class Asked(BaseModel):
    """Which entries; a period begins with `since` and ends before `until`."""

    model_config = ConfigDict(extra="forbid")

    action: Action | None = Field(None, description="What was done.")
    actor: str = Field("", max_length=64, description="By whom.")
    search: str = Field("", max_length=200, description="In the subject and the details.")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def wanted(self) -> Wanted:
        """Return it as the trail understands it."""
        words = self.search.strip()
        return Wanted(self.action or "", self.actor.strip(), words, self.since, self.until)


class AskedPage(Asked):
    """Which entries, and how many: those before a number, where one is given."""

    before: int | None = Field(None, ge=1)
    limit: int = Field(50, ge=1, le=500)


class AskedFile(Asked):
    """Which entries, and in which form."""

    format: Kind = "csv"


class EntryAnswer(BaseModel):
    """Something that was done; `hash` is over all the rest and `previous`."""

    number: int
    at: datetime | None
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    previous: str
    hash: str


class PageAnswer(BaseModel):
    """Entries, the newest first; `next` goes on from there as `before`, None at the end."""

    entries: list[EntryAnswer]
    next: int | None


class NewestAnswer(BaseModel):
    """An entry to keep elsewhere, for a later check."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    hash: str


class CheckedAnswer(BaseModel):
    """What a check has found; `broken` and `at` are None where the chain is whole."""

    model_config = ConfigDict(from_attributes=True)

    entries: int
    first: int
    last: NewestAnswer | None
    broken: Break | None
    at: int | None


@router.get("")
def listing(studio: Here, _owner: Person, asked: Annotated[AskedPage, Query()]) -> PageAnswer:
    """List what was done, newest first."""
    found = audit.page(studio, asked.wanted(), asked.before, asked.limit + 1)
    shown = found[: asked.limit]
    more = shown[-1].number if len(found) > asked.limit else None
    return PageAnswer(entries=[_answer(each) for each in shown], next=more)


@router.get("/verify")
def verify(
    studio: Here,
    _owner: Person,
    number: Annotated[int | None, Query(ge=1)] = None,
    hash: Annotated[str, Query(max_length=64)] = "",  # noqa: A002  (what the entry calls it)
) -> CheckedAnswer:
    """Check the whole chain; `number` and `hash` of an entry kept elsewhere are checked too."""
    if (number is None) is not (hash == ""):
        raise Refused([Fault("hash", "Give the number and the hash of an entry, or neither.")])
    known = None if number is None else Anchor(number, hash.strip().lower())
    return CheckedAnswer.model_validate(audit.check(studio, known))


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {kind: {} for kind in KINDS.values()}}},
)
def export(studio: Here, owner: Person, asked: Annotated[AskedFile, Query()]) -> StreamingResponse:
    """Download the entries, the oldest first: CSV for a spreadsheet, or JSONL to check again."""
    blocks = audit.export(studio, owner, asked.wanted(), asked.format)
    headers = {
        "Content-Disposition": f'attachment; filename="audit.{asked.format}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(blocks, headers=headers, media_type=KINDS[asked.format])


@router.get("/settings")
def rules(studio: Here, _owner: Person) -> Rules:
    """Show how much is kept of a question, and for how long."""
    return audit.rules(studio)


@router.put("/settings")
def set_rules(studio: Here, owner: Person, wanted: Rules) -> Rules:
    """Set how much is kept of a question, and for how many days; null: for ever."""
    audit.set_rules(studio, owner, wanted)
    return audit.rules(studio)


def _answer(entry: Entry) -> EntryAnswer:
    return EntryAnswer(**{**vars(entry), "at": entry.moment, "details": entry.told})
