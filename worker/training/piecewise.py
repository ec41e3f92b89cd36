"""Exact numbers of tokens, quickly: each distinct piece of text is tokenized once."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from worker.training.display import byte_letters
from worker.training.pretokens import Rules, Unsuited, of
from worker.training.spans import Span
from worker.training.writing import Written

_MOST_PIECES = 500_000  # kept in memory; then it starts anew
_LONGEST_PIECE = 64  # characters; longer ones are rarely seen again
_CHECKED = 16  # texts of a list that the tokenizer counts too


class Differs(Exception):
    """The tokenizer itself counts another number; the quick way is not for this one."""


class _Memo(dict[str, int]):
    """The number of tokens of each piece that was seen."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._tokenize = model.tokenize
        self._letters = {byte: letter for letter, byte in byte_letters().items()}

    def __missing__(self, piece: str) -> int:
        text = piece if piece.isascii() else piece.encode().decode("latin-1")
        count = len(self._tokenize(text.translate(self._letters)))
        if len(piece) <= _LONGEST_PIECE:
            if len(self) >= _MOST_PIECES:
                self.clear()
            self[piece] = count
        return count


class Piecewise:
    """Counts the tokens of texts by their pieces.

    Raises:
        Unsuited: on creation, where merges may cross the pieces of this tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.rules: Rules = of(tokenizer)
        self._count = _Memo(tokenizer.backend_tokenizer.model).__getitem__

    def count(self, text: str, *, is_text: bool = False) -> int | None:
        """Return how many tokens a text has; None where only the tokenizer knows.

        Args:
            text: without what a tokenizer puts around it.
            is_text: special tokens in it are mere characters.
        """
        if not self._is_sure(text):
            return None
        cuts = self.rules.added_in_text if is_text else self.rules.added
        if not any(cut.search(text) for cut in cuts):
            return self._sum(text)
        return sum(1 if added else self._sum(part) for part, added in _parts(text, cuts))

    def places(self, text: str, cuts: Sequence[int]) -> list[int] | None:
        """Return how many tokens come before each cut, and how many there are in all.

        Args:
            text: of a conversation.
            cuts: places between characters, in order.

        Returns:
            None where a cut goes through a token, or only the tokenizer knows.
        """
        if not self._is_sure(text) or not self._is_composed(text):
            return None
        found, at, tokens, left = [], 0, 0, list(cuts)
        for part, added in _parts(text, self.rules.added):
            end = at + len(part)
            inside = [cut - at for cut in left if cut < end]
            left = left[len(inside) :]
            before = _before_added(inside) if added else self._before(part, inside)
            if before is None:
                return None
            found += [tokens + number for number in before]
            tokens += 1 if added else self._sum(part)
            at = end
        return [*found, *[tokens] * len(left), tokens]

    def _before(self, part: str, cuts: list[int]) -> list[int] | None:
        """Count the tokens before each cut of a part; a cut must go between two pieces."""
        if not any(cuts):
            return [0] * len(cuts)
        pieces = self.rules.pattern.findall(part)
        tokens = list(accumulate(map(self._count, pieces), initial=0))
        ends = {end: n for n, end in enumerate(accumulate(map(len, pieces), initial=0))}
        if any(cut not in ends for cut in cuts):
            return None
        return [tokens[ends[cut]] for cut in cuts]

    def _sum(self, part: str) -> int:
        if self.rules.composes and not part.isascii():
            part = unicodedata.normalize("NFC", part)
        return sum(map(self._count, self.rules.pattern.findall(part)))

    def _is_sure(self, text: str) -> bool:
        return text.isascii() or self.rules.unsure.search(text) is None

    def _is_composed(self, text: str) -> bool:
        return not self.rules.composes or unicodedata.is_normalized("NFC", text)


def counts(tokenizer: Any, texts: Sequence[str]) -> tuple[list[int], str | None]:
    """Return how many tokens each text has, added tokens in it counted as such.

    The same as the lengths of `tokenizer(texts, add_special_tokens=False)`, checked on some of the
    texts.

    Returns:
        the numbers, and why they could not be counted quickly (None: they were).
    """
    try:
        quick = Piecewise(tokenizer)
        found = [quick.count(text) for text in texts]
        for number in range(0, len(texts), max(1, len(texts) // _CHECKED)):
            if found[number] not in (None, *_by_tokenizer(tokenizer, texts[number : number + 1])):
                raise Differs("the tokenizer itself counted another number")
    except (Unsuited, Differs) as reason:
        return _by_tokenizer(tokenizer, texts), str(reason)
    slow = [number for number, count in enumerate(found) if count is None]
    rest = dict(zip(slow, _by_tokenizer(tokenizer, [texts[n] for n in slow]), strict=True))
    return [rest[n] if count is None else count for n, count in enumerate(found)], None


def learned(written: Written, quick: Piecewise) -> tuple[int, list[Span]] | None:
    """Return a conversation's number of tokens and the stretches of tokens that are learned.

    None where only the encoder can tell.
    """
    if written.is_marked:
        return None
    if written.learned is None:
        total = quick.count(written.text)
        return None if total is None else (total, [(0, total)])
    cuts = [cut for span in written.learned for cut in span]
    places = quick.places(written.text, cuts)
    if places is None:
        return None
    return places[-1], list(zip(places[:-1:2], places[1:-1:2], strict=True))


def _by_tokenizer(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    if not texts:
        return []
    return [len(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]]


def _before_added(cuts: list[int]) -> list[int] | None:
    return None if any(cuts) else [0] * len(cuts)


def _parts(text: str, cuts: tuple[Any, ...]) -> Iterator[tuple[str, bool]]:
    """Yield what stands between added tokens (False) and the tokens themselves (True)."""
    if not cuts:
        yield text, False
        return
    for number, part in enumerate(cuts[0].split(text)):
        if number % 2:
            yield part, True
        elif part:
            yield from _parts(part, cuts[1:])
