"""Texts as the rules read them: plain letters, sentence by sentence, and what a word negates."""

import re
import unicodedata
from dataclasses import dataclass

Pattern = re.Pattern[str]

_QUOTES = str.maketrans(dict.fromkeys("\u2019\u2018", "'") | dict.fromkeys("“”„«»", '"'))
_DASHES = str.maketrans(dict.fromkeys("\u2013\u2014\u2011\u2212", "-"))
_MARKUP = re.compile(r"\*+|__+|^#+\s*|`+|^\s*(?:[-•]|\d+\.)\s+", re.MULTILINE)
_ABBREVIATIONS = re.compile(r"\b(dr|mr|mrs|ms|e\.g|i\.e|etc|approx|vs|no)\.(?=\s)", re.IGNORECASE)
_ENDS = re.compile(r"(?<=[.!?])[\"')]*\s+|\n+|;\s+")
_QUOTED = re.compile(r'"([^"\n]{1,400})"')
_FEW_WORDS = 2  # in quotes they are a name or a number, not somebody's words

CLAUSE = re.compile(r",\s|;|:\s|\s-+\s|\bbut\b|\bhowever\b|\balthough\b")
"""Where a negation ends to count."""

_NEGATIONS = re.compile(
    r"\b(?:not(?! alone)|never|no|nobody|nothing|none|neither|nor|without|cannot|avoid|unnecessary"
    r"|needless|instead of|rather than|refuse[sd]? to)\b|n't\b"
)
_TURNED_BACK = re.compile(
    r"\b(?:hesitate|delay|afraid|ashamed|shy|embarrassed|scared|worry|wait|forget|be too proud"
    r"|put off|fail|waste (?:any )?time|lose (?:any )?time)\b"
)
"""Not to do one of these is to do what follows: "do not hesitate to call"."""

_MOST_BEFORE = 9  # words between a negation and what it negates


@dataclass(frozen=True)
class Found:
    """What a rule found: the words that match, and the whole sentence around them."""

    phrase: str
    sentence: str


def plain(text: str) -> str:
    """Return a text in small letters, with plain quotes and dashes and without markup."""
    straight = unicodedata.normalize("NFKC", text.translate(_QUOTES)).translate(_DASHES)
    return _MARKUP.sub("", straight).lower().strip()


def sentences(text: str) -> list[str]:
    """Return the sentences of a text that `plain` has prepared."""
    whole = _ABBREVIATIONS.sub(r"\1", text)
    return [" ".join(part.split()) for part in _ENDS.split(whole) if part.strip()]


def own_words(text: str) -> str:
    """Return a plain text without what it quotes; one that is a quote as a whole stays."""
    inner = text.strip().strip('"')
    kept = inner if '"' not in inner else text
    return _QUOTED.sub(lambda quote: quote[0] if _is_short(quote[1]) else " ", kept)


def find(pattern: Pattern, text: str) -> Found | None:
    """Return where the text says what a pattern says, and no negation stands before it."""
    for sentence in sentences(text):
        for match in pattern.finditer(sentence):
            if not is_negated(sentence, match):
                return Found(match[0].strip(), sentence)
    return None


def is_negated(sentence: str, match: re.Match[str]) -> bool:
    """Tell whether the clause says, up to the match, not to do what was matched."""
    before = CLAUSE.split(sentence[: match.start()])[-1]
    return _turns(" ".join(before.split()[-_MOST_BEFORE:]))


def is_denied(sentence: str, match: re.Match[str]) -> bool:
    """Tell the same of what a person is told to do: a negation behind its verb counts as well."""
    return is_negated(sentence, match) or _turns(match[0].partition(" ")[2])


def _turns(words: str) -> bool:
    negations = list(_NEGATIONS.finditer(words))
    if not negations or _TURNED_BACK.search(words, negations[0].end()):
        return False
    is_not_without = len(negations) > 1 and negations[-1][0] == "without"
    return not is_not_without


def _is_short(quoted: str) -> bool:
    return len(quoted.split()) <= _FEW_WORDS
