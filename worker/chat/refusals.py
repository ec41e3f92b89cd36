"""What the engine says where it cannot answer."""

import torch

from storage.errors import StudioError
from worker.chat.base import context_length
from worker.chat.catalogue import Contestant
from worker.chat.exchange import ContextExceeded


def in_words(cause: Exception) -> StudioError:
    """What ended a batch, in words."""
    if isinstance(cause, torch.OutOfMemoryError):
        return StudioError(
            "There is not enough graphics memory for this answer.",
            "Compare fewer answers at once, or stop a training run.",
        )
    return StudioError("The answer could not be computed.", "The server's log says why.")


def too_long(contestant: Contestant, prompt: int, wanted: int) -> ContextExceeded:
    """The conversation of so many tokens, and the answer wanted, do not fit into the context."""
    context = context_length(contestant.base_folder)
    return ContextExceeded(
        f"The conversation is {prompt:,} tokens long and the answer may take {wanted:,}; "
        f'"{contestant.title}" can hold {context:,} in all.',
        "Shorten the conversation, or ask for a shorter answer.",
    )
