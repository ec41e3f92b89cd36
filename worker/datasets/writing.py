"""Writes many plain rows in the form that is kept, all of them together."""

import numpy as np

from worker.datasets.flat import BREAK, NOTHING, Flat
from worker.datasets.places import Array
from worker.datasets.roles import ROLES

_CHAT_END, _TEXT_END = b'"}]}\n', b'"}\n'
_TEXT = NOTHING + 1
_FIRST = _TEXT + 1  # and on: before the first turn of a row, by its role
# What stands between two parts of the texts. Before the first of a row it ends the row before.
_FRAMES = [b'"},{"role":"%b","content":"' % role.encode() for role in ROLES]
_FRAMES[BREAK:] = [rb"\n\n", b"", b'"}\n{"text":"']
_FRAMES += [b'"}]}\n{"messages":[{"role":"%b","content":"' % role.encode() for role in ROLES]
_LENGTHS = np.array(list(map(len, _FRAMES)))


def written(flat: Flat, is_text: bool) -> tuple[bytes, Array]:
    """The rows, each ended by a line feed, and the place behind each of them."""
    end = _TEXT_END if is_text else _CHAT_END
    parts, sizes = flat.parts()
    frames = np.full(len(parts), _TEXT) if is_text else flat.joints.astype(np.int64)
    if not is_text:
        frames[flat.firsts] += _FIRST
    pieces = [end] * (2 * len(parts) + 1)
    pieces[:-1:2] = map(_FRAMES.__getitem__, frames.tolist())
    pieces[1::2] = parts
    pieces[0] = pieces[0].removeprefix(end)  # there is no row before the first
    return b"".join(pieces), np.cumsum(np.add.reduceat(sizes + _LENGTHS[frames], flat.firsts))
