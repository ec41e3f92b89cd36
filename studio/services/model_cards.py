"""Model cards as they leave the studio: with the newest safety check, or that there was none."""

from pathlib import Path

from storage import evaluations
from storage.evaluations import Evaluation, Kind
from storage.status import WorkStatus
from studio.services.studio import Studio
from worker import tasks

FILE = "README.md"
"""The name of a card beside the weights; model hubs show it."""


def of(studio: Studio, owner: str, contestant: str, folder: Path) -> dict[str, bytes]:
    """Return the card for a folder that leaves the studio, by its name; nothing where it has none.

    Args:
        studio: the studio.
        owner: whose.
        contestant: whose card it is, such as adapter:ID.
        folder: with the card as it was written when the training ended.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    check = newest_check(studio, owner, contestant)
    card = tasks.card_with_check(path.read_text("utf-8"), check, contestant)
    return {FILE: card.encode()}


def section(check: Evaluation) -> str:
    """Return what the card says of a safety check, as Markdown."""
    return tasks.card_with_check("", check, check.contestants[-1]).strip()


def newest_check(studio: Studio, owner: str, contestant: str) -> Evaluation | None:
    """Return the newest safety check of a contestant that has a score; None: there is none."""
    for line in evaluations.all_of(studio.database, owner, Kind.SAFETY):
        is_ready = line.contestants[-1] == contestant and line.status is WorkStatus.READY
        if is_ready and line.result and line.result["scores"][-1]["raw"]:
            return evaluations.get(studio.database, owner, line.id)
    return None
