"""Tokens as a person can read them: text, number, whether it is learned, whether it is special."""

import json
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from tokenizers import pre_tokenizers

from worker.training.tokens import IGNORED

Shown = dict[str, Any]
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")  # a byte that SentencePiece has no piece for
_SPACE = "\u2581"  # how SentencePiece writes a space


class Display:
    r"""Shows the tokens of one tokenizer.

    A token that is a part of a character shows its bytes, such as `\xf0\x9f`.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._special = tokenizer.added_tokens_decoder
        self._texts: dict[int, str] = {}

    def show(self, ids: Sequence[int], labels: Sequence[int]) -> list[Shown]:
        """Return `text`, `id`, `learned` and `special` of each token of one example.

        The first token is never learned: nothing comes before it that could predict it.
        """
        pairs = zip(ids, labels, strict=True)
        return [
            {
                "text": self._text(token),
                "id": token,
                "learned": number > 0 and label != IGNORED,
                "special": token in self._special,
            }
            for number, (token, label) in enumerate(pairs)
        ]

    def _text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self._read(token)
        return self._texts[token]

    def _read(self, token: int) -> str:
        if token in self._special:
            return str(self._special[token].content)
        piece = self.tokenizer.convert_ids_to_tokens(token)
        if piece is None:
            return f"[{token}]"
        if self._bytes:
            return bytes(self._bytes[letter] for letter in piece).decode(
                "utf-8", "backslashreplace"
            )
        byte = _BYTE.fullmatch(piece)
        if byte:
            return bytes([int(byte[1], 16)]).decode("utf-8", "backslashreplace")
        return str(piece).replace(_SPACE, " ")

    @cached_property
    def _bytes(self) -> dict[str, int]:
        """The byte that each letter of a byte-level tokenizer stands for; empty for another."""
        if not self.tokenizer.is_fast:
            return {}
        decoder = json.loads(self.tokenizer.backend_tokenizer.to_str())["decoder"]
        parts = decoder.get("decoders", [decoder]) if decoder else []
        return byte_letters() if any(part["type"] == "ByteLevel" for part in parts) else {}


def byte_letters() -> dict[str, int]:
    """Return the byte that each letter of GPT-2's alphabet stands for.

    Printable characters of Latin-1 stand for themselves; the other bytes, in order, for the letters
    from U+0100 on (`bytes_to_unicode` in openai/gpt-2's encoder.py).
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    own = {letter: ord(letter) for letter in alphabet if ord(letter) < 256}
    others = (letter for letter in alphabet if ord(letter) >= 256)
    missing = (byte for byte in range(256) if byte not in own.values())
    return own | dict(zip(others, missing, strict=True))
