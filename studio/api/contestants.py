"""Who can be talked to, over HTTP."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from storage.contestants import Kind
from studio.api.person import Here, Person
from studio.services import chat

router = APIRouter(prefix="/contestants", tags=["chat"])


class ContestantAnswer(BaseModel):
    """One voice of a comparison; `name` is the `model` of /v1."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    title: str
    kind: Kind
    base_id: str
    base_title: str


@router.get("")
def listing(studio: Here, owner: Person, own: bool = False) -> list[ContestantAnswer]:
    """List each ready base model, then its adapters, then the checkpoints of its runs.

    Where another server answers in their place, its models; with `own` the studio's own all the
    same, to which the worker puts many questions.
    """
    found = (chat.own if own else chat.listing)(studio, owner)
    return [ContestantAnswer.model_validate(one) for one in found]
