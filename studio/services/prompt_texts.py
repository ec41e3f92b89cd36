"""Questions out of what a person has pasted, or a file; it is told what was understood."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from storage.errors import Fault, Refused

Layout = Literal["lines", "blocks", "table", "records"]
"""A question a line, a block between empty lines, a row of a table, or a record of JSON."""

MOST: Final = 1000
"""So many questions a set holds."""

LONGEST: Final = 20_000
"""Characters of a question."""

ASKED: Final = ("question", "prompt", "instruction", "input", "text")
"""The names of the field with the question, the first that is there counts."""

EXPECTED: Final = ("expected", "answer", "completion", "response", "output")
"""The same of the answer that it should have, if any."""

_LINE_END = re.compile(r"\r\n?|\n")
_NUMBERING = re.compile(r"\s*(?:\(?\d{1,4}[.):]|[-*•])\s+")
_SEPARATORS = ("\t", ";", ",")
_TOLD = 5  # faults of one file that are told


@dataclass(frozen=True)
class Reading:
    """What was understood.

    Attributes:
        prompts: each with `text`, and with `expected` where an answer stands beside it.
        layout: how the questions lay in the text.
        duplicates: questions that were there before, and are left out.
        numbered: whether numbers or dots in front were taken away.
    """

    prompts: list[dict[str, str]]
    layout: Layout
    duplicates: int = 0
    numbered: bool = False


def read(text: str, layout: Layout | Literal["auto"] = "auto", field: str = "text") -> Reading:
    """Read questions out of a text.

    Args:
        text: as it was pasted, or as it stands in a file.
        layout: how the questions lie in it; "auto" tells lines and blocks apart by themselves.
        field: what the form calls the text.

    Raises:
        Refused: there is no question, there are too many, one is too long, or a record is broken.
    """
    plain = text.removeprefix("\ufeff").replace("\0", "")
    chosen = _layout(plain) if layout == "auto" else layout
    readers: dict[Layout, Callable[[str, str], list[dict[str, str]]]] = {
        "lines": _lines,
        "blocks": _blocks,
        "table": _table,
        "records": _records,
    }
    found = readers[chosen](plain, field)
    numbered = chosen == "lines" and _is_numbered(found)
    if numbered:
        found = [{"text": _NUMBERING.sub("", one["text"], count=1)} for one in found]
    prompts, duplicates = checked(found, field)
    return Reading(prompts, chosen, duplicates, numbered)


def checked(prompts: Iterable[dict[str, str]], field: str) -> tuple[list[dict[str, str]], int]:
    """Return the questions without empty ones and copies, and how many copies there were.

    Raises:
        Refused: there is none, there are too many, or one is too long.
    """
    filled = [one for one in prompts if one["text"].strip()]
    first: dict[str, dict[str, str]] = {}
    for one in filled:
        first.setdefault(one["text"], one)
    once = list(first.values())
    faults = [
        Fault(field, f"Question {number} has {len(words):,} characters; at most {LONGEST:,}.")
        for number, one in enumerate(once, 1)
        for words in one.values()
        if len(words) > LONGEST
    ][:_TOLD]
    if not once:
        faults.append(Fault(field, "There is no question in it."))
    if len(once) > MOST:
        words = f"There are {len(once):,} questions; a set holds at most {MOST:,}."
        faults.append(Fault(field, words))
    if faults:
        raise Refused(faults)
    return once, len(filled) - len(once)


def layout_of(file_name: str) -> Layout | Literal["auto"]:
    """Return how questions lie in a file of that name."""
    ending = file_name.lower().rpartition(".")[2]
    table: dict[str, Layout] = {"csv": "table", "tsv": "table"}
    records: dict[str, Layout] = dict.fromkeys(("jsonl", "ndjson", "json"), "records")
    return (table | records).get(ending, "auto")


def _layout(text: str) -> Layout:
    """Tell blocks from lines: blocks are meant where one has several lines.

    Lines that all end in a question mark, or are all numbered, are questions of their own, whatever
    lies between them.
    """
    lines, blocks = _lines(text, ""), _blocks(text, "")
    several = len(blocks) > 1 and len(lines) > len(blocks)
    whole = all(line["text"].endswith("?") for line in lines) or _is_numbered(lines)
    return "blocks" if several and not whole else "lines"


def _lines(text: str, _field: str) -> list[dict[str, str]]:
    lines = (line.strip() for line in _LINE_END.split(text))
    return [{"text": line} for line in lines if line]


def _blocks(text: str, _field: str) -> list[dict[str, str]]:
    found: list[list[str]] = [[]]
    for line in _LINE_END.split(text):
        if line.strip():
            found[-1].append(line.rstrip())
        elif found[-1]:
            found.append([])
    return [{"text": "\n".join(lines).strip()} for lines in found if lines]


def _is_numbered(found: list[dict[str, str]]) -> bool:
    return len(found) > 1 and all(_NUMBERING.match(one["text"]) for one in found)


def _table(text: str, field: str) -> list[dict[str, str]]:
    first = _LINE_END.split(text, maxsplit=1)[0]
    separator = max(_SEPARATORS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise Refused([Fault(field, f"The table cannot be read: {error}.")]) from error
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    asked = next((name for name in ASKED if name in head), None)
    if asked is None:
        return [{"text": row[0].strip()} for row in rows if row]
    records = (dict(zip(head, row, strict=False)) for row in rows[1:])
    return [
        prompt(record[asked], _named(record, EXPECTED)) for record in records if asked in record
    ]


def _records(text: str, field: str) -> list[dict[str, str]]:
    found, faults = list[dict[str, str]](), list[Fault]()
    for place, record in _json(text):
        one = None if isinstance(record, orjson.JSONDecodeError) else _of_record(record)
        if one is not None:
            found.append(one)
        else:
            faults.append(Fault(field, f"{place} holds no question."))
    if faults:
        raise Refused(faults[:_TOLD])
    return found


def _json(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the records, each with its place in words; what is broken stands for itself."""
    if text.lstrip().startswith("["):
        try:
            for number, record in enumerate(orjson.loads(text), 1):
                yield f"Entry {number}", record
        except orjson.JSONDecodeError as error:
            yield "The file", error
        return
    for number, line in enumerate(_LINE_END.split(text), 1):
        if line.strip():
            try:
                yield f"Line {number}", orjson.loads(line)
            except orjson.JSONDecodeError as error:
                yield f"Line {number}", error


