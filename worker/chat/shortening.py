"""Conversations that have outgrown the model: the oldest turns are left out, and counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worker.chat.prompts import Message, Prompt


@dataclass(frozen=True)
class Shortened:
    """A conversation that fits.

    Attributes:
        prompt: rendered.
        dropped_turns: how many turns at its beginning were left out; a turn is a question with
            all that was said until the next one.
    """

    prompt: Prompt
    dropped_turns: int


def shortened(
    messages: Sequence[Message], render: Callable[[list[Message]], Prompt], room: int
) -> Shortened:
    """The conversation with as many of its newest turns as fit into `room` tokens.

    What the system says and the last question always stay, so the prompt may be too long still.
    Rendering is slow: the count is found by halving, as leaving out more makes a prompt shorter.

    Args:
        messages: the whole conversation.
        render: makes a prompt of messages; what it raises passes through.
        room: tokens that the prompt may take.
    """
    whole = render(list(messages))
    most = _turns(messages) - 1
    if len(whole.tokens) <= room or most < 1:
        return Shortened(whole, 0)
    too_few, enough = 0, Shortened(render(_without(messages, most)), most)
    while enough.dropped_turns - too_few > 1:
        count = (too_few + enough.dropped_turns) // 2
        prompt = render(_without(messages, count))
        if len(prompt.tokens) <= room:
            enough = Shortened(prompt, count)
        else:
            too_few = count
    return enough


def _turns(messages: Sequence[Message]) -> int:
    return sum(message["role"] == "user" for message in messages)


def _without(messages: Sequence[Message], dropped: int) -> list[Message]:
    """The messages without the first `dropped` turns; what precedes the first question is of it."""
    kept: list[Message] = []
    begun = 0
    for message in messages:
        begun += message["role"] == "user"
        if message["role"] == "system" or begun > dropped:
            kept.append(message)
    return kept
