"""Says in words, and to the character, why a line is not strict JSON. Runs on broken lines only."""

import json
import re
from collections.abc import Iterator
from typing import NoReturn

from worker.datasets.faults import Refusal, quoted
from worker.datasets.sources.jsonl import BOM
from worker.datasets.values import explain_value

DEPTH_LIMIT = 64
# Possessive repeats: a string of megabytes would otherwise fill the memory with ways back.
_TOKEN = re.compile(r'("(?:[^"\\]++|\\.)*+")(\s*:)?|[{}\[\]]|"', re.DOTALL)
_TYPOGRAPHIC = "“”„‟‘’‚«»"  # noqa: RUF001  quotation marks that a word processor puts in


def explain(line: bytes, ends_open: bool) -> NoReturn:
    """Raises the refusal of a line that the strict parser did not accept.

    Args:
        line: the bytes.
        ends_open: the line is the file's last and has no line end: a cut-off file ends so.
    """
    text = _decoded(line)
    check_structure(text)
    try:
        json.loads(text, parse_constant=_skip, parse_int=_skip, parse_float=_skip)
    except json.JSONDecodeError as error:
        _explain_syntax(text, error, ends_open)
    explain_value(text)


def check_structure(text: str) -> None:
    """Refuses nesting deeper than `DEPTH_LIMIT` and a name given twice in one object.

    Both parsers keep the last of two equal names silently, so that an answer would be lost unseen.
    """
    names: list[set[str]] = []
    for column, token, is_name in _tokens(text):
        if token in "{[":
            names.append(set())
            if len(names) > DEPTH_LIMIT:
                raise too_deep(column)
        elif token in "}]":
            if names:
                names.pop()
        elif is_name and names:
            _add_name(names[-1], token, column)


def too_deep(column: int = 1) -> Refusal:
    """The refusal of a line nested deeper than any of the known formats needs."""
    return Refusal(
        "too_deep",
        f"Lists and objects are nested deeper than {DEPTH_LIMIT} levels.",
        "Training needs two or three levels: keep the fields of the example and drop the rest.",
        column,
    )


def _tokens(text: str) -> Iterator[tuple[int, str, bool]]:
    """Brackets and whole strings with their column; ends at a string that never closes."""
    for match in _TOKEN.finditer(text):
        if match[0] == '"':
            return
        yield match.start() + 1, match[1] or match[0], match[2] is not None


def _add_name(names: set[str], token: str, column: int) -> None:
    try:
        name = json.loads(token, strict=False)
    except json.JSONDecodeError:
        return  # a bad escape: the parser names it with its own column
    if name in names:
        raise Refusal(
            "duplicate_key",
            f"The field {quoted(name)} is given twice in one object; one of them would be lost.",
            "Keep one of the two, or rename one.",
            column,
        )
    names.add(name)


def _decoded(line: bytes) -> str:
    """The line as text; a byte order mark in front (joined files) is taken off."""
    try:
        return line.removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        column = len(line[: error.start].removeprefix(BOM).decode()) + 1
        byte = line[error.start]
        raise Refusal(
            "not_utf8",
            f"The byte 0x{byte:02X} is not valid UTF-8{_windows_guess(byte)}.",
            "Save the file as UTF-8 (in the editor or spreadsheet: Save as, encoding UTF-8).",
            column,
        ) from None


def _windows_guess(byte: int) -> str:
    """What the byte would mean in the encoding of Western European Windows programs."""
    letter = bytes([byte]).decode("cp1252", errors="ignore")
    return f' (in Windows-1252 it would be "{letter}")' if letter.isprintable() and letter else ""


def _skip(_literal: str) -> None:
    """Reads past a number: only the syntax matters here, and 5,000 digits would raise."""


def _explain_syntax(text: str, error: json.JSONDecodeError, ends_open: bool) -> NoReturn:
    """Chooses the words by what stands where the parser stopped."""
    at = error.pos
    here = text[at:].lstrip(" \t")
    before = text[:at].rstrip(" \t")
    column = at + 1
    if text[:1] not in ("{", "[", '"', " ", "\t"):
        _explain_start(text)
    if not here or error.msg.startswith("Unterminated string"):
        _explain_end(column, ends_open)
    if error.msg == "Extra data":
        _explain_rest(here, len(text) - len(here) + 1)
    if error.msg.startswith("Invalid control character"):
        raise control_character(text[at], column)
    if error.msg.startswith("Invalid \\"):
        raise Refusal(
            "bad_escape",
            f"The backslash before {quoted(text[at + 1 : at + 2])} has no meaning in JSON.",
            "Write two backslashes for one.",
            column,
        )
    _explain_mark(here, before, column)
    raise Refusal(
        "broken_json",
        f"This is not JSON: {_missing(error.msg)} before {quoted(here, 20)}.",
        'A comma may be missing, or a quotation mark inside a text lacks its backslash (\\").',
        column,
    )


