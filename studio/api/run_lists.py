"""Lists of runs over HTTP: by the page, by state and by name; whole, or light for a list."""

from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from storage import run_lists
from storage.run_lists import Page, RunLine, Wanted
from storage.runs import Run
from storage.status import RunStatus, StopRequest
from studio.api.person import Here, Person
from studio.api.runs import RunAnswer, answered

router = APIRouter(prefix="/runs", tags=["runs"])

Kind = TypeVar("Kind", Run, RunLine)


class Asked(BaseModel):
    """Which runs, and how many of them."""

    status: list[RunStatus] = Field([], description="In these states; without any, in all.")
    search: str = Field("", max_length=200, description="In the name.")
    deleted: bool = Field(False, description="The deleted ones instead of the others.")
    limit: int = Field(100, ge=1, le=500, description="So many at most.")
    after: str = Field("", description="Go on behind this run: X-Next of the answer before.")

    @property
    def wanted(self) -> Wanted:
        """Which runs."""
        return Wanted(self.status, self.search.strip(), self.deleted)


class LineAnswer(BaseModel):
    """A run in a list, without its settings."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    created_at: datetime
    status: RunStatus
    stage: str
    progress: float
    step: int
    total_steps: int
    seconds: float
    error: str | None
    stop_request: StopRequest | None
    adapter_id: str | None
    sweep_id: str | None
    method: str
    can_resume: bool


@router.get("")
def listing(
    studio: Here, owner: Person, response: Response, asked: Annotated[Asked, Query()]
) -> list[RunAnswer]:
    """List runs, newest first; the deleted ones instead where asked.

    X-Total has how many there are in all, and X-Next, where there are more, what `after` is next.
    """
    page = run_lists.whole(studio.database, owner, asked.wanted, asked.limit, asked.after)
    return [answered(run) for run in _told(response, page)]


@router.get("/lines")
def lines(
    studio: Here, owner: Person, response: Response, asked: Annotated[Asked, Query()]
) -> list[LineAnswer]:
    """List runs without their settings, in a few milliseconds; otherwise as /runs does."""
    page = run_lists.lines(studio.database, owner, asked.wanted, asked.limit, asked.after)
    return [
        LineAnswer.model_validate({**run.model_dump(), "can_resume": run.is_resumable})
        for run in _told(response, page)
    ]


def _told(response: Response, page: Page[Kind]) -> list[Kind]:
    response.headers["X-Total"] = str(page.total)
    if page.next is not None:
        response.headers["X-Next"] = page.next
    return page.runs
