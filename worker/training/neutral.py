"""Control tokens that somebody typed into a message: marked, and encoded as mere characters.

The same tokens as the transformers library's `sanitize_control_tokens=True`, and with them each
token's place in the text, which that leaves out.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from transformers.utils.chat_template_utils import mark_control_tokens

from worker.training.conversations import Turn

_START: Final = "\U000f0000"
_END: Final = "\U000f0001"
"""Private characters, as the library sets them around a control token."""

Place = tuple[int, int]


class Neutral:
    """Marks the control tokens of one tokenizer and template, and encodes what was marked.

    In an answer only special tokens are marked: what else has a token of its own, such as the marks
    around a thought, is what the model is to write.

    Args:
        tokenizer: a fast one.
        source: the chat template.
    """

    def __init__(self, tokenizer: Any, source: str) -> None:
        self.tokenizer = tokenizer
        special = [t.content for t in tokenizer.added_tokens_decoder.values() if t.special]
        self.control = _any_of(tokenizer._get_control_tokens(source))
        self._special = _any_of(special)
        known = _any_of(tokenizer.added_tokens_encoder)
        self._marks = re.compile(f"{_START}({known.pattern}){_END}|[{_START}{_END}]")
        self._newline = tokenizer.encode("\n", add_special_tokens=False)

    def turns(self, turns: list[Turn]) -> list[Turn]:
        """Return turns with their control tokens marked."""
        return [
            mark_control_tokens(turn, self._of(turn["role"])) | {"role": turn["role"]}
            for turn in turns
        ]

    def tools(self, tools: list[Any] | None) -> list[Any] | None:
        """Return a list of tools with its control tokens marked."""
        marked: list[Any] | None = mark_control_tokens(tools, self.control)
        return marked

    def encode(self, text: str) -> tuple[list[int], list[Place]]:
        """Return the tokens of a marked text, and each one's place among its characters."""
        ids: list[int] = []
        places: list[Place] = []
        at = 0
        for mark in [*self._marks.finditer(text), None]:
            end = mark.start() if mark else len(text)
            found, where = self._piece(text[at:end], is_first=at == 0)
            ids += found
            places += [(at + start, at + stop) for start, stop in where]
            if mark and mark[1]:
                found = self._characters(mark[1])
                ids += found
                places += [mark.span()] * len(found)
            at = mark.end() if mark else end
        return ids, places

    def _of(self, role: str) -> re.Pattern[str]:
        return self._special if role == "assistant" else self.control

    def _piece(self, piece: str, *, is_first: bool) -> tuple[list[int], list[Place]]:
        """Encode a piece; one inside a text after a newline, or SentencePiece begins with a space.

        The newline is then taken away again, unless it became one token with what follows.
        """
        if not piece:
            return [], []
        if not is_first:
            ids, places = self._encoded("\n" + piece)
            lead = len(self._newline)
            if ids[:lead] == self._newline:
                return ids[lead:], [(start - 1, end - 1) for start, end in places[lead:]]
        return self._encoded(piece)

    def _encoded(self, piece: str) -> tuple[list[int], list[Place]]:
        found = self.tokenizer(piece, add_special_tokens=False, return_offsets_mapping=True)
        return found["input_ids"], found["offset_mapping"]

    def _characters(self, token: str) -> list[int]:
        encode = self.tokenizer._encode_without_added_tokens
        ids: list[int] = encode("\n" + token)
        lead = len(self._newline)
        ids = ids[lead:] if ids[:lead] == self._newline else encode(token)
        if self.tokenizer.convert_tokens_to_ids(token) in ids:
            raise ValueError(f"the tokenizer makes the control token {token!r} of mere characters")
        return ids


def _any_of(tokens: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
