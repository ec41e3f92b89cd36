"""Reads lines that one program has written all alike, without decoding them.

What stands between their texts is compared with what it must be. Where it is that in every line,
and there is no quotation mark beside it that is no escape, no control character and no escape that
JSON does not know, every text is a JSON string, and a parser would find in the lines just these.
"""

from functools import cached_property

import numpy as np
import orjson

from worker.datasets.alike import Alike, Differ, Span
from worker.datasets.flat import BREAK, NOTHING, Flat, encoded
from worker.datasets.layouts import CODES, Conversations, Fields, Layout, Texts
from worker.datasets.marks import Marks
from worker.datasets.places import Array

_BACKSLASH = b"\\"[0]
_SCALARS = frozenset({str, int, float, bool, type(None)})
_MAY_BE_BLANK = np.isin(np.arange(256), [*b" \\", 0xC2, 0xE1, 0xE2, 0xE3])  # begin white space
_FOLDS = np.isin(np.arange(256), list(b"[{"))
_ROLES_QUOTES, _TEXT_QUOTES = 8, 4  # of a turn with its names, of a field with its name


class Regular(Flat):
    """The turns of lines that are all alike.

    Attributes:
        names: of the fields of every row.
        shortest: no row can be written with fewer bytes.
    """

    def __init__(self, marks: Marks, alike: Alike, turns: Array, codes: Array, parts: Span) -> None:
        """Args: parts: one for each turn; or those of a question and an answer for each row."""
        starts, ends = parts
        # Behind a backslash the closing quotation mark may be an escape.
        if (starts > ends).any() or (marks.values[ends - 1] == _BACKSLASH).any():
            raise Differ
        super().__init__(turns, codes, np.zeros(0, np.int64))
        self.names = alike.template.names
        self._marks = marks
        self._parts = parts
        self._sizes: Array = ends - starts
        self._folds: Array = _FOLDS[marks.values[starts]]
        self._answers = parts
        self.lengths = marks.characters(starts, ends)
        self._respelled = marks.hold_odd_escapes(starts, ends)
        self._spelled: list[bytes] = []
        self._respell()
        self.shortest = not alike.template.blank and not len(self._respelled)

    def _respell(self) -> None:
        """Reads and writes the parts with an escape that is not the shortest way."""
        odd = self._respelled
        if not len(odd):
            return
        starts, ends = self._parts
        texts = _decoded(self._marks.cut(starts[odd], ends[odd]))
        self.lengths[odd] = list(map(len, texts))
        self._folds[odd] = [text.startswith(("[", "{")) for text in texts]
        self._spelled = encoded(texts)
        self._sizes[odd] = list(map(len, self._spelled))

    def ask(self) -> None:
        """Puts the parts of each question together."""
        rows = len(self.turns)
        starts, ends = (each.reshape(rows, -1) for each in self._parts)
        self._answers = starts[:, -1], ends[:, -1]
        lengths = self.lengths.reshape(rows, -1)
        question = lengths[:, 0]
        joints = np.full(lengths.shape, NOTHING)
        joints[:, 0], joints[:, -1] = self.codes[0], self.codes[1]
        for place in range(1, lengths.shape[1] - 1):
            more = lengths[:, place]
            joints[(question > 0) & (more > 0), place] = BREAK
            question = question + more + len("\n\n") * (joints[:, place] == BREAK)
        self.lengths = np.stack((question, lengths[:, -1]), axis=1).reshape(-1)
        self.joints = joints.reshape(-1)
        self.firsts = np.arange(rows) * lengths.shape[1]
        self.odd = np.flatnonzero(self._folds.reshape(rows, -1)[:, (0, -1)].any(axis=1))

    def parts(self) -> tuple[list[bytes], Array]:
        """The parts as they stand in the lines, if that is the shortest way."""
        parts = self._marks.cut(*self._parts)
        for place, part in zip(self._respelled.tolist(), self._spelled, strict=True):
            parts[place] = part
        return parts, self._sizes

    @cached_property
    def contents(self) -> list[str]:
        """The text of each turn, decoded."""
        texts: list[str] = []
        for joint, part in zip(self.joints.tolist(), _decoded(self.parts()[0]), strict=True):
            if joint < BREAK:
                texts.append(part)
            else:
                texts[-1] += "\n\n" * (joint == BREAK) + part
        return texts

    def blank(self, code: int) -> Array:
        """Which turns of a role hold no visible character."""
        turns = np.flatnonzero(self.codes == code)
        start, end = self._answers
        if len(start) != len(turns):
            start, end = start[turns], end[turns]
        blank = np.zeros(len(self.codes), bool)
        blank[turns[start == end]] = True
        some = np.flatnonzero(_MAY_BE_BLANK[self._marks.values[start]])
        if len(some):
            texts = _decoded(self._marks.cut(start[some], end[some]))
            blank[turns[some]] |= np.array(list(map(str.isspace, texts)))
        return blank


def _decoded(parts: list[bytes]) -> list[str]:
    try:
        texts: list[str] = orjson.loads(b'["' + b'","'.join(parts) + b'"]')
    except orjson.JSONDecodeError as error:  # half a character, as an escape
        raise Differ from error
    return texts


