"""Who can be talked to, over HTTP."""

from fastapi import APIRouter

from studio.api.person import Here, Person
from studio.services import chat
from studio.services.chat import Contestant

router = APIRouter(prefix="/contestants", tags=["chat"])


@router.get("")
def listing(studio: Here, owner: Person) -> list[Contestant]:
    """List each ready base model, then its adapters; `name` is the `model` of /v1."""
    return chat.contestants(studio, owner)
