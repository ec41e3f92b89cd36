"""The tables of what people say to models, what they think of the answers, and what they keep."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.ids import LOCAL_PERSON
from storage.tables import Owned, Table, now


class ConversationRow(Owned, Table):
    """A conversation with one to four contestants, each of whom knows its own answers only.

    `contestants`: their names, by side. `blind`: the names are hidden until the vote, and
    the sides are shuffled for each round. `sampling`: as the chat protocol names it.
    """

    __tablename__ = "conversations"

    contestants: Mapped[list[str]] = mapped_column(JSON)
    system: Mapped[str] = mapped_column(Text, default="")
    sampling: Mapped[dict[str, Any]]
    blind: Mapped[bool] = mapped_column(default=False)
    prompt_set_id: Mapped[str | None] = mapped_column(String(32))
    changed_at: Mapped[datetime] = mapped_column(default=now)


class RoundRow(Table):
    """A prompt of a conversation, and how it was put: system prompt, sampling, who on which side.

    `order`: of the contestants on the page, by side.
    """

    __tablename__ = "rounds"

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    prompt: Mapped[str] = mapped_column(Text)
    system: Mapped[str] = mapped_column(Text, default="")
    sampling: Mapped[dict[str, Any]]
    order: Mapped[list[str]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(default=now)


class AnswerRow(Table):
    """What a side answered in a round; of several tries the newest counts.

    `sha256`: of the adapter's weights, or the base model's fingerprint. `facts`: tokens, pace, what
    was dropped or cached, what the safety rules found. `corrected`: as the person would have it.
    `mark`: good, bad, pass, fail or harmful.
    """

    __tablename__ = "answers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    number: Mapped[int]
    side: Mapped[int]
    contestant: Mapped[str] = mapped_column(String(128))
    title: Mapped[str] = mapped_column(String(300))
    sha256: Mapped[str | None] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    ended: Mapped[str] = mapped_column(String(16))
    facts: Mapped[dict[str, Any]]
    corrected: Mapped[str | None] = mapped_column(Text)
    mark: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=now)


class VoteRow(Table):
    """Which of two answers to the same prompt is better, with all that was said before.

    `outcome`: a, b, tie or bad. `prompt_sha256`: of the conversation up to and with the prompt.
    `told`: messages, sampling, both texts, titles and marks, as they were. It outlives the
    conversation.
    """

    __tablename__ = "votes"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), default=LOCAL_PERSON, index=True)
    person: Mapped[str] = mapped_column(String(64), default=LOCAL_PERSON)
    conversation_id: Mapped[str | None] = mapped_column(String(32))
    number: Mapped[int]
    contestant_a: Mapped[str] = mapped_column(String(128))
    contestant_b: Mapped[str] = mapped_column(String(128))
    sha256_a: Mapped[str | None] = mapped_column(String(64))
    sha256_b: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(Text, default="")
    blind: Mapped[bool]
    prompt_sha256: Mapped[str] = mapped_column(String(64))
    prompt_set_id: Mapped[str | None] = mapped_column(String(32))
    told: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]


class PromptSetRow(Owned, Table):
    """Questions kept under a name; `prompts`: each with `text` and perhaps more.

    They may be long, and are read only where they are used.
    """

    __tablename__ = "prompt_sets"

    prompts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, deferred=True)


class SystemPromptRow(Owned, Table):
    """A system prompt kept under a name."""

    __tablename__ = "system_prompts"

    text: Mapped[str] = mapped_column(Text)


Index("answers_by_round", AnswerRow.conversation_id, AnswerRow.number, AnswerRow.side)
Index("votes_by_pair", VoteRow.owner, VoteRow.contestant_a, VoteRow.contestant_b)
