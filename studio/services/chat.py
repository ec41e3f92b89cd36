"""Chat: who can be talked to; the talking itself goes to the chat server under /v1."""

from storage import contestants
from storage.contestants import Contestant
from studio.services import adapters
from studio.services.studio import Studio


def listing(studio: Studio, owner: str) -> list[Contestant]:
    """Return everyone a person can talk to: base models, their adapters, and checkpoints.

    Reward models give scores and do not talk.
    """
    made = adapters.settings(studio, owner)
    trained = adapters.listing(studio, owner)
    judges = {run_id for run_id, spec in made.items() if spec.method == "reward"}
    judges |= {adapter.id for adapter in trained if adapter.run_id in judges}
    found = contestants.all_of(studio.database, studio.artifacts, owner)
    return [one for one in found if not judges.intersection(one.name.split(":"))]
