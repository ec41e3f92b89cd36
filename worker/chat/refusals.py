"""What the engine says where it cannot answer."""

import torch

from storage.errors import StudioError
from worker.chat.base import context_length
from worker.chat.catalogue import Contestant
from worker.chat.exchange import ContextExceeded


def in_words(cause: Exception) -> StudioError:
    """What ended a batch, in words."""
    if is_memory(cause):
        kind = "graphics memory" if isinstance(cause, torch.OutOfMemoryError) else "memory"
        return StudioError(
            f"There is not enough {kind} for this answer.",
            "Ask for a shorter one, shorten the conversation, or stop a training run.",
        )
    return StudioError("The answer could not be computed.", "The server's log says why.")


def is_memory(cause: Exception) -> bool:
    """Whether this is what torch raises where a device, or the machine, has no memory left."""
    if isinstance(cause, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(cause, RuntimeError) and "can't allocate memory" in str(cause)


def too_long(contestant: Contestant, prompt: int, wanted: int) -> ContextExceeded:
    """The conversation of so many tokens, and the answer wanted, do not fit into the context."""
    context = context_length(contestant.base_folder)
    return ContextExceeded(
        f"The conversation is {prompt:,} tokens long and the answer may take {wanted:,}; "
        f'"{contestant.title}" can hold {context:,} in all.',
        "Shorten the conversation, or ask for a shorter answer.",
    )
