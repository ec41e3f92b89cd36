"""Lines of one program are read without decoding, whichever way it writes them."""

import json

import pytest

from worker.datasets import regular
from worker.datasets.alike import Differ
from worker.datasets.layouts import layout_of
from worker.datasets.marks import Marks
from worker.datasets.shapes import SHAPES
from worker.datasets.sources.line_block import LineBlock

SAID = [
    'Caf\u00e9 / \\ "so"\n',
    "",
    "\u7761\u7720" * 50,
    "\U0001f600",
    'Dose: {"a":"b"}',
    "x" * 300,
]
ROWS = {
    "messages": lambda a, b: {
        "messages": [{"role": "user", "content": a}, {"role": "assistant", "content": b}]
    },
    "sharegpt": lambda a, b: {
        "conversations": [{"from": "human", "value": a}, {"from": "gpt", "value": b}]
    },
    "alpaca": lambda a, b: {"output": b, "instruction": a},
}
WAYS = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "spaced": {"separators": (", ", ": "), "ensure_ascii": False},
    "ASCII alone": {},
}


def read(lines: list[str], shape: str) -> regular.Regular:
    block = LineBlock("".join(line + "\n" for line in lines).encode())
    layout = layout_of(shape, SHAPES[shape], ["id"], chosen=False)
    assert layout
    return regular.read(Marks(block.block), block.ends, layout)


@pytest.mark.parametrize("beside", [{}, {"id": 7}, {"id": "seven: 7"}])
@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("shape", list(ROWS))
def test_the_texts_are_found(shape: str, way: str, beside: dict) -> None:
    pairs = [(one, other) for one in SAID for other in SAID]
    rows = [beside | ROWS[shape](*pair) for pair in pairs]
    found = read([json.dumps(row, **WAYS[way]) for row in rows], shape)
    texts = [text for pair in pairs for text in pair]
    assert found.contents == texts
    assert found.lengths.tolist() == list(map(len, texts))
    assert found.names == tuple(rows[0])
    parts, sizes = found.parts()
    assert parts == [json.dumps(text, ensure_ascii=False)[1:-1].encode() for text in texts]
    assert sizes.tolist() == list(map(len, parts))


def test_the_lines_that_differ_are_named() -> None:
    rows = [ROWS["alpaca"]("a", "b"), {"id": 1} | ROWS["alpaca"]("a", "b")]
    with pytest.raises(Differ) as differ:
        read([json.dumps(rows[number == 2]) for number in range(4)], "alpaca")
    assert differ.value.alike.tolist() == [True, True, False, True]
