"""Where the answers of a written conversation begin and end, found by writing parts of it.

The model writes what comes after the words that ask it for an answer, up to where the next turn
begins. Both are found by comparing texts, so that merges of the tokenizer play no part.
"""

from collections.abc import Callable
from os.path import commonprefix
from typing import Any

from storage.errors import StudioError
from worker.training.conversations import Conversation, Turn

Span = tuple[int, int]
Render = Callable[[list[Turn], list[Any] | None, bool], str]
"""Writes turns with tools; asks for an answer where the last argument says so."""

_QUESTION = {"role": "user", "content": "probe-question"}
_ANSWER = {"role": "assistant", "content": "probe-answer"}


class Comparison:
    """Finds turns by what the conversation is without and with them.

    Args:
        render: see `Render`.
        refusals: what a template raises.
        split: cuts a text into the stretches of its tokens.
    """

    def __init__(
        self,
        render: Render,
        refusals: tuple[type[Exception], ...],
        split: Callable[[str], list[Span]],
    ) -> None:
        self._render, self._refusals, self._split = render, refusals, split
        self._closings: dict[str, str] = {}
        self._probed_header: str | None = None

    def answer(self, conversation: Conversation, number: int, whole: str) -> Span:
        """Return where an answer stands in the text of the whole conversation.

        Raises:
            StudioError: the template writes earlier turns differently; names the line.
        """
        return self._asked(conversation, number, whole), self._end(conversation, number + 1, whole)

    def turn(self, conversation: Conversation, number: int, whole: str) -> Span:
        """Return where any turn stands, with its role. Raises StudioError, as `answer`."""
        start = self._end(conversation, number, whole) if number else 0
        return start, self._end(conversation, number + 1, whole)

    def _asked(self, conversation: Conversation, number: int, whole: str) -> int:
        """Where the answer begins: after what asks for it."""
        before = self._render(conversation.turns[:number], conversation.tools, True)
        if whole.startswith(before):
            return len(before)
        # What asks holds more than the written conversation has, such as the start of a thought.
        start = self._end(conversation, number, whole) if number else 0
        header = self._header
        if not header or not whole.startswith(header, start):
            raise rewritten(conversation.line)
        return start + len(header)

    def _end(self, conversation: Conversation, count: int, whole: str) -> int:
        """Where the first `count` turns end."""
        turns = conversation.turns[:count]
        text = self._render(turns, conversation.tools, False)
        if not whole.startswith(text):
            text = text.removesuffix(self._closing(turns[-1]["role"]))
        if not whole.startswith(text):
            raise rewritten(conversation.line)
        return len(text)

    def _closing(self, role: str) -> str:
        """What the template writes only where a conversation ends, such as Phi's end of text."""
        known = "assistant" if role == "assistant" else "user"
        if known not in self._closings:
            count = 2 if known == "assistant" else 1
            turns = [_QUESTION, _ANSWER, _QUESTION]
            try:
                ended, longer = (self._render(turns[:n], None, False) for n in (count, count + 1))
            except self._refusals:
                ended = longer = ""
            self._closings[known] = ended[self._same(ended, longer) :]
        return self._closings[known]

    @property
    def _header(self) -> str:
        """What comes before the words of an answer."""
        if self._probed_header is None:
            try:
                asked, answered = (
                    self._render([_QUESTION, _ANSWER][:n], None, False) for n in (1, 2)
                )
            except self._refusals:
                asked = answered = ""
            start = self._same(asked, answered)
            self._probed_header = answered[start:].partition(_ANSWER["content"])[0]
        return self._probed_header

    def _same(self, one: str, other: str) -> int:
        """How far two texts agree, in whole tokens."""
        if other.startswith(one):
            return len(one)
        most = len(commonprefix([one, other]))  # noqa: RUF071  (letters are meant)
        ends = [end for _, end in self._split(one) if end <= most]
        return ends[-1] if ends else 0


def rewritten(line: int) -> StudioError:
    """Return what is said of a template that writes earlier turns differently later."""
    return StudioError(
        f"In line {line} the answers cannot be told from the questions: this model's "
        "chat format writes earlier turns differently once more turns follow.",
        "Switch off 'Learn from the answers only' (where turns have no weights of their own), "
        "choose another chat format, or another base model.",
    )
