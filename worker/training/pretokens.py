"""How a byte-level tokenizer cuts a text before it merges, read from the tokenizer's own JSON.

Only tokenizers whose merges stay inside these pieces: byte-level BPE, cut by one of the patterns
below. Python's `re` knows no Unicode properties, so each is written out as the characters it
stands for; what Python's Unicode does not know for sure is left to the tokenizer itself.
"""

import json
import re
import sys
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

from tokenizers import AddedToken
from tokenizers.models import BPE

from worker.training.display import byte_letters

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
KNOWN = (GPT2, LLAMA3, QWEN2)

_CONTRACTIONS = ("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:s|t|re|ve|m|ll|d)")
_WORDS = (
    r" \p{L}++|\p{L}++|"  # most pieces; nothing that comes earlier in a pattern begins like one
)
_WHITE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Unicode's White_Space
_PICTURES = range(0x1F000, 0x1FB00)
_LONG_S = 0x17F  # an s without regard to case
_PROPERTY = re.compile(r"\[[^\]]*\]|\\p\{[LN]\}|\\[sS]")


class Unsuited(Exception):
    """The pieces of this tokenizer cannot be counted one by one; says why."""


@dataclass(frozen=True)
class Rules:
    """How a text becomes pieces.

    Attributes:
        pattern: finds the pieces of what stands between added tokens.
        unsure: finds characters that are left to the tokenizer.
        composes: whether pieces are cut from the text in Unicode's form NFC.
        added: patterns that cut out added tokens, one after the other.
        added_in_text: the same where special tokens are to be mere characters.
    """

    pattern: re.Pattern[str]
    unsure: re.Pattern[str]
    composes: bool
    added: tuple[re.Pattern[str], ...]
    added_in_text: tuple[re.Pattern[str], ...]


def of(tokenizer: Any) -> Rules:
    """Return the rules of a transformers tokenizer. Raises Unsuited where there are none."""
    if not tokenizer.is_fast or tokenizer.split_special_tokens:
        raise Unsuited("the tokenizer is none of the tokenizers library, or one of its own kind")
    backend = tokenizer.backend_tokenizer
    _require_bytes(backend.model)
    normalizer = _told(backend.normalizer)
    if normalizer is not None and normalizer["type"] != "NFC":
        raise Unsuited(f"the tokenizer rewrites texts first ({normalizer['type']})")
    pattern = _pattern(_told(backend.pre_tokenizer))
    composes = normalizer is not None
    tokens = list(backend.get_added_tokens_decoder().values())
    return Rules(
        pattern=re.compile(translated(pattern)),
        unsure=re.compile(f"[^{_sure()}]"),
        composes=composes,
        added=_cuts(tokens, composes=composes),
        added_in_text=_cuts([t for t in tokens if not t.special], composes=composes),
    )


def translated(pattern: str) -> str:
    """Return one of KNOWN for Python's `re`, in an order that is decided sooner."""
    return _PROPERTY.sub(_written_out, _WORDS + pattern.replace(*_CONTRACTIONS))


def _told(part: Any) -> dict[str, Any] | None:
    """A part of a tokenizer as in its JSON; the whole of it would bring the vocabulary along."""
    found: dict[str, Any] | None = None if part is None else json.loads(part.__getstate__())
    return found


def _require_bytes(model: Any) -> None:
    if not isinstance(model, BPE):
        raise Unsuited(f"the tokenizer is no BPE ({type(model).__name__})")
    odd = (model.dropout, model.continuing_subword_prefix, model.end_of_word_suffix)
    if any(odd) or model.byte_fallback:
        raise Unsuited("the tokenizer's BPE has settings of its own")
    if any(model.token_to_id(letter) is None for letter in byte_letters()):
        raise Unsuited("the tokenizer does not know every byte")


def _pattern(cutter: dict[str, Any] | None) -> str:
    steps = [] if cutter is None else cutter.get("pretokenizers", [cutter])
    kinds = [step["type"] for step in steps]
    found = None
    if kinds == ["ByteLevel"] and steps[0]["use_regex"]:
        found = GPT2
    elif kinds == ["Split", "ByteLevel"] and not steps[1]["use_regex"]:
        is_plain = steps[0]["behavior"] == "Isolated" and not steps[0]["invert"]
        found = steps[0]["pattern"].get("Regex") if is_plain else None
    if found not in KNOWN or steps[-1]["add_prefix_space"]:
        raise Unsuited("the tokenizer cuts texts in a way that merges may cross")
    return str(found)


def _cuts(tokens: list[AddedToken], *, composes: bool) -> tuple[re.Pattern[str], ...]:
    """The library looks for tokens in the text as it is first, then in the normalized text."""
    if any(token.single_word or token.lstrip or token.rstrip for token in tokens):
        raise Unsuited("added tokens of the tokenizer swallow their neighbours")
    if composes and any(token.normalized for token in tokens):
        raise Unsuited("added tokens are looked for in normalized text")
    passes = [[t.content for t in tokens if t.normalized is late] for late in (False, True)]
    return tuple(_any_of(contents) for contents in passes if contents)


def _any_of(contents: list[str]) -> re.Pattern[str]:
    longest_first = sorted(contents, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})")


def _written_out(match: re.Match[str]) -> str:
    part = match[0]
    if part.startswith("["):
        for name, letters in _classes().items():
            part = part.replace(name, letters)
        return part
    return f"[^{_WHITE}]" if part == r"\S" else f"[{_classes()[part]}]"


@cache
def _classes() -> dict[str, str]:
    return {r"\p{L}": _ranges("L"), r"\p{N}": _ranges("N"), r"\s": _WHITE}


def _ranges(kind: str) -> str:
    """The characters below U+10000 of a kind, as in square brackets."""
    return _joined([n for n in range(0x10000) if unicodedata.category(chr(n))[0] == kind])


@cache
def _sure() -> str:
    """Characters that every version of Unicode in use agrees on, pictures above U+10000 too."""
    known = [n for n in range(0x10000) if unicodedata.category(chr(n)) not in ("Cn", "Cs")]
    known.remove(_LONG_S)
    pictures = [n for n in _PICTURES if unicodedata.category(chr(n))[0] == "S"]
    return _joined(known + pictures)


def _joined(numbers: list[int]) -> str:
    starts = [n for n, before in zip(numbers, [-2, *numbers], strict=False) if n != before + 1]
    ends = [
        n
        for n, after in zip(numbers, [*numbers[1:], sys.maxunicode + 2], strict=True)
        if n + 1 != after
    ]
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in zip(starts, ends, strict=True))
