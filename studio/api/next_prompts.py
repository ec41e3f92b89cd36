"""Next to label over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from studio.advice.next_prompt import Basis
from studio.api.person import Here, Person
from studio.services import next_prompts

router = APIRouter(tags=["votes"])


class NextAnswer(BaseModel):
    """The question to vote on next, and why; null where none is left.

    `number`: its place in the set, from 0. `left` of the set's `of` questions have no vote for
    these two.
    """

    model_config = ConfigDict(from_attributes=True)

    text: str | None
    number: int | None
    basis: Basis
    why: str
    left: int
    of: int


@router.get("/next-prompt")
def find(
    studio: Here,
    owner: Person,
    prompt_set: str,
    a: str | None = None,
    b: str | None = None,
    skip: Annotated[list[int] | None, Query(description="Not these numbers.")] = None,
) -> NextAnswer:
    """Find the question of a set on which a vote between two contestants tells most."""
    names = {name for name in (a, b) if name}
    found = next_prompts.find(studio, owner, prompt_set, names, skip or ())
    return NextAnswer.model_validate(found)
