"""Which field of a file is the question, which the answer: said once for all files of a shape."""

import hashlib
import json
from collections.abc import Iterable
from collections.abc import Mapping as Fields
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

Role = Literal["system", "user", "assistant", "tool"]


class Target(StrEnum):
    """What a normalised row is, and so what can be learned from it."""

    CHAT = "chat"
    TEXT = "text"
    PREFERENCE = "preference"
    LABELLED = "labelled"


class Mapping(BaseModel):
    """How the fields of a file are read; a field is named as in the file, None where there is none.

    Attributes:
        target: what the rows become.
        messages: the field with a list of messages (chat; or the prompt of a pair as a list).
        role: inside a message, the field that names the speaker.
        content: inside a message, the field that holds the text.
        roles: our role (system, user, assistant, tool) for each name of a speaker in the file.
        question: fields that make up the question, joined by an empty line.
        answer: the field with the answer (chat, labelled).
        system: the field with the system prompt.
        history: the field with earlier exchanges, a list of pairs.
        text: the field with plain text.
        chosen: the field with the better answer (preference).
        rejected: the field with the worse answer (preference).
        label: the field that says whether an answer is good (labelled).
        tools: the field with the tools that may be called.
        split: the field that says which rows are kept for the exam.
        held_out: the values of `split` that mean so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Target = Target.CHAT
    messages: str | None = None
    role: str = "role"
    content: str = "content"
    roles: dict[str, Role] = {}
    question: tuple[str, ...] = ()
    answer: str | None = None
    system: str | None = None
    history: str | None = None
    text: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    label: str | None = None
    tools: str | None = None
    split: str | None = None
    held_out: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        missing = self.missing()
        if missing:
            raise ValueError(f"not chosen yet: {', '.join(missing)}")
        return self

    def missing(self) -> tuple[str, ...]:
        """The parts that the target needs and that no field has been chosen for."""
        asked = bool(self.messages or self.question)
        needs = {
            Target.CHAT: {
                "question": asked,
                "answer": bool(self.messages or self.answer),
            },
            Target.TEXT: {"text": bool(self.text)},
            Target.PREFERENCE: {
                "question": asked,
                "chosen": bool(self.chosen),
                "rejected": bool(self.rejected),
            },
            Target.LABELLED: {
                "question": asked,
                "answer": bool(self.answer),
                "label": bool(self.label),
            },
        }
        return tuple(name for name, there in needs[self.target].items() if not there)

    @property
    def key(self) -> str:
        """Eight hexadecimal digits that differ where the mapping does."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def signature(fields: Iterable[str] | Fields[str, object]) -> str:
    """What files of one shape share: a hash of the names of their fields, in any order."""
    text = "\0".join(sorted(set(fields)))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
