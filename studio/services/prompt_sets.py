"""Sets of prompts: kept, changed, taken out of data, and the one that ships with the studio."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from storage import prompt_sets, rows, shipped
from storage.datasets import Dataset
from storage.errors import Fault, Refused, StudioError
from storage.prompt_sets import Line, PromptSet
from storage.specs import RunSpec
from studio.services import datasets, forms, names, prompt_texts
from studio.services.prompt_texts import LONGEST, MOST, Reading
from studio.services.studio import Studio

STARTER_NAME: Final = "Twelve questions about health"

_HELD_OUT: Final = float(RunSpec.model_fields["eval_share"].default)
"""Share of the rows that counts as held out where the data marks none itself, as in a run."""

_SOURCES: Final = ("prompts", "text", "dataset_id", "starter")


class _Prompt(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    text: str
    expected: str = ""


class _Wanted(BaseModel):
    """What a person sends: a name, and the questions in one of four ways."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None
    prompts: list[str | _Prompt] | None = None
    text: str | None = None
    layout: Literal["auto", "lines", "blocks", "table", "records"] = "auto"
    dataset_id: str | None = None
    which: Literal["first", "held_out"] = "first"
    most: int = Field(20, ge=1, le=MOST)
    starter: bool = False

    def given(self) -> list[str]:
        """Return the ways in which questions are given."""
        return [name for name in _SOURCES if getattr(self, name) not in (None, False)]


@dataclass(frozen=True)
class Kept:
    """A set as it is kept now, and what was understood of what was sent."""

    found: PromptSet
    reading: Reading | None = None


def read(values: dict[str, Any]) -> Reading:
    """Return what is understood of a text (`text`, and `layout` or `file_name`); keeps nothing.

    Raises:
        Refused: it holds no questions, too many, or one that is too long.
    """
    text, layout = values.get("text"), values.get("layout", "auto")
    if not isinstance(text, str):
        raise Refused([Fault("text", "Must be text.")])
    name = values.get("file_name")
    if layout == "auto" and isinstance(name, str):
        layout = prompt_texts.layout_of(name)
    wanted = forms.read(_Wanted.model_validate, {"text": text, "layout": layout}, "form")
    return prompt_texts.read(text, wanted.layout)


def given(values: dict[str, Any]) -> Reading:
    """Return questions that are sent as `prompts` or as `text` (with its `layout`).

    Raises:
        Refused: with the faults by field.
    """
    wanted = _parsed({name: value for name, value in values.items() if value is not None})
    if wanted.given() not in (["prompts"], ["text"]):
        raise Refused([Fault("prompts", "Give the questions as prompts or as text.")])
    return _sent(wanted)


def keep(studio: Studio, owner: str, values: dict[str, Any]) -> Kept:
    """Keep questions under a name; see `_Wanted` for the four ways to give them.

    Raises:
        Refused: with the faults by field.
        NotFound: there is no such dataset of that owner.
        StudioError: the dataset is not ready, or has no questions.
    """
    wanted = _parsed(values)
    if len(wanted.given()) != 1:
        words = "Give the questions in one way: " + ", ".join(_SOURCES) + "."
        raise Refused([Fault("prompts", words)])
    reading, otherwise = _reading(studio, owner, wanted)
    name = names.tidy(wanted.name or "", otherwise)
    return Kept(prompt_sets.add(studio.database, owner, name, reading.prompts), reading)


def change(studio: Studio, owner: str, set_id: str, values: dict[str, Any]) -> Kept:
    """Give a set another name (`name`), other questions (`prompts` or `text`), or both.

    Raises:
        NotFound: there is no such set of that owner.
        Refused: with the faults by field.
    """
    before = get(studio, owner, set_id)
    name = values.get("name")
    if name is not None and not isinstance(name, str):
        raise Refused([Fault("name", "Must be text.")])
    rest = {field: value for field, value in values.items() if field != "name"}
    reading = given(rest) if rest else None
    name = None if name is None else names.tidy(name, before.name)
    prompts = None if reading is None else reading.prompts
    changed = prompt_sets.change(studio.database, owner, set_id, name=name, prompts=prompts)
    return Kept(changed, reading)


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[Line]:
    """Return a person's sets, newest first; the deleted ones instead where asked."""
    return prompt_sets.all_of(studio.database, owner, deleted=deleted)


def get(studio: Studio, owner: str, set_id: str) -> PromptSet:
    """Return one set with its questions. Raises NotFound."""
    return prompt_sets.get(studio.database, owner, set_id)


def delete(studio: Studio, owner: str, set_id: str) -> None:
    """Delete a set from view. Raises NotFound."""
    prompt_sets.delete(studio.database, owner, set_id)


def restore(studio: Studio, owner: str, set_id: str) -> None:
    """Bring a deleted set back. Raises NotFound."""
    prompt_sets.restore(studio.database, owner, set_id)


def _parsed(values: dict[str, Any]) -> _Wanted:
    try:
        return forms.read(_Wanted.model_validate, values, "form")
    except Refused as error:
        faults = [Fault(_field(fault.field), fault.message) for fault in error.faults]
        raise Refused(list(dict.fromkeys(faults))) from error


def _field(told: str) -> str:
    """Return the form's own name of a field; pydantic adds which kind of prompt it tried."""
    parts = told.split(".")[1:]
    return ".".join(part for part in parts if part not in ("str", "_Prompt"))


def _reading(studio: Studio, owner: str, wanted: _Wanted) -> tuple[Reading, str]:
    """Return the questions, and the name of a set of them that is given none."""
    if wanted.starter:
        return starter(), STARTER_NAME
    if wanted.dataset_id is None:
        return _sent(wanted), "My questions"
    data = datasets.get(studio, owner, wanted.dataset_id)
    folder = datasets.rows_folder(studio, owner, data.id)
    found = _of_data(folder, data, wanted)
    return found, f"Questions of {names.without_kind(data.name)}"


def starter() -> Reading:
    """Return the questions that ship with the studio."""
    text = (shipped.folder("static") / "prompts" / "health.jsonl").read_text(encoding="utf-8")
    return prompt_texts.read(text, "records")


def _sent(wanted: _Wanted) -> Reading:
    if wanted.text is not None:
        return prompt_texts.read(wanted.text, wanted.layout)
    prompts = wanted.prompts or []
    plain = [one if isinstance(one, _Prompt) else _Prompt(text=one) for one in prompts]
    told = [prompt_texts.prompt(one.text, one.expected) for one in plain]
    found, duplicates = prompt_texts.checked(told, "prompts")
    return Reading(found, "records", duplicates)


def _of_data(folder: Path, data: Dataset, wanted: _Wanted) -> Reading:
    """Take the questions of a dataset, each once, as many as are wanted."""
    there = rows.iterate(folder)
    if wanted.which == "held_out":
        there = filter(rows.exam_of(folder, _HELD_OUT, marked=data.rows_held_out > 0), there)
    asked = (prompt_texts.of_row(row) for row in there)
    usable = (one for one in asked if one and len(max(one.values(), key=len)) <= LONGEST)
    once: dict[str, dict[str, str]] = {}
    for one in usable:
        once.setdefault(one["text"], one)
        if len(once) == wanted.most:
            break
    if not once:
        where = " among its held-out rows" if wanted.which == "held_out" else ""
        raise StudioError(f"{data.name} has no questions{where}.", "Choose other data.")
    return Reading(list(once.values()), "records")
