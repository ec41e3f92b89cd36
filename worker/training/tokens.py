"""Rows into tokens, and which of them are learned: the one place where that is decided."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jinja2 import TemplateError

from storage.errors import StudioError
from worker.training.templates import Marking, Template

IGNORED = -100
"""The label of a token that is read but not learned."""

_BATCH = 256


@dataclass(frozen=True)
class Tokens:
    """One row: its tokens, and a label for each (the token itself, or IGNORED). Same lengths."""

    ids: list[int]
    labels: list[int]


class Encoder:
    """Turns rows into tokens with labels.

    A text row is learned whole, from its second token on, and ends with the end-of-text token. In a
    conversation the answers are learned, up to and with the token that ends the turn; or everything
    where `response_only` is False. Control tokens that somebody typed into a message are encoded as
    the characters they are made of.

    Args:
        tokenizer: the base model's.
        template: the chat template and how it marks answers.
        response_only: learn the answers only.
    """

    def __init__(self, tokenizer: Any, template: Template, *, response_only: bool) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self.response_only = response_only
        control = {token.content for token in tokenizer.added_tokens_decoder.values()}
        self._control = re.compile("|".join(map(re.escape, sorted(control))) or "(?!)")

    def encode(self, rows: Iterable[dict[str, Any]]) -> Iterator[Tokens]:
        """Yield the tokens of each row, in order.

        Raises:
            StudioError: a conversation cannot be written with this chat template; names the line.
        """
        for group in _batched(rows, _BATCH):
            yield from self._encode_group(group)

    def _encode_group(self, rows: list[dict[str, Any]]) -> list[Tokens]:
        found: list[Tokens | None] = [None] * len(rows)
        plain = [n for n, row in enumerate(rows) if "text" not in row and self._is_plain(row)]
        for number, tokens in zip(plain, self._marked([rows[n] for n in plain]), strict=True):
            found[number] = tokens
        return [tokens or self._one(row) for tokens, row in zip(found, rows, strict=True)]

    def _is_plain(self, row: dict[str, Any]) -> bool:
        """Tell whether the quick way does: nothing to sanitize, and answers marked if needed."""
        if self.response_only and self.template.marking is Marking.PREFIX:
            return False
        return not any(self._control.search(turn["content"]) for turn in row["messages"])

    def _marked(self, rows: list[dict[str, Any]]) -> list[Tokens]:
        if not rows:
            return []
        try:
            out = self._render([row["messages"] for row in rows], marks=self.response_only)
        except TemplateError:
            return [self._one(row) for row in rows]
        if not self.response_only:
            return [Tokens(ids, list(ids)) for ids in out["input_ids"]]
        pairs = zip(out["input_ids"], out["assistant_masks"], strict=True)
        return [Tokens(ids, _labels(ids, mask)) for ids, mask in pairs]

    def _one(self, row: dict[str, Any]) -> Tokens:
        if "text" in row:
            return self._text(row["text"])
        try:
            return self._conversation(row)
        except TemplateError as error:
            raise StudioError(
                f"Line {row['line']} does not fit this model's chat format: {error}.",
                "Change the roles in your data (some models know no system message, and most want "
                "question and answer in turn), or choose another base model.",
            ) from error

    def _text(self, text: str) -> Tokens:
        ids = self.tokenizer(text, split_special_tokens=True)["input_ids"]
        end = self.tokenizer.eos_token_id
        if end is not None and (not ids or ids[-1] != end):
            ids = [*ids, end]
        return Tokens(ids, list(ids))

    def _conversation(self, row: dict[str, Any]) -> Tokens:
        turns = row["messages"]
        whole = self._sanitized(turns)
        if not self.response_only:
            return Tokens(whole, list(whole))
        mask = [0] * len(whole)
        for number, turn in enumerate(turns):
            if turn["role"] == "assistant":
                before = self._sanitized(turns[:number], answer_next=True) if number else []
                after = self._sanitized(turns[: number + 1])
                start = _boundary(before, whole, row)
                end = _boundary(after, whole, row)
                mask[start:end] = [1] * (end - start)
        return Tokens(whole, _labels(whole, mask))

    def _sanitized(self, turns: list[dict[str, str]], *, answer_next: bool = False) -> list[int]:
        ids: list[int] = self.tokenizer.apply_chat_template(
            turns,
            chat_template=self.template.source,
            add_generation_prompt=answer_next,
            sanitize_control_tokens=True,
        )["input_ids"]
        return ids

    def _render(self, conversations: list[Any], *, marks: bool) -> Any:
        return self.tokenizer.apply_chat_template(
            conversations,
            chat_template=self.template.source,
            return_assistant_tokens_mask=marks,
            return_dict=True,
        )


def _batched(rows: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    source = iter(rows)
    while group := list(islice(source, size)):
        yield group


def _labels(ids: list[int], mask: list[int]) -> list[int]:
    return [token if learned else IGNORED for token, learned in zip(ids, mask, strict=True)]


def _boundary(part: list[int], whole: list[int], row: dict[str, Any]) -> int:
    """Return where in `whole` a beginning of the conversation ends.

    The last token of the beginning may have merged with the first of what follows; it then belongs
    to what follows.

    Raises:
        StudioError: `part` is no beginning of `whole`: the template rewrites earlier turns.
    """
    same = 0
    for one, other in zip(part, whole, strict=False):
        if one != other:
            break
        same += 1
    if same < len(part) - 1:
        raise StudioError(
            f"In line {row['line']} the answers cannot be told from the questions: this model's "
            "chat format writes earlier turns differently once more turns follow.",
            "Switch off 'Learn from the answers only', or choose another base model.",
        )
    return same
