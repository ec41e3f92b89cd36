"""Answers written by a larger model: who is asked, and whether the settings fit them."""

from typing import Final

from storage import base_models, contestants
from storage.contestants import Contestant
from storage.datasets import Dataset
from storage.errors import Fault, NotFound, Refused
from storage.mappings import Target
from storage.operations import Answers
from studio.services.studio import Studio

_LEAST_QUESTION: Final = 16
"""Tokens that must be left for a question."""


def named(studio: Studio, owner: str, operation: Answers, parent: Dataset) -> Answers:
    """Return the operation with what the model is called now.

    Raises:
        Refused: with every fault at once: nobody of that name can be asked, the longest answer
            fills the model's context, or the rows cannot stay beside the new answers.
    """
    faults = _faults_of_rows(operation, parent)
    try:
        voice = contestants.find(studio.database, studio.artifacts, owner, operation.voice)
    except NotFound as missing:
        words = f"{missing.message} {missing.hint}" if "ready" in missing.message else ""
        faults["voice"] = words or "There is no such model any more; choose another."
    else:
        faults |= _faults_of_length(studio, owner, operation, voice)
    if faults:
        raise Refused([Fault(f"operation.{field}", words) for field, words in faults.items()])
    return operation.model_copy(update={"called": voice.title[:200]})


def _faults_of_rows(operation: Answers, parent: Dataset) -> dict[str, str]:
    if operation.existing == "keep" and parent.target not in (None, Target.CHAT):
        return {
            "existing": f"{parent.name} holds no conversations that could stay; let the new "
            "answers take their place."
        }
    return {}


def _faults_of_length(
    studio: Studio, owner: str, operation: Answers, voice: Contestant
) -> dict[str, str]:
    facts = base_models.get(studio.database, owner, voice.base_id).facts or {}
    context = facts.get("context_length")
    if not context or operation.longest + _LEAST_QUESTION <= context:
        return {}
    return {
        "longest": f"{voice.base_title} holds {context:,} tokens in all, the question among them."
    }
