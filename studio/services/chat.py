"""Chat: who can be talked to; the talking itself goes to the chat server under /v1."""

from storage import contestants
from storage.contestants import Contestant
from studio.services.studio import Studio


def listing(studio: Studio, owner: str) -> list[Contestant]:
    """Return everyone a person can talk to: base models, their adapters, and checkpoints."""
    return contestants.all_of(studio.database, studio.artifacts, owner)
