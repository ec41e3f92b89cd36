"""What the plan card says of memory: whether it fits, how it is known, and what it is made of."""

from studio.advice.memory import Memory, sized
from studio.words import say


def markdown(memory: Memory) -> str:
    """Return the text: a sentence, the parts from the largest down, and what helps."""
    parts = [_sentence(memory), _table(memory)]
    if memory.change is not None:
        words = memory.change.words
        parts.append(
            say("train.memory.change", words=words, size=sized(memory.change.memory_bytes))
        )
    return "\n\n".join(parts)


def _sentence(memory: Memory) -> str:
    known = say("train.memory.tried" if memory.is_tried else "train.memory.estimated")
    if memory.fit is None or memory.room is None:
        return f"**{say('train.memory.title')}**: {sized(memory.total)}, {known}"
    fits = say(f"train.memory.{memory.fit}", size=sized(memory.total), room=sized(memory.room))
    return f"**{say(f'train.memory.{memory.fit}.badge')}** {fits} {known}"


def _table(memory: Memory) -> str:
    there = sorted(memory.parts.items(), key=lambda part: -part[1])
    lines = [
        f"| {say(f'train.memory.part.{name}')} | {sized(size)} |" for name, size in there if size
    ]
    return "\n".join(["| | |", "|---|---|", *lines])
