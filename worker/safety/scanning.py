"""A text that comes in pieces, held against rules; what may yet become part of a find is kept.

Decided is sentence by sentence, and where a sentence ends follows from the text alone: so it is the
same however the text is cut into pieces.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import regex

from worker.safety.finding import Finder
from worker.safety.folding import Folded, fold

LONGEST: Final = 200
"""Characters of a sentence; a longer one is taken in parts."""
MOST_HELD: Final = 400
"""Characters that wait for a sentence to come, at most; no find is longer."""
_CONTEXT: Final = 400
"""Characters before those, to see where a word or a sentence began."""

_SENTENCE_END: Final = regex.compile(
    "[.!?\u2026]+[\"'\u201d\u2019)\\]*_]*\\s|\\n|[\u3002\uff01\uff1f]"
)


@dataclass(frozen=True)
class Found:
    """A rule that was found; `text`: what it was found in, of the original. It stands for it."""

    finder: Finder
    text: str


@dataclass(frozen=True)
class _Hit:
    """Where, in the window, a rule was found; `sentence`: where its sentence begins."""

    finder: Finder
    start: int
    end: int
    sentence: int

    @property
    def at(self) -> int:
        return self.start if self.finder.rule.action == "replace" else self.sentence


Judge = Callable[[str], Sequence[Finder]]
"""Says of a sentence which rules hold that are no expressions, such as a classifier's."""


class Scanner:
    """Takes a text in, piece by piece, and gives it out again with the finds among it.

    A find comes before the sentence that it is in; one to be replaced in the place of its text.
    """

    def __init__(self, finders: Sequence[Finder], judge: Judge | None = None) -> None:
        self._finders, self._judge = finders, judge
        self._rest = ""  # an unfinished sentence
        self._window = ""  # context, then what is held
        self._shown = 0  # where in the window what is held begins
        self._sentences: list[int] = []  # where in the window they begin
        self._judged: list[_Hit] = []

    def feed(self, piece: str) -> Iterator[str | Found]:
        """Take a piece in and yield what is decided. Raises TooSlow."""
        self._rest += piece
        while (end := _end(self._rest)) is not None:
            sentence, self._rest = self._rest[:end], self._rest[end:]
            yield from self._take(sentence, is_last=False)

    def finish(self) -> Iterator[str | Found]:
        """Yield all that is left: the text is over. Raises TooSlow."""
        sentence, self._rest = self._rest, ""
        yield from self._take(sentence, is_last=True)

    def _take(self, sentence: str, *, is_last: bool) -> Iterator[str | Found]:
        if sentence:
            self._sentences.append(len(self._window))
            self._window += sentence
            self._judged += self._judgements(sentence)
        if self._finders or self._judged:
            hits, hold = self._decide(fold(self._window), is_last=is_last)
        else:
            hits, hold = [], len(self._window)
        yield from self._release(self._bound(hold, hits), hits)

    def _judgements(self, sentence: str) -> list[_Hit]:
        start, end = self._sentences[-1], len(self._window)
        found = self._judge(sentence) if self._judge else ()
        return [_Hit(finder, start, end, start) for finder in found]

    def _decide(self, folded: Folded, *, is_last: bool) -> tuple[list[_Hit], int]:
        """Return what is found, and from where on the window may yet become part of a find."""
        begin, length = folded.index(self._shown), len(folded.text)
        hits, open_from = [*self._judged], length
        for finder in self._finders:
            spans = finder.found(folded.text, begin)
            unfinished = [] if is_last else [span for span in spans if span[1] == length]
            hits += [self._hit(finder, folded, each) for each in spans if each not in unfinished]
            after = max([end for _, end in spans], default=begin)
            beginning = length if is_last else finder.may_begin(folded.text, after)
            open_from = min([open_from, beginning, *(start for start, _ in unfinished)])
        kept = [hit for hit in hits if not self._is_excused(hit, folded)]
        return kept, folded.places[open_from]

    def _hit(self, finder: Finder, folded: Folded, span: tuple[int, int]) -> _Hit:
        start, end = folded.places[span[0]], folded.end(span[1])
        return _Hit(finder, start, end, max(self._begin_of(start), self._shown))

    def _is_excused(self, hit: _Hit, folded: Folded) -> bool:
        begins = self._begin_of(hit.start)
        ends = min((at for at in self._sentences if at >= hit.end), default=len(self._window))
        return hit.finder.excused(folded.text[folded.index(begins) : folded.index(ends)])

    def _bound(self, hold: int, hits: list[_Hit]) -> int:
        """Return up to where to give the window out: whole sentences, not holding too much."""
        length = len(self._window)
        if hold < length:
            hold = self._begin_of(hold)
        while inside := [hit for hit in hits if hit.start < hold < hit.end]:
            hold = self._begin_of(min(hit.start for hit in inside))
        if length - hold <= MOST_HELD:
            return max(hold, self._shown)
        hold = length - MOST_HELD
        return max([hold, *(hit.end for hit in hits if hit.start < hold < hit.end)])

    def _begin_of(self, place: int) -> int:
        """Return where the sentence at a place of the window begins."""
        return max((at for at in self._sentences if at <= place), default=0)

    def _release(self, hold: int, hits: list[_Hit]) -> Iterator[str | Found]:
        """Yield the window up to `hold`, with the finds in it, and keep what is needed later."""
        hits = [hit for hit in hits if hit.start < hold]
        at = self._shown
        for hit in sorted(hits, key=_order):
            if hit.at < at:
                if hit.finder.rule.action == "replace":
                    continue  # it overlaps one that is replaced already
            elif hit.at > at:
                yield self._window[at : hit.at]
                at = hit.at
            yield Found(hit.finder, self._window[hit.start : hit.end])
            if hit.finder.rule.action == "replace":
                at = max(at, hit.end)
        if hold > at:
            yield self._window[at:hold]
        self._forget(max(hold, at))

    def _forget(self, shown: int) -> None:
        gone = max(0, shown - _CONTEXT)
        self._judged = [hit for hit in self._judged if hit.start >= shown]
        self._judged = [
            _Hit(hit.finder, hit.start - gone, hit.end - gone, hit.sentence - gone)
            for hit in self._judged
        ]
        began = self._begin_of(gone)
        self._sentences = [max(0, at - gone) for at in self._sentences if at >= began]
        self._window, self._shown = self._window[gone:], shown - gone


def _end(text: str) -> int | None:
    """Return where the first sentence of a text ends; None: it is not there yet."""
    end = _SENTENCE_END.search(text, 0, LONGEST)
    if end is not None:
        return end.end()
    if len(text) < LONGEST:
        return None
    blank = max(text.rfind(" ", 0, LONGEST), text.rfind("\t", 0, LONGEST))
    return blank + 1 if blank > 0 else LONGEST


def _order(hit: _Hit) -> tuple[int, bool, int]:
    """Notices come before what ends the answer."""
    return hit.at, hit.finder.rule.action == "block", hit.start
