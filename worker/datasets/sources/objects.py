"""What a single JSON object that fills a file holds: tables, columns, or one record."""

from storage.errors import StudioError
from worker.datasets.faults import quoted
from worker.datasets.sources.batch import Part
from worker.datasets.sources.content import Content
from worker.datasets.sources.documents import Columns, Following, Listed
from worker.datasets.sources.outline import Field, outline

# What a list of examples is called. The rows of every split but the first are kept for the exam.
SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
    "valid": "test",
    "validation": "test",
    "val": "test",
    "dev": "test",
}
LISTS = {
    "data",
    "rows",
    "examples",
    "items",
    "records",
    "samples",
    "instances",
    "entries",
    "results",
    "dataset",
    "questions",
    "conversations",
    "dialogs",
    "dialogues",
}
# Lists of these names hold the turns of one example, unless there are lists within their elements.
_TURNS = {
    "messages",
    "conversation",
    "conversations",
    "dialog",
    "dialogue",
    "turns",
    "history",
    "prompt",
    "completion",
    "chosen",
    "rejected",
}
MOST_LISTS = 50  # each is read from the start of the file again, or side by side with the others
# Texts of these names beside a list tell that the object is an example itself.
_OWN_TEXTS = {
    "instruction",
    "input",
    "output",
    "question",
    "answer",
    "prompt",
    "completion",
    "response",
    "text",
    "system",
    "chosen",
    "rejected",
}


def parts_of_object(content: Content, name: str) -> list[Part] | None:
    """The lists, columns or the one record in an object; None where the text is not one object.

    Raises:
        StudioError: it is written in columns, and they are of different lengths.
    """
    fields = outline(content)
    if fields is None:
        return None
    tables = _tables(fields)
    if 0 < len(tables) <= MOST_LISTS:
        return _listed(content, name, fields, tables)
    columns = all(field.is_list and not _holds_turns(field) for field in fields)
    if columns and 0 < len(fields) <= MOST_LISTS:
        return [_columns(content, name, fields)]
    return [Following(name=name, format="json", size=content.size, content=content)]


def _tables(fields: list[Field]) -> list[Field]:
    """The fields that are lists of examples."""
    if any(_holds_turns(field) for field in fields):
        return []
    named = [field for field in fields if _is_named(field)]
    if named:
        return named
    if any(field.name in _OWN_TEXTS and isinstance(field.sample, str) for field in fields):
        return []
    return [field for field in fields if field.is_list and isinstance(field.sample, dict)]


def _is_named(field: Field) -> bool:
    """A list that is called as lists of examples are, and does not hold bare texts or numbers."""
    known = field.name.lower() in LISTS or field.name.lower() in SPLITS
    return known and field.is_list and isinstance(field.sample, dict | list)


def _holds_turns(field: Field) -> bool:
    """Whether the field is a list of the turns of a conversation, which is one example."""
    if not field.is_list or not isinstance(field.sample, dict):
        return False
    if "role" in field.sample or "from" in field.sample:
        return True
    deeper = any(isinstance(value, list) for value in field.sample.values())
    return field.name.lower() in _TURNS and not deeper


def _listed(content: Content, name: str, fields: list[Field], tables: list[Field]) -> list[Part]:
    others = [quoted(field.name) for field in fields if field.count and field not in tables]
    left_out = f"Beside the examples the file holds {', '.join(others[:5])}, which was not read."
    parts: list[Part] = []
    for field in tables:
        inner = isinstance(field.sample, dict) and isinstance(field.sample.get("row"), dict)
        parts.append(
            Listed(
                name="/".join(filter(None, (name, field.name if len(tables) > 1 else ""))),
                format="json",
                size=content.size,
                notes=(left_out,) if others and not inner and not parts else (),
                content=content,
                place=field.place,
                inner="row" if inner else "",
                split=SPLITS.get(field.name.lower(), ""),
            )
        )
    return parts


def _columns(content: Content, name: str, fields: list[Field]) -> Part:
    counts = {field.count for field in fields}
    if len(counts) > 1:
        words = ", ".join(f"{quoted(field.name)} has {field.count:,}" for field in fields[:6])
        raise StudioError(
            f"The columns of this file are of different lengths: {words}.",
            "Every column must hold as many values as the others, one for each example.",
        )
    columns = tuple((field.name, field.place) for field in fields)
    return Columns(name=name, format="json", size=content.size, content=content, columns=columns)