def _of_record(record: Any) -> dict[str, str] | None:
    if isinstance(record, str):
        return prompt(record, "")
    if not isinstance(record, dict):
        return None
    asked = _named(record, ASKED)
    return prompt(asked, _named(record, EXPECTED)) if asked else of_turns(record.get("messages"))


def of_row(row: dict[str, Any]) -> dict[str, str] | None:
    """Return the first question of a dataset's row; None: a plain text asks nothing."""
    if "messages" in row:
        return of_turns(row["messages"])
    answer = row.get("chosen") or []  # of a pair the better one is what is expected
    return of_turns([*row.get("prompt", []), *answer])


def of_turns(turns: Any) -> dict[str, str] | None:
    """Return the first question of a conversation and its answer; None where there is none."""
    if not isinstance(turns, list):
        return None
    said = [turn for turn in turns if isinstance(turn, dict) and isinstance(_content(turn), str)]
    for number, turn in enumerate(said):
        if turn.get("role") == "user":
            answer = said[number + 1] if number + 1 < len(said) else {}
            is_answer = answer.get("role") == "assistant"
            return prompt(_content(turn), _content(answer) if is_answer else "")
    return None


def _content(turn: dict[str, Any]) -> Any:
    return turn.get("content", "")


def _named(record: dict[str, Any], names: Iterable[str]) -> str:
    found = (record[name] for name in names if isinstance(record.get(name), str))
    return next(found, "")


def prompt(text: str, expected: str) -> dict[str, str]:
    """Return a question, with the answer that it should have where there is one."""
    told = {"text": text.replace("\0", "").strip()}
    wanted = expected.replace("\0", "").strip()
    return told | ({"expected": wanted} if wanted else {})
