"""Chat: who can be talked to; the talking itself goes to the chat server under /v1."""

from storage import contestants, run_lists
from storage.contestants import Contestant
from studio.services import adapters
from studio.services.studio import Studio


def listing(studio: Studio, owner: str) -> list[Contestant]:
    """Return everyone a person can talk to: base models, their adapters, and checkpoints.

    Reward models give scores and do not talk.
    """
    judges = run_lists.judges(studio.database, owner)
    trained = adapters.listing(studio, owner)
    judges |= {adapter.id for adapter in trained if adapter.run_id in judges}
    found = contestants.all_of(studio.database, studio.artifacts, owner)
    return [one for one in found if not judges.intersection(one.name.split(":"))]
