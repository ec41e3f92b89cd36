"""Rows judged many at once and rows judged one by one end the same, whatever they hold."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.mappings import Mapping
from worker.datasets.judge import Reader
from worker.datasets.judging import Judging
from worker.datasets.layouts import layout_of
from worker.datasets.output import Output
from worker.datasets.quick import Quick
from worker.datasets.shapes import SHAPES
from worker.datasets.sources.batch import Batch
from worker.datasets.sources.line_block import LineBlock
from worker.datasets.tally import Tally

EXAMPLES = [pytest.param(80, id="80"), pytest.param(1000, marks=pytest.mark.slow, id="1000")]
TEXT = st.text(
    st.one_of(
        st.sampled_from(list('"\\/[]{}<|>:, \t\n\x00\x1b\b\u00e9\u2028😀\x7f\x0caSINT_')),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
)
TOKENS = st.sampled_from(["<|im_end|>", "[INST]", "</s>", "<start_of_turn>", "[/INST] a", "<SYS>"])
STRING = st.one_of(TEXT, TEXT, TOKENS, st.sampled_from(["", " ", "a", '[{"role": "user"}]', "{}"]))
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | STRING,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(STRING, inner, max_size=2),
    max_leaves=4,
)
ROLE = st.sampled_from(["user", "assistant", "user", "assistant", "system", "tool", "User", "gpt"])
SPEAKER = st.sampled_from(["human", "gpt", "human", "gpt", "system", "observation", "User", "x"])


def turns(role: str, content: str, names: st.SearchStrategy[str]) -> st.SearchStrategy[list]:
    good = st.lists(st.tuples(STRING, STRING), min_size=1, max_size=3).map(
        lambda pairs: [
            {role: name, content: text}
            for pair in pairs
            for name, text in zip(
                ("human", "gpt") if role == "from" else ("user", "assistant"), pair, strict=True
            )
        ]
    )
    odd = st.lists(
        st.fixed_dictionaries({role: names, content: st.one_of(STRING, STRING, ANY)}), max_size=4
    )
    return st.one_of(good, good, odd)


EXTRA = {
    "id": st.one_of(st.integers(), STRING),
    "meta": ANY,
    "split": st.sampled_from(["test", "train", "validation", "x"]),
}
ROWS = {
    "messages": st.fixed_dictionaries(
        {"messages": turns("role", "content", ROLE)}, optional=EXTRA | {"tools": ANY, "text": ANY}
    ),
    "sharegpt": st.fixed_dictionaries(
        {"conversations": turns("from", "value", SPEAKER)}, optional=EXTRA | {"system": STRING}
    ),
    "alpaca": st.fixed_dictionaries(
        {"instruction": STRING, "output": STRING},
        optional=EXTRA
        | {
            "input": st.one_of(STRING, st.none()),
            "system": st.one_of(STRING, st.none()),
            "history": st.sampled_from([[], None, [["a", "b"]], "[]"]),
        },
    ),
    "prompt_completion": st.fixed_dictionaries(
        {"prompt": STRING, "completion": STRING}, optional=EXTRA | {"label": ANY}
    ),
    "columns": st.fixed_dictionaries(
        {"context": STRING, "question": STRING},
        optional=EXTRA | {"answer": st.one_of(STRING, ANY), "persona": STRING, "text": STRING},
    ),
    "text": st.fixed_dictionaries({"text": st.one_of(STRING, STRING, ANY)}, optional=EXTRA),
}


@st.composite
def line(draw: st.DrawFn, shape: str) -> bytes:
    """A row as some program writes it; now and then with bytes changed, or a name given twice."""
    row = draw(ROWS[shape])
    spaced = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    text = json.dumps(row, ensure_ascii=draw(st.booleans()), separators=spaced)
    how = draw(st.integers(0, 11))
    if how == 0:
        text = (
            draw(st.sampled_from([" ", "\t", "\ufeff"])) + text + draw(st.sampled_from(["", " "]))
        )
    if how == 1:
        name = draw(st.sampled_from([*row, "t\\u0065xt", "id"]))
        text = text[:-1] + f', "{name}": {draw(st.sampled_from(["1", json.dumps("b"), "[]"]))}}}'
    if how == 2:
        old, new = draw(st.sampled_from(ESCAPES))
        text = text.replace(old, new)
    content = text.encode(errors="surrogatepass")
    if how == 3 and content:
        at = draw(st.integers(0, len(content) - 1))
        content = content[:at] + draw(st.binary(max_size=2)) + content[at + 1 :]
    return content.replace(b"\n", b" ").replace(b"\r", b" ")


CLEAN = st.text(st.sampled_from(list('"\\/[]{}<|>:, \t\n\u00e9\u2003\u2028😀aSn')), max_size=8)
DENSE = st.text(st.sampled_from(list("睡眠水药片患者é😀")), min_size=20, max_size=60)
SAYING = st.one_of(
    CLEAN, CLEAN, CLEAN, DENSE, TOKENS, st.sampled_from(["", " ", "\n", "\u3000", "a"])
)
BESIDE = {"id": st.integers(), "meta": st.one_of(SAYING, st.booleans(), st.none(), st.floats())}
ALIKE = {
    "messages": ("messages", "role", "content", ("user", "assistant", "system", "tool")),
    "sharegpt": ("conversations", "from", "value", ("human", "gpt", "system", "user")),
    "alpaca": ("instruction", "input", "output"),
    "prompt_completion": ("prompt", "completion"),
    "columns": ("question", "context", "answer"),
    "text": ("text",),
}
BROKEN = [
    b'"',
    b"\\",
    b'\\"',
    b'","',
    b'":"',
    b":",
    b"\x01",
    b"\xff",
    b"\xc3",
    b"\xa9",
    b"}",
    b"}{",
]
BROKEN += [
    b"{",
    b"[",
    b"",
    b"\\u0041",
    b"\\/",
    b"\\b",
    b" ",
    b'"a":1,',
    b',"a":"b"',
    b"null",
    b"\\\\",
]


@st.composite
def alike(draw: st.DrawFn, shape: str) -> list[bytes]:
    """Lines as one program writes them, in which now and then a few bytes are changed."""
    beside = draw(st.lists(st.sampled_from(list(BESIDE)), unique=True))
    in_front = draw(st.booleans())
    spaced = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    ascii_alone = draw(st.integers(0, 3)) == 0
    lines = []
    for _ in range(draw(st.integers(1, 10))):
        row = _row(draw, shape)
        extra = {name: draw(BESIDE[name]) for name in beside}
        row = extra | row if in_front else row | extra
        lines.append(json.dumps(row, ensure_ascii=ascii_alone, separators=spaced).encode())
    if draw(st.booleans()):
        place = draw(st.integers(0, len(lines) - 1))
        line = lines[place]
        at, gone = draw(st.integers(0, len(line))), draw(st.integers(0, 2))
        lines[place] = line[:at] + draw(st.sampled_from(BROKEN)) + line[at + gone :]
    return lines


def _row(draw: st.DrawFn, shape: str) -> dict:
    if shape not in ("messages", "sharegpt"):
        return {name: draw(SAYING) for name in ALIKE[shape]}
    field, role, content, speakers = ALIKE[shape]
    named = list(speakers[:2]) * draw(st.integers(1, 3))
    named = [speakers[2]] * draw(st.integers(0, 1)) + named
    if draw(st.integers(0, 4)) == 0:
        named[draw(st.integers(0, len(named) - 1))] = speakers[3]
    return {field: [{role: name, content: draw(SAYING)} for name in named]}


ESCAPES = [
    ("a", "\\u0061"),
    ("a", "\\u0000"),
    ("a", "\\b"),
    ("a", "\\\\b"),
    ("a", "\\\\u0000"),
    ("<", "\\u003c"),
    ("[I", "\\u005BI"),
    ("a", "\\u0022"),
    ("a", "\\ud83d"),
    ("a", "\\/"),
    ('"', '""'),
    ("e", "\\u0065"),
]


MAPPINGS = SHAPES | {
    "columns": Mapping(question=("context", "question"), answer="answer", system="persona")
}


def judged(
    lines: list[bytes],
    quick: Quick | None,
    shape: str,
    folder: Path,
    together: bool = False,
    at_once: int = 7,
) -> tuple:
    folder.mkdir()
    tally = Tally()
    with Output(folder) as output:
        mapping = MAPPINGS[shape]
        reader = Reader(shape, usual=mapping if shape == "columns" else None)
        work = Judging(reader, quick, mapping.target, output, tally)
        numbers = range(1, len(lines) + 1)
        for start in range(0, len(lines), at_once):
            part = lines[start : start + at_once]
            if together:
                part = LineBlock(b"".join(line + b"\n" for line in part))
            work.take(Batch(part, numbers[start : start + at_once], None, 0))
        fingerprint = output.fingerprint()
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return files, tally.dump(), fingerprint


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("shape", list(ROWS))
def test_the_quick_way_and_the_careful_way_agree(
    shape: str, examples: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(st.lists(line(shape), min_size=1, max_size=24))
    def agree(lines: list[bytes]) -> None:
        layout = layout_of(shape, MAPPINGS[shape], ["id", "meta", "text", "split"], chosen=False)
        assert layout
        quick = Quick(layout, shape, MAPPINGS[shape].target)
        folder = tmp_path_factory.mktemp("agree")
        slow = judged(lines, None, shape, folder / "slow")
        assert judged(lines, quick, shape, folder / "fast") == slow
        assert judged(lines, quick, shape, folder / "together", together=True) == slow

    agree()


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("shape", list(ROWS))
def test_lines_that_are_all_alike_are_read_the_same(
    shape: str, examples: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(alike(shape))
    def agree(lines: list[bytes]) -> None:
        layout = layout_of(shape, MAPPINGS[shape], ["id", "meta", "text", "split"], chosen=False)
        quick = Quick(layout, shape, MAPPINGS[shape].target)
        folder = tmp_path_factory.mktemp("alike")
        slow = judged(lines, None, shape, folder / "slow")
        assert judged(lines, quick, shape, folder / "together", together=True) == slow

    agree()


ODD = {
    "a closing mark is an escape": [rb'{"instruction":"x\","input":"y"z","output":"o"}'],
    "a name is an escape": [rb'{"instruction":"x\",\"input":"y","output":"o"}'],
    "a name twice": [b'{"instruction":"x","input":"y","output":"o","output":"p"}'],
    "a name twice beside": [b'{"instruction":"x","input":"","output":"","input":"y","output":"o"}'],
    "a control character": [b'{"instruction":"x\x01","input":"y","output":"o"}'],
    "a control character escaped": [rb'{"instruction":"x\u001b","input":"y","output":"o"}'],
    "torn bytes": [b'{"instruction":"\xc3x\xa9","input":"y","output":"o"}'],
    "half an emoji": [rb'{"instruction":"x\ud83d","input":"y","output":"o"}'],
    "an unknown escape": [rb'{"instruction":"x\a","input":"y","output":"o"}'],
    "two rows in a line": [b'{"instruction":"x","input":"y","output":"o"}' * 2, b""],
    "a row in two lines": [b'{"instruction":"x","input":"y","output":{"a":1}', b'{"b":2}}'],
    "a mark inside": [b'{"instruction":"x"y","input":"y","output":"o"}'],
    "something before": [b'{1{"instruction":"x","input":"y","output":"o"}'],
    "a list as text": [
        rb'{"instruction":"x","input":"y","output":"\u005b{\"role\":\"assistant\",\"content\":\"b\"}]"}'
    ],
    "nothing said": [rb'{"instruction":"x","input":"y","output":" \u2003\n"}'],
}


@pytest.mark.parametrize("odd", list(ODD))
def test_an_odd_line_among_lines_that_are_all_alike(odd: str, tmp_path: Path) -> None:
    good = [
        b'{"instruction":"x \xc3\xa9","input":"","output":"o %d"}' % number for number in range(20)
    ]
    layout = layout_of("alpaca", MAPPINGS["alpaca"], [], chosen=False)
    for place in (0, 3, 20):
        lines = [*good[:place], *ODD[odd], *good[place:]]
        quick = Quick(layout, "alpaca", MAPPINGS["alpaca"].target)
        slow = judged(lines, None, "alpaca", tmp_path / f"slow {place}", at_once=50)
        fast = judged(lines, quick, "alpaca", tmp_path / f"fast {place}", True, at_once=50)
        assert fast == slow
        assert fast[0]["rows.jsonl"].count(b"\n") >= 20
