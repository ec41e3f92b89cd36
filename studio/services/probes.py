"""What runs answered to their probe prompts, and questions of the data's own to ask."""

from dataclasses import dataclass
from typing import Any

from storage import probes, rows
from storage.probes import Answer
from storage.status import WorkStatus
from studio.services import datasets, runs
from studio.services.studio import Studio

_LONGEST = 500
"""Characters of a question that is proposed."""

_BEGINNING = 8
"""Words of a text that is to be gone on with."""

_LOOKED_AT = 2000
"""Rows among which questions are looked for: a moment, however large the data is."""


@dataclass(frozen=True)
class Timeline:
    """A run's prompts, and its answers by step, then by prompt."""

    prompts: tuple[str, ...]
    answers: list[Answer]


def of(studio: Studio, owner: str, run_id: str) -> Timeline:
    """Return what a run answered. Raises NotFound."""
    run = runs.get(studio, owner, run_id)
    return Timeline(run.spec.probe_prompts, probes.of(studio.database, run_id))


def proposed(
    studio: Studio, owner: str, dataset_id: str, share: float, count: int = 3
) -> list[str]:
    """Return questions of the data to ask, of its exam's rows where there are any.

    Args:
        studio: the studio.
        owner: whose.
        dataset_id: which data.
        share: of the rows that the run keeps for its exam, where the data marks none itself.
        count: how many at most.

    Raises:
        NotFound: there is no such dataset of that owner.
    """
    data = datasets.get(studio, owner, dataset_id)
    folder = datasets.prepared(studio, data)
    if folder is None or data.status is not WorkStatus.READY:
        return []
    there = rows.page(folder, 0, _LOOKED_AT)
    is_exam = rows.exam_of(folder, share, marked=data.rows_held_out > 0)
    unseen = [row for row in there if is_exam(row)]
    for some in (unseen, there):
        found = list(dict.fromkeys(filter(None, map(_question, some))))
        if found:
            return [found[n * len(found) // count] for n in range(min(count, len(found)))]
    return []


def _question(row: dict[str, Any]) -> str:
    """Return what is asked in a row, in one line; empty where it is too long, or nothing is."""
    if "text" in row:
        words = row["text"].split()
        return " ".join(words[:_BEGINNING]) if len(words) > _BEGINNING else ""
    turns = row.get("messages") or row.get("prompt") or []
    asked = [turn["content"] for turn in turns if turn["role"] == "user"]
    text = " ".join(asked[0].split()) if len(asked) == 1 else ""
    return text if len(text) <= _LONGEST else ""
