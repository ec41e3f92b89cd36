"""Chat: who can be talked to; the talking itself goes to the chat server under /v1."""

from dataclasses import dataclass
from typing import Literal

from storage.adapters import Adapter
from storage.base_models import Base
from storage.status import WorkStatus
from studio.services import adapters, base_models
from studio.services.studio import Studio


@dataclass(frozen=True)
class Contestant:
    """One voice of a comparison.

    Attributes:
        name: the `model` of the chat protocol, such as `base:model_3f9a1c2b4d5e`.
        title: what a person calls it.
        kind: the base model alone, or with an adapter on top.
        base_id: the base model; contestants of one base model answer in one batch.
        base_title: what a person calls the base model.
    """

    name: str
    title: str
    kind: Literal["base", "adapter"]
    base_id: str
    base_title: str


def contestants(studio: Studio, owner: str) -> list[Contestant]:
    """Return everyone a person can talk to: each ready base model, then its adapters."""
    trained = adapters.listing(studio, owner)
    ready = [
        model
        for model in base_models.listing(studio, owner)
        if model.status is WorkStatus.READY and model.folder is not None
    ]
    return [
        contestant
        for model in ready
        for contestant in (
            _base(model),
            *(_adapter(one, model) for one in trained if one.base_model_id == model.id),
        )
    ]


def _base(model: Base) -> Contestant:
    return Contestant(f"base:{model.id}", model.name, "base", model.id, model.name)


def _adapter(adapter: Adapter, model: Base) -> Contestant:
    return Contestant(f"adapter:{adapter.id}", adapter.name, "adapter", model.id, model.name)
