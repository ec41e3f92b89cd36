"""The turns of many rows, one behind the other, however they were read."""

from abc import ABC, abstractmethod

import numpy as np
import orjson

from worker.datasets.places import Array
from worker.datasets.roles import ROLES

_BETWEEN = b'",\n  "'  # of two strings of an indented list; no JSON string holds a line feed


BREAK, NOTHING = len(ROLES), len(ROLES) + 1
"""What stands before a part that goes on with a turn: a blank line, or nothing."""


class Flat(ABC):
    """The turns of many rows.

    Attributes:
        turns: how many turns each row has, at least 1.
        starts: the place of the first turn of each row.
        codes: the role of each turn, by its place in `ROLES`.
        odd: places of rows that must be read with all care after all.
        lengths: characters of each turn.
        joints: what stands before each part of a text: the role of a turn that begins with it, by
            its place in `ROLES`, or `BREAK`, or `NOTHING`.
        firsts: the place of the first part of each row.
    """

    lengths: Array

    def __init__(self, turns: Array, codes: Array, odd: Array | list[int]) -> None:
        self.turns = turns
        self.starts: Array = np.cumsum(turns) - turns
        self.codes = codes
        self.odd = odd
        self.joints = codes
        self.firsts = self.starts

    @property
    @abstractmethod
    def contents(self) -> list[str]:
        """The text of each turn."""

    @abstractmethod
    def parts(self) -> tuple[list[bytes], Array]:
        """The parts as JSON, as short as can be, without quotation marks, and their lengths."""

    @abstractmethod
    def blank(self, code: int) -> Array:
        """Which turns of a role hold no visible character."""


class Decoded(Flat):
    """From decoded texts.

    Attributes:
        strings: strings in the lines of all rows, names of fields included.
    """

    def __init__(
        self, turns: Array, codes: Array, contents: list[str], strings: int, odd: list[int]
    ) -> None:
        super().__init__(turns, codes, odd)
        self.texts = contents
        self.strings = strings
        self.lengths = np.fromiter(map(len, contents), np.int64, len(contents))

    @property
    def contents(self) -> list[str]:
        """The text of each turn."""
        return self.texts

    def parts(self) -> tuple[list[bytes], Array]:
        """Each text is one part."""
        parts = encoded(self.texts)
        return parts, np.fromiter(map(len, parts), np.int64, len(parts))

    def blank(self, code: int) -> Array:
        """Which turns of a role hold no visible character."""
        blank = self.lengths == 0
        if any(map(str.isspace, self.texts)):
            blank |= np.fromiter(map(str.isspace, self.texts), bool, len(self.texts))
        found: Array = blank & (self.codes == code)
        return found


def encoded(texts: list[str]) -> list[bytes]:
    """The texts as JSON without quotation marks, in one go: one by one takes many times as long."""
    whole = orjson.dumps(texts, option=orjson.OPT_INDENT_2)
    return whole[len(b'[\n  "') : -len(b'"\n]')].split(_BETWEEN)