def _missing(message: str) -> str:
    words = {
        "Expecting ',' delimiter": "a comma is missing",
        "Expecting ':' delimiter": "a colon is missing",
        "Expecting value": "a value is missing",
    }
    return words.get(message, "a field name in quotation marks is missing")


def _explain_start(text: str) -> NoReturn:
    if text[0] in "/#":
        raise _comment(1)
    if text[0] in _TYPOGRAPHIC or text[0] == "'":
        _explain_mark(text, "", 1)
    if re.match(r"-?(NaN|Infinity)\b", text):
        explain_value(text)
    raise Refusal(
        "not_json",
        f"The line starts with {quoted(text, 20)}, not with {{ as a JSON object does.",
        'Every line must be one JSON object, such as {"prompt": "…", "completion": "…"}.',
    )


def _explain_end(column: int, ends_open: bool) -> NoReturn:
    if ends_open:
        raise Refusal(
            "cut_off",
            "The last line ends in the middle: the file looks cut off.",
            "Copy or download the file again; an upload or export may have stopped early.",
            column,
        )
    raise Refusal(
        "ends_early",
        "The line ends in the middle of its object.",
        "One object must stand on one line; write a line break inside a text as \\n.",
        column,
    )


def _explain_rest(here: str, column: int) -> NoReturn:
    """A whole JSON value ended, and something follows it on the same line."""
    if here[0] in "/#":
        raise _comment(column)
    if here.strip() == ",":
        raise Refusal(
            "trailing_comma",
            "There is a comma after the object.",
            "Remove the comma: in JSONL the lines are not joined by commas.",
            column,
        )
    if here.lstrip(", \t")[:1] in ("{", "["):
        raise Refusal(
            "two_objects",
            "Two objects stand on one line.",
            "Put each on a line of its own.",
            column,
        )
    raise Refusal(
        "text_after",
        f"Text follows the end of the object: {quoted(here, 20)}.",
        "Remove it, or close the object later.",
        column,
    )


def control_character(character: str, column: int = 1) -> Refusal:
    """The refusal of a character that no text should hold and not every database can."""
    return Refusal(
        "control_character",
        f"The text holds the invisible control character U+{ord(character):04X}.",
        "Remove it; a line break is written \\n and a tab \\t.",
        column,
    )


def _comment(column: int) -> Refusal:
    return Refusal("comment", "JSON knows no comments.", "Remove the comment.", column)


def _explain_mark(here: str, before: str, column: int) -> None:
    """Raises for the marks that people and other programs write in place of JSON's."""
    if here[0] in "}]" and before.endswith(","):
        raise Refusal(
            "trailing_comma",
            f"There is a comma before the closing {here[0]}.",
            "Remove the comma.",
            len(before),
        )
    if here[0] == "'":
        raise Refusal(
            "single_quotes",
            "Single quotation marks stand where JSON needs double ones.",
            "This looks like a Python dict: write it with json.dumps(row).",
            column,
        )
    if here.startswith(("None", "True", "False")):
        word = re.match(r"\w+", here)[0]  # type: ignore[index]  # one of the three just matched
        raise Refusal(
            "python_value",
            f"{quoted(word)} is Python; JSON writes null, true and false.",
            "This looks like a Python dict: write it with json.dumps(row).",
            column,
        )
    _explain_typed(here, column)


def _explain_typed(here: str, column: int) -> None:
    if here[0] in _TYPOGRAPHIC:
        raise Refusal(
            "smart_quotes",
            f"The typographic quotation mark {here[0]} stands where JSON needs a plain one.",
            'Replace “ and ” with " (a word processor put them in).',
            column,
        )
    if here.startswith(("//", "/*", "#")):
        raise _comment(column)
    if re.match(r"[^\W\d]\w*\s*:", here):
        raise Refusal(
            "unquoted_name",
            f"The field name {quoted(here.split(':')[0].rstrip())} has no quotation marks.",
            'Put field names in double quotation marks: "name".',
            column,
        )
