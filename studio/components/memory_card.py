"""What the plan card says of memory: whether it fits, how it is known, and what it is made of."""

from studio.advice.memory import Memory
from studio.words import say


def markdown(memory: Memory) -> str:
    """Return the text: a sentence, the parts from the largest down, and what helps."""
    parts = [_sentence(memory), _table(memory)]
    if memory.change is not None:
        words = memory.change.words
        parts.append(
            say("train.memory.change", words=words, size=_size(memory.change.memory_bytes))
        )
    return "\n\n".join(parts)


def _sentence(memory: Memory) -> str:
    known = say("train.memory.tried" if memory.is_tried else "train.memory.estimated")
    if memory.fit is None or memory.room is None:
        return f"**{say('train.memory.title')}**: {_size(memory.total)}, {known}"
    fits = say(f"train.memory.{memory.fit}", size=_size(memory.total), room=_size(memory.room))
    return f"**{say(f'train.memory.{memory.fit}.badge')}** {fits} {known}"


def _table(memory: Memory) -> str:
    there = sorted(memory.parts.items(), key=lambda part: -part[1])
    lines = [
        f"| {say(f'train.memory.part.{name}')} | {_size(size)} |" for name, size in there if size
    ]
    return "\n".join(["| | |", "|---|---|", *lines])


def _size(count: int) -> str:
    """Return bytes as people say them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
