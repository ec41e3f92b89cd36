"""Datasets of votes, marks and corrections over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from studio.advice.harvest import Kind, Reason
from studio.api.datasets import DatasetAnswer
from studio.api.person import Here, Person
from studio.api.votes import Which
from studio.services import feedback
from studio.services.feedback import Source

router = APIRouter(prefix="/feedback", tags=["votes"])


class LeftAnswer(BaseModel):
    """Why so many votes, marks or corrections give no row."""

    model_config = ConfigDict(from_attributes=True)

    reason: Reason
    count: int
    words: str


class PreviewAnswer(BaseModel):
    """How many rows would come of it, the first ones, and what gives none."""

    model_config = ConfigDict(from_attributes=True)

    rows: int
    first: list[dict[str, Any]]
    left: list[LeftAnswer]


class Called(BaseModel):
    """A name for the dataset."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=200)


def source(kind: Kind, which: Which, with_votes: bool = False) -> Source:
    """Return what the address asks for; `with_votes`: judged answers come of votes too."""
    return Source(kind, which, with_votes)


Asked = Annotated[Source, Depends(source)]


@router.get("/{kind}")
def preview(studio: Here, owner: Person, asked: Asked) -> PreviewAnswer:
    """Say what data would come of votes (all that are wanted), marks and corrections."""
    return PreviewAnswer.model_validate(feedback.preview(studio, owner, asked))


@router.post("/{kind}", status_code=201)
def make(studio: Here, owner: Person, asked: Asked, called: Called) -> DatasetAnswer:
    """Make a dataset of them; the worker reads it afterwards, and reports on it."""
    return DatasetAnswer.model_validate(feedback.make(studio, owner, asked, called.name))