def read(marks: Marks, ends: Array, layout: Layout) -> Regular:
    """The turns of lines that begin with { and end with }, without control characters.

    Raises:
        Differ: they are not all alike.
    """
    if not marks.are_simple():
        raise Differ
    if isinstance(layout, Conversations):
        return _conversations(marks, ends, layout)
    if isinstance(layout, Fields):
        return _fields(marks, ends, layout)
    if isinstance(layout, Texts):
        return _texts(marks, ends, layout)
    raise Differ


def _fields(marks: Marks, ends: Array, layout: Fields) -> Regular:
    """Rows of a question and an answer."""
    alike, parts = _plain(marks, ends, layout, layout.texts)
    if layout.texts[0] not in alike.template.names or layout.texts[-1] not in alike.template.names:
        raise Differ
    codes = np.tile(np.array([CODES["user"], CODES["assistant"]], np.uint8), len(ends))
    regular = Regular(marks, alike, np.full(len(ends), 2), codes, parts)
    regular.ask()
    return regular


def _texts(marks: Marks, ends: Array, layout: Texts) -> Regular:
    """Rows of plain text."""
    alike, parts = _plain(marks, ends, layout, layout.texts)
    if layout.texts[0] not in alike.template.names:
        raise Differ
    codes = np.full(len(ends), CODES["assistant"], np.uint8)
    return Regular(marks, alike, np.ones(len(ends), np.int64), codes, parts)


def _plain(marks: Marks, ends: Array, layout: Layout, texts: tuple[str, ...]) -> tuple[Alike, Span]:
    """Rows without a list, and where each text stands, row by row."""
    alike = Alike(marks, ends, plain=texts)
    names = alike.template.names
    present = [name for name in texts if name in names]
    if not present:
        raise Differ
    quotes = _beside(marks, alike, layout, present) + _TEXT_QUOTES * len(present) * len(ends)
    if marks.quotes() != quotes:
        raise Differ
    spans = [alike.value(names.index(name)) for name in present]
    starts, after = (np.stack(each, axis=1).reshape(-1) for each in zip(*spans, strict=True))
    return alike, (starts, after)


def _conversations(marks: Marks, ends: Array, layout: Conversations) -> Regular:
    messages = layout.names[0]
    alike = Alike(marks, ends, nested=messages)
    names = alike.template.names
    if messages not in names:
        raise Differ
    turns = alike.inside // 2
    quotes = _beside(marks, alike, layout, [messages]) + 2 * len(ends)
    if marks.quotes() != quotes + _ROLES_QUOTES * int(turns.sum()):
        raise Differ
    list_start, list_end = alike.value(names.index(messages))
    alike.require(list_start, b"[")
    colons = alike.colons_inside()
    codes, starts, texts = _turns(alike, layout, colons[::2], colons[1::2])
    behind = b'"}' + alike.template.next()
    last = np.cumsum(turns) - 1
    first = last - turns + 1
    if (starts[first] != list_start + 1).any():
        raise Differ
    text_ends = np.append(starts[1:], 0) - len(behind)
    text_ends[last] = list_end - len(b'"}]')
    alike.require(text_ends[last], b'"}]')
    inner = np.ones(len(codes), bool)
    inner[last] = False
    alike.require(text_ends[inner], behind)
    return Regular(marks, alike, turns, codes, (texts, text_ends))


def _turns(
    alike: Alike, layout: Conversations, roles: Array, contents: Array
) -> tuple[Array, Array, Array]:
    """The role of each turn, where it begins and where its text begins, from its two colons."""
    template = alike.template
    _, role, content = layout.names
    before = template.named(b"{", role)
    between = template.named(template.next(), content) + b'"'
    codes = np.zeros(len(roles), np.uint8)
    starts = roles + 1 + len(template.blank) - len(before)
    texts = contents + 1 + len(template.blank) + 1
    sizes = texts - starts
    left = np.arange(len(roles))
    for speaker, code in layout.speakers.items():
        wanted = before + orjson.dumps(speaker) + between
        some = left[sizes[left] == len(wanted)]
        codes[some[alike.stand(starts[some], wanted)]] = code + 1
        left = np.flatnonzero(codes == 0)
        if not len(left):
            return codes - np.uint8(1), starts, texts
    raise Differ


def _beside(marks: Marks, alike: Alike, layout: Layout, wanted: list[str]) -> int:
    """How many quotation marks the fields beside the content hold; their values are scalars."""
    quotes = 0
    for place, name in enumerate(alike.template.names):
        if name in wanted:
            continue
        if name not in layout.extras.values():
            raise Differ
        values = _scalars(marks.cut(*alike.value(place)))
        quotes += 2 * len(values) + 2 * sum(type(value) is str for value in values)
    return quotes


def _scalars(encoded: list[bytes]) -> list[object]:
    try:
        values: list[object] = orjson.loads(b"[" + b",".join(encoded) + b"]")
    except orjson.JSONDecodeError as error:
        raise Differ from error
    if len(values) != len(encoded) or not _SCALARS.issuperset(map(type, values)):
        raise Differ
    return values
