"""Tokens become text piece by piece: whole characters only, nothing past a stop text."""

from typing import Any, Final

# A character takes at most four byte-level tokens. Text that still ends in a replacement
# character after this many really contains one, and is passed on.
_LONGEST_CHARACTER: Final = 8
_BROKEN: Final = "\ufffd"


class AnswerText:
    """The text of one answer while it grows.

    Attributes:
        stopped: a stop text was reached; it and what follows it is never shown.
    """

    def __init__(self, tokenizer: Any, stops: tuple[str, ...]) -> None:
        """Starts empty; `tokenizer` decodes, `stops` are the texts that end the answer."""
        self._tokenizer = tokenizer
        self._stops = stops
        self._tokens: list[int] = []
        self._context = 0
        self._told = 0
        self._held = ""
        self.stopped = False

    def feed(self, token: int) -> str:
        """Takes one token in and returns the text that may be shown now, often empty."""
        self._tokens.append(token)
        whole = self._decoded(self._context, len(self._tokens))
        if whole.endswith(_BROKEN) and len(self._tokens) - self._told < _LONGEST_CHARACTER:
            return ""
        return self._released(self._advance(whole))

    def finish(self) -> str:
        """What was held back for a character or a stop text that did not come."""
        if self.stopped:
            return ""
        rest = self._advance(self._decoded(self._context, len(self._tokens)))
        shown = self._released(rest)
        if self.stopped:
            return shown
        shown, self._held = shown + self._held, ""
        return shown

    def _advance(self, whole: str) -> str:
        """The text past what was told; decoded beside its neighbours, as spaces depend on them."""
        told = self._decoded(self._context, self._told)
        self._context, self._told = self._told, len(self._tokens)
        return whole[len(told) :]

    def _decoded(self, start: int, end: int) -> str:
        return str(self._tokenizer.decode(self._tokens[start:end], skip_special_tokens=True))

    def _released(self, text: str) -> str:
        text = self._held + text
        ends = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            self.stopped, self._held = True, ""
            return text[: min(ends)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of `text` could be the beginning of `stop`."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
