"""An answer while it is written: what the rules allow is given out, the rest never."""

from collections.abc import Iterable
from dataclasses import dataclass

from storage.safety.profile import Profile
from worker.datasets.care.readability import FEWEST_WORDS, Syllables, counts, ease
from worker.safety.finding import Finder
from worker.safety.scanning import Found, Scanner
from worker.safety.verdicts import Verdict, verdict

DISCLAIMER = "disclaimer"

_LOOKED_AT = 20_000
"""Characters of an answer whose readability is measured."""

_SYLLABLES = Syllables("en")


@dataclass(frozen=True)
class Opening:
    """What is known before an answer begins.

    Attributes:
        verdicts: of its question.
        is_first: no answer came before it.
    """

    verdicts: tuple[Verdict, ...]
    is_first: bool


class AnswerStream:
    """Takes an answer in, piece by piece, and returns what may be shown.

    Attributes:
        verdicts: of the question and, as they come, of the answer; a rule once a side.
        blocked: a rule has ended the answer; nothing follows.
    """

    def __init__(self, profile: Profile, scanner: Scanner, opening: Opening) -> None:
        self._profile, self._scanner, self._is_first = profile, scanner, opening.is_first
        self.verdicts = list(opening.verdicts)
        self.blocked = False
        self._notes = _words(opening.verdicts, "note")
        self._before = _words(opening.verdicts, "notice")
        self._shown = ""  # of the model's own words, for their readability
        self._tail = ""  # of all that was given out

    def open(self) -> str:
        """Return the notices of the question, once; `feed` does it where nobody has."""
        notices, self._before = self._before, []
        opened = "".join(f"{words}\n\n" for words in dict.fromkeys(notices))
        self._tail = opened or self._tail
        return opened

    def feed(self, piece: str) -> str:
        """Take more of the answer in and return what may be shown now, often nothing.

        Raises:
            TooSlow: a pattern takes too long; nothing more may be shown.
        """
        if self.blocked:
            return ""
        return self.open() + self._allowed(self._scanner.feed(piece))

    def finish(self) -> str:
        """Return what is left, with the notes and disclaimers: the answer is over."""
        if self.blocked:
            return ""
        shown = self.open() + self._allowed(self._scanner.finish())
        if self.blocked:
            return shown
        self._disclaim()
        return shown + "".join(self._paragraph(each) for each in dict.fromkeys(self._notes))

    @property
    def ease(self) -> float | None:
        """The Flesch reading ease (1948) of the model's words so far; None below ten words.

        For English: 206.835 - 1.015 words/sentences - 84.6 syllables/words.
        """
        found = counts(self._shown, _SYLLABLES)
        return round(ease(found, "en"), 1) if found.words >= FEWEST_WORDS else None

    def _allowed(self, found: Iterable[str | Found]) -> str:
        shown = ""
        for each in found:
            if isinstance(each, str):
                shown += self._told(each)
                self._shown = (self._shown + each)[:_LOOKED_AT]
            else:
                shown += self._acted(each.finder)
            if self.blocked:
                break
        return shown

    def _acted(self, finder: Finder) -> str:
        """Note a find and return the words that it puts into the answer here."""
        told = verdict(finder, "output")
        is_new = told not in self.verdicts
        if is_new:
            self.verdicts.append(told)
        if told["action"] == "replace":
            return self._told(told["words"])
        if told["action"] == "block":
            self.blocked = True
            return self._paragraph(told["words"])
        if told["action"] == "notice" and is_new:
            return self._paragraph(told["words"]) + self._told("\n\n")
        if told["action"] == "note":
            self._notes.append(told["words"])
        return ""

    def _disclaim(self) -> None:
        topics = {one["topic"] for one in self.verdicts}
        for disclaimer in self._profile.disclaimers:
            when = disclaimer.when
            if when == "always" or (when == "first" and self._is_first) or when in topics:
                self._notes.append(disclaimer.text)
                self.verdicts.append(_disclaimed(disclaimer.text, when))

    def _paragraph(self, words: str) -> str:
        """Return words as a paragraph of their own."""
        gap = "" if not self._tail or self._tail.endswith("\n\n") else "\n\n"
        return self._told(gap + words)

    def _told(self, words: str) -> str:
        self._tail = (self._tail + words)[-2:]
        return words


def _words(verdicts: tuple[Verdict, ...], action: str) -> list[str]:
    return [one["words"] for one in verdicts if one["action"] == action]


def _disclaimed(text: str, when: str) -> Verdict:
    topic = None if when in ("always", "first") else when
    return Verdict(
        rule=DISCLAIMER, title=DISCLAIMER, topic=topic, action="note", words=text, side="output"
    )
