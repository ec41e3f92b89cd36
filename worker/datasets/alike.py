"""Compares what stands between the texts of lines that one program has written all alike."""

from dataclasses import dataclass

import numpy as np
import orjson

from worker.datasets.marks import Marks
from worker.datasets.places import Array

_WORD = 8  # bytes compared at once
_MOST_NAMES = 20

Span = tuple[Array, Array]  # where each begins, and where it has ended


class Differ(Exception):
    """The lines are not all alike, or not as simple as need be.

    Attributes:
        alike: which of the lines are, where that is known of each.
    """

    def __init__(self, alike: Array | None = None) -> None:
        super().__init__()
        self.alike = alike


@dataclass(frozen=True)
class Template:
    """What stands between the values.

    Attributes:
        names: of the fields, in their order.
        blank: what stands behind each colon and comma.
    """

    names: tuple[str, ...]
    blank: bytes

    @classmethod
    def of(cls, line: bytes) -> "Template":
        """As one line shows it."""
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Differ from error
        if type(row) is not dict or not 0 < len(row) <= _MOST_NAMES:
            raise Differ
        names = tuple(row)
        spaced = line.startswith(b"{" + orjson.dumps(names[0]) + b": ")
        return cls(names, b" " if spaced else b"")

    def named(self, begin: bytes, name: str) -> bytes:
        """A name up to its value, and what is before it."""
        return begin + orjson.dumps(name) + b":" + self.blank

    def next(self) -> bytes:
        """What stands between two values, or turns."""
        return b"," + self.blank


class Alike:
    """Lines that begin with { and end with }, of which the first is the template.

    Args:
        marks: of the lines.
        ends: the place behind each line feed.
        nested: the field that holds objects.
        plain: the fields that hold texts.
    """

    def __init__(
        self, marks: Marks, ends: Array, nested: str = "", plain: tuple[str, ...] = ()
    ) -> None:
        self.values = marks.values
        self.ends = ends
        self.starts: Array = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
        self.template = Template.of(marks.block[: int(ends[0])])
        self._words: Array = np.ndarray(
            max(0, len(self.values) - _WORD + 1), "<u8", marks.block, 0, (1,)
        )
        names = self.template.names
        self._is_text = [name in plain for name in names]
        self._nested = names.index(nested) if nested in names else len(names)
        self._find_names(marks, bool(nested))

    def _find_names(self, marks: Marks, nested: bool) -> None:
        """Compares the names of all fields."""
        self._colons = marks.names()
        behind = np.searchsorted(self._colons, self.ends)
        self._last = behind - 1
        self._first = np.concatenate((np.zeros(1, np.int64), behind[:-1]))
        self.inside: Array = behind - self._first - len(self.template.names)
        some = (self.inside >= 2) & (self.inside % 2 == 0) if nested else self.inside == 0
        if not some.all():
            raise Differ(some)
        self._fields = [self._field(place) for place in range(len(self.template.names))]
        if (self._fields[0][0] != self.starts).any():
            raise Differ

    def colons_inside(self) -> Array:
        """The colons behind the names of the nested field's objects, all of them in order."""
        flags = np.ones(len(self._colons), bool)
        for place in range(len(self.template.names)):
            flags[self._of_field(place)] = False
        return self._colons[flags]

    def value(self, place: int) -> Span:
        """Where a field's values stand; where they are texts, without their quotation marks."""
        last = place == len(self._fields) - 1
        after = self.ends - len(b"}\n") if last else self._fields[place + 1][0]
        if last and self._is_text[place]:
            after -= 1
            self.require(after, b'"')
        return self._fields[place][1], after

    def _field(self, place: int) -> Span:
        """Where a field's name stands with all that is around it up to the values."""
        begin = self.template.next() if place else b"{"
        if place and self._is_text[place - 1]:
            begin = b'"' + begin
        wanted = self.template.named(begin, self.template.names[place])
        after = self._colons[self._of_field(place)] + 1 + len(self.template.blank)
        if self._is_text[place]:
            wanted += b'"'
            after += 1
        self.require(after - len(wanted), wanted)
        return after - len(wanted), after

    def _of_field(self, place: int) -> Array:
        """Which colon of each line stands behind the name of a field."""
        if place <= self._nested:
            return self._first + place
        return self._last - (len(self.template.names) - 1 - place)

    def require(self, places: Array, wanted: bytes) -> None:
        """Raises `Differ` unless these bytes stand at all the places."""
        found = self.stand(places, wanted)
        if not found.all():
            raise Differ(found if len(found) == len(self.ends) else None)

    def stand(self, places: Array, wanted: bytes) -> Array:
        """At which of the places these bytes stand."""
        size = len(wanted)
        if len(places) and (places.min() < 0 or places.max() + size > len(self.values)):
            raise Differ
        if size < _WORD and not (places < _WORD).any():
            ends = self._words[places + (size - _WORD)]  # the bytes wanted are its highest
            found: Array = ends >> (8 * (_WORD - size)) == int.from_bytes(wanted, "little")
            return found
        found = np.ones(len(places), bool)
        if size < _WORD:
            for at, byte in enumerate(wanted):
                found &= self.values[places + at] == byte
            return found
        for at in {*range(0, size - _WORD, _WORD), size - _WORD}:
            word = int.from_bytes(wanted[at : at + _WORD], "little")
            found &= self._words[places + at] == word
        return found
