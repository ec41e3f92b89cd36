"""Brings one row into the form that is kept, as a mapping says its fields are to be read."""

from typing import Any

from storage.mappings import Mapping
from worker.datasets.faults import Notes, Refusal, quoted
from worker.datasets.fields import Record, is_text, missing, optional, required
from worker.datasets.tool_calls import parsed, tools_of
from worker.datasets.turns import (
    STANDARD,
    Turn,
    check_order,
    empty_answer,
    listed,
    named_type,
)

HELD_OUT = frozenset({"test", "eval", "evaluation", "validation", "valid", "val", "dev", "exam"})
LEARNED = frozenset({"train", "training"})


def object_of(row: Any) -> Record:
    """The row as an object, taken out of the wrapping of the Hugging Face rows API.

    Raises:
        Refusal: it is no object, or the API cut texts of it short.
    """
    if not isinstance(row, dict):
        raise Refusal(
            "not_an_object",
            f"The line is {named_type(row)}, but an object is needed.",
            'Write the example as {"messages": […]} or {"prompt": "…", "completion": "…"}.',
        )
    if "row_idx" not in row or not isinstance(row.get("row"), dict):
        return row
    if cut := row.get("truncated_cells"):
        raise Refusal(
            "cut_by_the_hub",
            f"The rows API cut this row short (in {quoted(cut)}).",
            "Download the dataset's files instead of its preview.",
        )
    inner: Record = row["row"]
    return inner


def split_of(row: Record, mapping: Mapping) -> str | None:
    """The side of the row: "test" for the exam, "train", or None where it does not say."""
    if mapping.split is not None and mapping.held_out:
        return "test" if str(row.get(mapping.split)) in mapping.held_out else "train"
    value = row.get(mapping.split or "split")
    side = value.strip().lower() if isinstance(value, str) else ""
    return "test" if side in HELD_OUT else "train" if side in LEARNED else None


def text_row(row: Record, mapping: Mapping) -> Record:
    """A row of plain text."""
    field = str(mapping.text)
    text = required(row, field)
    if not text or text.isspace():
        raise Refusal(
            "empty_text", f"{quoted(field)} is empty.", "Write the text, or remove the line."
        )
    return {"text": text}


def chat_row(row: Record, mapping: Mapping, notes: Notes) -> Record:
    """A row that is one conversation."""
    turns = question_turns(row, mapping, notes)
    if mapping.answer:
        turns += answer_turns(row, mapping.answer, mapping, notes)
    check_order(turns)
    return {"messages": turns} | tools_field(row, mapping)


def tools_field(row: Record, mapping: Mapping) -> Record:
    """The field "tools" of the clean row, if it has any."""
    tools = tools_of(row.get(mapping.tools), mapping.tools) if mapping.tools else []
    return {"tools": tools} if tools else {}


def question_turns(row: Record, mapping: Mapping, notes: Notes) -> list[Turn]:
    """The turns up to the question, or the whole conversation where one field holds it."""
    if mapping.messages:
        if mapping.messages not in row:
            raise missing(row, mapping.messages)
        turns = turns_of(row[mapping.messages], mapping.messages, mapping, notes)
    else:
        turns = _history(row, mapping) + _asked(row, mapping, notes)
    system = optional(row, mapping.system)
    if system and not (turns[0]["role"] == "system" and turns[0]["content"] == system):
        return [{"role": "system", "content": system}, *turns]
    return turns


def answer_turns(row: Record, field: str, mapping: Mapping, notes: Notes) -> list[Turn]:
    """The answer: a text, one turn, or a list of turns."""
    if field not in row:
        raise missing(row, field)
    answer = unfolded(row[field])
    if isinstance(answer, dict):
        answer = [answer]
    if isinstance(answer, list):
        return turns_of(answer, field, mapping, notes)
    text = is_text(answer, field)
    if not text or text.isspace():
        raise empty_answer(quoted(field))
    return [{"role": "assistant", "content": text}]


def turns_of(value: Any, field: str, mapping: Mapping, notes: Notes) -> list[Turn]:
    """The turns in a list, or in the text of one, as a cell of a table holds it."""
    names = (mapping.role, mapping.content)
    return listed(unfolded(value), field, names, mapping.roles, notes)


def unfolded(value: Any) -> Any:
    """The list or turn that a cell holds as JSON text; any other value as it is."""
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return value
    inner = parsed(value)
    first = inner[0] if isinstance(inner, list) and inner else inner
    speaks = isinstance(first, dict) and ("from" in first or STANDARD[0] in first)
    return inner if speaks else value


def _asked(row: Record, mapping: Mapping, notes: Notes) -> list[Turn]:
    fields = mapping.question
    present = [field for field in fields if row.get(field) is not None]
    if not present:
        absent = next((field for field in fields if field not in row), None)
        raise missing(row, absent) if absent else _not_text(row, fields[0])
    if len(fields) > 1 and fields[0] not in row and len(present) < len(fields):
        raise missing(row, fields[0])
    only = unfolded(row[present[0]]) if len(present) == 1 else None
    if isinstance(only, list):
        return turns_of(only, present[0], mapping, notes)
    texts = [is_text(row[field], field) for field in present]
    filled = [text for text in texts if text] or texts[:1]
    return [{"role": "user", "content": "\n\n".join(filled)}]


def _not_text(row: Record, field: str) -> Refusal:
    return Refusal(
        "field_not_text",
        f"{quoted(field)} is {named_type(row[field])}, but text is needed.",
        "Put the text in quotation marks, or remove the line.",
    )


def _history(row: Record, mapping: Mapping) -> list[Turn]:
    """Earlier exchanges, a list of pairs of question and answer."""
    history = parsed(row.get(mapping.history)) if mapping.history else None
    turns: list[Turn] = []
    for pair in history if isinstance(history, list) else [history] if history else []:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(t) is str for t in pair)):
            raise Refusal(
                "history_not_pairs",
                f"{quoted(mapping.history)} is not a list of pairs of texts.",
                'Write "history": [["question", "answer"], …].',
            )
        turns += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    return turns
