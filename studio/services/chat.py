"""Chat: who can be talked to; the talking itself goes to the chat server under /v1."""

from pathlib import Path
from typing import Any

import httpx

from storage import contestants
from storage.contestants import Contestant
from storage.errors import StudioError
from studio.services.studio import Studio

_SECONDS = 20.0
"""The chat server itself asks another one, which may be slow to begin."""


def listing(studio: Studio, owner: str) -> list[Contestant]:
    """Return everyone a person can talk to: base models, their adapters, and checkpoints.

    Reward models give scores and do not talk. Where another server answers in place of the
    studio's own models, its models are those.

    Raises:
        StudioError: the chat server, or the other one behind it, does not answer.
    """
    if studio.settings.chat_url:
        return [_elsewhere(name) for name in _names(studio)]
    return own(studio, owner)


def own(studio: Studio, owner: str) -> list[Contestant]:
    """Return the studio's own models that talk: the worker can put questions to no others."""
    return contestants.talking(studio.database, studio.artifacts, owner)


def find(studio: Studio, owner: str, name: str) -> Contestant:
    """Return the one of that name; one of another server is taken at its word. Raises NotFound."""
    if studio.settings.chat_url:
        return _elsewhere(name)
    return contestants.find(studio.database, studio.artifacts, owner, name)


def _elsewhere(name: str) -> Contestant:
    """A model of another server: its name is all that is known."""
    return Contestant(name, name, "base", name, name, Path(), None)


def _names(studio: Studio) -> list[str]:
    address = f"{studio.settings.chat_address}/v1/models"
    try:
        answer = httpx.get(address, timeout=_SECONDS, trust_env=False)
    except httpx.TransportError as error:
        raise StudioError(
            "The chat server does not answer.", "It may still be starting: try again in a moment."
        ) from error
    told: dict[str, Any] = answer.json()
    if not answer.is_success:
        raise StudioError(str(told["error"]["message"]))
    return [str(one["id"]) for one in told["data"]]
