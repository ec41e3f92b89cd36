"""Puts right what makes a line no strict JSON, where nothing is lost and nothing guessed."""

import ast
import io
import re
import tokenize
import unicodedata
import warnings
from itertools import pairwise
from typing import Any

from orjson import JSONDecodeError, dumps, loads

from worker.datasets.sources.jsonl import BOM

# the strict JSON that was meant; kind and reason of each repair
Repaired = tuple[bytes, list[tuple[str, str]]]

_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]++|\\.)*+"|,(?=\s*[}\]])', re.DOTALL)
_BEYOND_LETTERS = frozenset("‘’‚“”„–—…•«»€°§²³µ½¼¾·©®™£¿¡×")  # noqa: RUF001
_TWO_BYTES = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_PYTHON = re.compile("'|None|True|False")
_PYTHON_LIMIT = 1_000_000  # characters; Python's own parser takes 100 bytes and more for each
_DEPTH_LIMIT = 100


def repaired(line: bytes) -> Repaired | None:
    """The line as strict JSON and what was put right, or None where that is not certain."""
    done: list[tuple[str, str]] = []
    if line.startswith(BOM):
        line = line.removeprefix(BOM)
        done.append(("byte_order_mark", "An invisible byte order mark was taken off."))
    text = _text(line, done)
    if text is None:
        return None
    for attempt in (_as_it_is, _without_commas, _from_python):
        found = attempt(text)
        if found is not None:
            strict, repair = found
            return strict, done + repair
    return None


def _text(line: bytes, done: list[tuple[str, str]]) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        text = _from_windows(line)
    if text is not None:
        done.append(("windows_1252", "Letters in the encoding Windows-1252 were read as such."))
    return text


def _from_windows(line: bytes) -> str | None:
    """The text of a line in Windows-1252; None where a part of it could be UTF-8."""
    if _TWO_BYTES.search(line):
        return None
    try:
        text = line.decode("cp1252")
    except UnicodeDecodeError:
        return None
    odd = {letter for letter in text if letter > "\x7f"} - _BEYOND_LETTERS
    return text if all(unicodedata.category(letter)[0] == "L" for letter in odd) else None


def _strict(text: str) -> bytes | None:
    try:
        loads(text)
    except JSONDecodeError:
        return None
    return text.encode()


def _as_it_is(text: str) -> Repaired | None:
    strict = _strict(text)
    return None if strict is None else (strict, [])


def _without_commas(text: str) -> Repaired | None:
    """Commas after the last element or after the object itself separate nothing."""
    bare = _STRING_OR_COMMA.sub(lambda found: "" if found[0] == "," else found[0], text)
    strict = _strict(bare.rstrip().removesuffix(","))
    reason = "A comma that separates nothing was left out."
    return None if strict is None else (strict, [("trailing_comma", reason)])


def _from_python(text: str) -> Repaired | None:
    """A Python dict, as `print` or `str` write it."""
    if len(text) > _PYTHON_LIMIT or not _PYTHON.search(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a backslash without meaning is no certain text
            _refuse_joined(text)
            value = _value(ast.parse(text.strip(), mode="eval").body, 0)
        strict = dumps(value)
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, Warning):
        return None
    except tokenize.TokenError:
        return None
    return strict, [("python_dict", "The row was written as Python and was read as such.")]


def _refuse_joined(text: str) -> None:
    """Python silently joins two strings between which a comma was lost."""
    kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(text).readline)]
    if any(one == other == tokenize.STRING for one, other in pairwise(kinds)):
        raise ValueError


def _value(node: ast.expr, depth: int) -> Any:
    if depth > _DEPTH_LIMIT:
        raise ValueError
    if isinstance(node, ast.Dict):
        names = [_name(key) for key in node.keys]
        if len(set(names)) != len(names):
            raise ValueError
        values = [_value(value, depth + 1) for value in node.values]
        return dict(zip(names, values, strict=True))
    if isinstance(node, ast.List):
        return [_value(item, depth + 1) for item in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bool | int | float | None):
        return node.value
    raise ValueError


def _name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError


def _number(node: ast.expr) -> int | float:
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError
