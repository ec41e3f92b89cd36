"""Base models over HTTP: add, look at, delete and bring back; and the hub token."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from storage.base_models import Base, Source
from storage.status import WorkStatus
from storage.support import Degree
from studio.api.person import Here, Person
from studio.services import base_models
from studio.services.studio import Studio

router = APIRouter(tags=["models"])


class SupportAnswer(BaseModel):
    """How far a base model is supported; the first of the reasons says it all."""

    model_config = ConfigDict(from_attributes=True)

    degree: Degree
    reasons: list[str]
    can_chat: bool


class ModelAnswer(BaseModel):
    """A base model; `facts` is what its files say, known when it is ready, as is `support`."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    created_at: datetime
    status: WorkStatus
    stage: str
    progress: float
    source: Source
    reference: str
    revision: str | None
    facts: dict[str, Any] | None
    error: str | None
    hint: str | None
    support: SupportAnswer | None = None


class NewModel(BaseModel):
    """Where a base model comes from; `reference` is a folder on this machine or a hub name."""

    model_config = ConfigDict(extra="forbid")

    source: Source
    reference: str = Field("", max_length=4096)
    revision: str | None = Field(None, max_length=200)
    name: str = Field("", max_length=200)


class HubToken(BaseModel):
    """The token for gated models; an empty one removes it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: str = Field(max_length=500, repr=False)


@router.get("/models")
def listing(studio: Here, owner: Person, deleted: bool = False) -> list[ModelAnswer]:
    """List the base models, newest first; the deleted ones instead where asked."""
    found = base_models.listing(studio, owner, deleted=deleted)
    return [_answer(each) for each in found]


@router.post("/models", status_code=201)
def add(studio: Here, owner: Person, model: NewModel) -> ModelAnswer:
    """Add a base model; the worker checks or downloads it afterwards."""
    return _answer(_added(studio, owner, model))


def _answer(found: Base) -> ModelAnswer:
    support = base_models.support(found)
    told = SupportAnswer.model_validate(support) if support else None
    return ModelAnswer.model_validate(found).model_copy(update={"support": told})


def _added(studio: Studio, owner: str, model: NewModel) -> Base:
    match model.source:
        case Source.FOLDER:
            return base_models.add_folder(studio, owner, model.reference, model.name)
        case Source.HUB:
            return base_models.add_hub(studio, owner, model.reference, model.revision, model.name)
        case Source.STARTER:
            return base_models.add_starter(studio, owner)


@router.get("/models/{model_id}")
def details(studio: Here, owner: Person, model_id: str) -> ModelAnswer:
    """Show one base model."""
    return _answer(base_models.get(studio, owner, model_id))


@router.delete("/models/{model_id}", status_code=204)
def delete(studio: Here, owner: Person, model_id: str) -> None:
    """Delete a base model from view."""
    base_models.delete(studio, owner, model_id)


@router.post("/models/{model_id}/restore")
def restore(studio: Here, owner: Person, model_id: str) -> ModelAnswer:
    """Bring a deleted base model back."""
    base_models.restore(studio, owner, model_id)
    return details(studio, owner, model_id)


@router.post("/models/{model_id}/retry")
def retry(studio: Here, owner: Person, model_id: str) -> ModelAnswer:
    """Let the worker try a failed base model again."""
    base_models.retry(studio, owner, model_id)
    return details(studio, owner, model_id)


@router.post("/hub-token", status_code=204)
def hub_token(studio: Here, _owner: Person, given: HubToken) -> None:
    """Keep the token for gated models in a private file; it is never shown again."""
    base_models.save_hub_token(studio, given.token)
