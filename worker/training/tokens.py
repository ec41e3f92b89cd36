"""Rows into tokens, and which of them are learned: the one place where that is decided."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from storage.errors import StudioError
from worker.training import conversations
from worker.training.conversations import Conversation
from worker.training.spans import Span
from worker.training.templates import Template
from worker.training.writing import REFUSALS, Writer, Written

IGNORED = -100
"""The label of a token that is read but not learned."""

_BATCH = 256

Row = dict[str, Any]


@dataclass(frozen=True)
class Tokens:
    """One row: its tokens, and a label for each (the token itself, or IGNORED). Same lengths."""

    ids: list[int]
    labels: list[int]


class Encoder:
    """Turns rows into tokens with labels.

    A text row is learned whole, from its second token on, and ends with the end-of-text token. In a
    conversation the answers are learned, up to and with the token that ends the turn; or everything
    where `response_only` is False. A turn of weight 0 is read and never learned. Control tokens
    that somebody typed into a message are encoded as the characters they are made of.

    Args:
        tokenizer: the base model's.
        template: the chat template and how it marks answers.
        response_only: learn the answers only.
    """

    def __init__(self, tokenizer: Any, template: Template, *, response_only: bool) -> None:
        self.tokenizer = tokenizer
        self.writer = Writer(tokenizer, template, response_only=response_only)

    def encode(self, rows: Iterable[Row]) -> Iterator[Tokens]:
        """Yield the tokens of each row, in order.

        Raises:
            StudioError: a conversation cannot be written with this chat template; names the line.
        """
        for group in _batched(rows, _BATCH):
            yield from self._encode_group(group)

    def written(self, row: Row) -> tuple[Conversation, Written]:
        """Return a row's conversation and its text.

        Raises:
            StudioError: see `encode`.
        """
        conversation = conversations.of_row(row)
        try:
            return conversation, self.writer.write(conversation)
        except REFUSALS as error:
            raise _refused(conversation, error) from error

    def _encode_group(self, rows: list[Row]) -> list[Tokens]:
        found: list[Tokens | None] = [None] * len(rows)
        texts = [n for n, row in enumerate(rows) if "text" in row]
        for number, tokens in zip(
            texts, self._texts([rows[n]["text"] for n in texts]), strict=True
        ):
            found[number] = tokens
        quick: dict[int, Written] = {}
        for number, row in enumerate(rows):
            if "text" not in row:
                conversation, written = self.written(row)
                if written.is_marked:
                    found[number] = self._neutral(conversation, written)
                else:
                    quick[number] = written
        for number, tokens in zip(quick, self._labelled(list(quick.values())), strict=True):
            found[number] = tokens
        return [tokens for tokens in found if tokens is not None]

    def _texts(self, texts: list[str]) -> list[Tokens]:
        if not texts:
            return []
        end = self.tokenizer.eos_token_id
        found = self.tokenizer(texts, split_special_tokens=True)["input_ids"]
        ended = [
            [*ids, end] if end is not None and (not ids or ids[-1] != end) else ids for ids in found
        ]
        return [Tokens(ids, list(ids)) for ids in ended]

    def _labelled(self, texts: list[Written]) -> list[Tokens]:
        if not texts:
            return []
        out = self.tokenizer([written.text for written in texts], add_special_tokens=False)
        return [
            _tokens(ids, written, out.encodings[number].offsets)
            for number, (written, ids) in enumerate(zip(texts, out["input_ids"], strict=True))
        ]

    def _neutral(self, conversation: Conversation, written: Written) -> Tokens:
        try:
            ids, places = self.writer.neutral.encode(written.text)
        except REFUSALS as error:
            raise _refused(conversation, error) from error
        return _tokens(ids, written, places)


def _batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    source = iter(rows)
    while group := list(islice(source, size)):
        yield group


def _tokens(ids: list[int], written: Written, offsets: list[Span]) -> Tokens:
    if written.learned is None:
        return Tokens(ids, list(ids))
    return Tokens(ids, _labels(ids, written.learned, offsets))


def _labels(ids: list[int], learned: tuple[Span, ...], offsets: list[Span]) -> list[int]:
    """Label the tokens that hold a character of a learned stretch.

    `offsets` has each token's stretch of characters. All tokens of one character have the same, and
    a tokenizer that trims offsets gives spaces an empty one, at their end.
    """
    starts = [min(start, end - 1) for start, end in offsets]
    ends = [end for _, end in offsets]
    labels = [IGNORED] * len(ids)
    for start, end in learned:
        first, last = bisect_right(ends, start), bisect_left(starts, end)
        if start < end:
            labels[first:last] = ids[first:last]
    return labels


def _refused(conversation: Conversation, error: Exception) -> StudioError:
    reason = str(error).rstrip(".")
    return StudioError(
        f"Line {conversation.line} does not fit this model's chat format: {reason}.",
        "Change the roles in your data (some models know no system message, and most want "
        "question and answer in turn), or choose another base model.",
    )
