"""Typed decoders for the rows of one file, which take what is plain and leave the rest.

A layout is made from the fields that a sample shows. It knows every field a plain row may have, so
that a row with any other, or with another type, is refused by the decoder and read with all care.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from itertools import chain, repeat
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw, UnsetType, defstruct, field

from storage.mappings import Mapping, Target
from worker.datasets.flat import Decoded
from worker.datasets.places import Array
from worker.datasets.roles import ROLES, SHAREGPT_ROLES
from worker.datasets.shapes import fields_of, reserved
from worker.datasets.tally import Tally

CODES: dict[str, int] = {role: code for code, role in enumerate(ROLES)}
_SIDE = ("split", "split", Literal["train", "test"] | UnsetType, UNSET)
_NO_LIST = Annotated[list[int], Meta(max_length=0)] | None | UnsetType
_MAYBE = str | None | UnsetType


class Layout(ABC):
    """The plain rows of one file.

    Attributes:
        extras: fields that nothing is learned from.
        divided: rows may say in "split" on which side they are.
        keeps: a plain row without extras is in the form that is kept.
        is_text: the rows hold no turns.
        in_order: whatever a row says, its turns are in order.
        decode: gives the row of a line; raises where it is not plain.
        decode_lines: gives the rows of all lines of a block.
        fields: the names of the fields as in the file, by their attribute.
    """

    keeps = False
    is_text = False
    in_order = False

    def __init__(self, fields: list[tuple[str, str, Any, Any]], extras: list[str]) -> None:
        """Args: attribute, name in the file, type and default of each field; names of extras."""
        self.divided = "split" in extras
        names = [name for name in extras if name != "split"]
        self.extras = {f"extra_{place}": name for place, name in enumerate(names)}
        wanted = [*fields, _SIDE] if self.divided else list(fields)
        wanted += [(attribute, name, Raw, None) for attribute, name in self.extras.items()]
        self.fields = {attribute: name for attribute, name, _, _ in wanted}
        self.always = [name for _, name, _, default in wanted if default is msgspec.NODEFAULT]
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_struct("Row", wanted))
        self.decode: Callable[[bytes], Any] = decoder.decode
        self.decode_lines: Callable[[bytes], list[Any]] = decoder.decode_lines
        self._sometimes = [
            (attribute, name) for attribute, name, _, default in wanted if default is UNSET
        ]

    @abstractmethod
    def flat(self, rows: list[Any]) -> Decoded:
        """The turns of decoded rows."""

    def kept_as_is(self, rows: list[Any]) -> list[int] | None:
        """The places of the rows whose lines need not be written anew; None for all of them."""
        if not self.keeps:
            return []
        changed: set[int] = set()
        for attribute in self.extras:
            values = list(map(attrgetter(attribute), rows))
            if None not in values:
                return []
            changed.update(place for place, value in enumerate(values) if value is not None)
        return [place for place in range(len(rows)) if place not in changed] if changed else None

    def count_names(self, names: tuple[str, ...], rows: int, tally: Tally) -> None:
        """Counts the fields of rows that all have the same."""
        if rows:
            tally.see(names, tally.columns, rows)
            extras = self.extras.values()
            tally.see((name for name in names if name in extras), tally.ignored, rows)

    def count_columns(self, rows: list[Any], tally: Tally) -> None:
        """Counts which fields the rows have, and which of them are left out."""
        if not rows:
            return
        tally.see(self.always, tally.columns, len(rows))
        for attribute, name in self._sometimes:
            present = len(rows) - list(map(attrgetter(attribute), rows)).count(UNSET)
            if present:
                tally.see((name,), tally.columns, present)
        for attribute, name in self.extras.items():
            present = len(rows) - list(map(attrgetter(attribute), rows)).count(None)
            if present:
                tally.see((name,), tally.columns, present)
                tally.see((name,), tally.ignored, present)


class Conversations(Layout):
    """Rows with a list of messages.

    Attributes:
        names: of the list, and of a turn's fields for the speaker and the text.
        speakers: the role of each name of a speaker, by its place in `ROLES`.
    """

    def __init__(self, mapping: Mapping, roles: dict[str, str], extras: list[str]) -> None:
        turn = _struct(
            "Turn",
            [
                ("role", mapping.role, Literal[tuple(roles)], msgspec.NODEFAULT),
                ("content", mapping.content, str, msgspec.NODEFAULT),
            ],
        )
        turns = Annotated[list[turn], Meta(min_length=1)]  # type: ignore[valid-type]
        super().__init__([("messages", str(mapping.messages), turns, msgspec.NODEFAULT)], extras)
        self.names = (str(mapping.messages), mapping.role, mapping.content)
        same = all(name == role for name, role in roles.items())
        self.keeps = same and self.names == _NORMAL
        self.speakers = {name: CODES[role] for name, role in roles.items()}

    def flat(self, rows: list[Any]) -> Decoded:
        """One list of messages a row."""
        lists = list(map(_MESSAGES, rows))
        turns = np.fromiter(map(len, lists), np.int64, len(rows))
        every = list(chain.from_iterable(lists))
        codes = bytes(map(self.speakers.__getitem__, map(_ROLE, every)))
        return Decoded(
            turns=turns,
            codes=np.frombuffer(codes, np.uint8),
            contents=list(map(_CONTENT, every)),
            strings=len(rows) + 4 * len(every),
            odd=[],
        )


class Fields(Layout):
    """Rows with a question and an answer in fields of their own.

    Attributes:
        texts: the fields of the question, and that of the answer.
    """

    in_order = True

    def __init__(self, mapping: Mapping, extras: list[str]) -> None:
        first, *more = mapping.question
        self.texts = (*mapping.question, str(mapping.answer))
        fields: list[tuple[str, str, Any, Any]] = [
            ("question", first, str, msgspec.NODEFAULT),
            ("answer", str(mapping.answer), str, msgspec.NODEFAULT),
        ]
        fields += [(f"more_{place}", name, _MAYBE, UNSET) for place, name in enumerate(more)]
        self._more = [attrgetter(attribute) for attribute, _, _, _ in fields[2:]]
        self._texts = [attrgetter(f"more_{place}") for place in range(len(more))]
        self._system = mapping.system is not None
        if mapping.system:
            fields.append(("system", mapping.system, _MAYBE, UNSET))
            self._texts.append(attrgetter("system"))
        if mapping.history:
            fields.append(("history", mapping.history, _NO_LIST, UNSET))
            self._texts.append(attrgetter("history"))
        super().__init__(fields, extras)

    def flat(self, rows: list[Any]) -> Decoded:
        """A question and an answer a row, and the system prompt where there is one."""
        questions, answers = self._questions(rows), list(map(_ANSWER, rows))
        systems = list(map(_SYSTEM, rows)) if self._system else []
        if any(systems):
            turns, codes, contents = _with_systems(systems, questions, answers)
        else:
            turns, codes = np.full(len(rows), 2), _WITHOUT * len(rows)
            contents = list(chain.from_iterable(zip(questions, answers, strict=True)))
        strings = 4 * len(rows)
        for text in self._texts:
            kinds = Counter(map(type, map(text, rows)))
            strings += sum(_STRINGS.get(kind, 2) * count for kind, count in kinds.items())
        return Decoded(turns, np.frombuffer(codes, np.uint8), contents, strings, _folded(rows))

    def _questions(self, rows: list[Any]) -> list[str]:
        questions = list(map(_QUESTION, rows))
        for more in self._more:
            questions = [
                f"{question}\n\n{text}" if question and text else question or text or ""
                for question, text in zip(questions, map(more, rows), strict=True)
            ]
        return questions


def _with_systems(
    systems: list[Any], questions: list[str], answers: list[str]
) -> tuple[Array, bytes, list[str]]:
    """The numbers of turns, roles and contents where some rows have a system prompt."""
    codes, contents = bytearray(), list[str]()
    for system, question, answer in zip(systems, questions, answers, strict=True):
        if system:
            contents.append(system)
        codes += _WITH_SYSTEM if system else _WITHOUT
        contents += (question, answer)
    turns = np.array([3 if system else 2 for system in systems], np.int64)
    return turns, bytes(codes), contents


def _folded(rows: list[Any]) -> list[int]:
    """The places of the rows with a cell that may hold a whole list of turns."""
    if not any(any(map(str.startswith, map(text, rows), repeat(_FOLDS))) for text in _CELLS):
        return []
    return [
        place
        for place, row in enumerate(rows)
        if any(text(row).startswith(_FOLDS) for text in _CELLS)
    ]


class Texts(Layout):
    """Rows of plain text.

    Attributes:
        texts: the field of the text.
    """

    is_text = True
    in_order = True

    def __init__(self, mapping: Mapping, extras: list[str]) -> None:
        super().__init__([("text", str(mapping.text), str, msgspec.NODEFAULT)], extras)
        self.texts = (str(mapping.text),)
        self.keeps = mapping.text == "text"

    def flat(self, rows: list[Any]) -> Decoded:
        """One text a row, all of it learned."""
        ones = np.ones(len(rows), np.int64)
        codes = np.full(len(rows), CODES["assistant"], np.uint8)
        return Decoded(ones, codes, [row.text for row in rows], 2 * len(rows), [])


_MESSAGES, _ROLE, _CONTENT = attrgetter("messages"), attrgetter("role"), attrgetter("content")
_NORMAL = ("messages", "role", "content")
_MOST_EXTRAS = 50
_CELLS = _QUESTION, _ANSWER = attrgetter("question"), attrgetter("answer")
_SYSTEM = attrgetter("system")
_FOLDS = ("[", "{")
_WITH_SYSTEM = bytes((CODES["system"], CODES["user"], CODES["assistant"]))
_WITHOUT = bytes((CODES["user"], CODES["assistant"]))
_STRINGS = {UnsetType: 0, type(None): 1, list: 1}  # of an optional field, its name included; else 2


def layout_of(shape: str, mapping: Mapping, columns: list[str], chosen: bool) -> Layout | None:
    """The layout of the plain rows of a file; None where none are plain.

    Args:
        shape: the name of the format.
        mapping: how most rows are read.
        columns: the fields that a sample shows.
        chosen: the mapping was chosen by a person, so that no field tells another format.
    """
    used = fields_of(mapping)
    closed = {"row", "row_idx"} if chosen or shape == "columns" else reserved(shape)
    extras = [name for name in columns if name not in used | closed][:_MOST_EXTRAS]
    single = [*mapping.question, mapping.answer, mapping.system, mapping.history, "split"]
    named = [name for name in single if name]
    if mapping.split or mapping.held_out or len(set(named)) != len(named):
        return None
    if mapping.target is Target.TEXT:
        return Texts(mapping, extras)
    if mapping.target is not Target.CHAT:
        return None
    if not mapping.messages:
        return Fields(mapping, extras)
    return None if mapping.answer else Conversations(mapping, _roles(mapping), extras)


def _roles(mapping: Mapping) -> dict[str, str]:
    usual = SHAREGPT_ROLES if mapping.role == "from" else {}
    return {**{role: role for role in ROLES}, **usual, **mapping.roles}


def _struct(name: str, wanted: list[tuple[str, str, Any, Any]]) -> Any:
    ordered = sorted(wanted, key=lambda each: each[3] is not msgspec.NODEFAULT)
    fields = [
        (attribute, kind, field(default=default, name=own))
        for attribute, own, kind, default in ordered
    ]
    return defstruct(name, fields, gc=False, forbid_unknown_fields=True)
