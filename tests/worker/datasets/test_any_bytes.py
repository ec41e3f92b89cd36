"""Whatever bytes a file holds, it ends in an inspection or a sentence, and good rows survive."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import StudioError
from storage.rows import iterate
from worker.datasets.inspect import Inspection, inspect

# No surrogates, which JSON text cannot hold, and none of the control characters that are refused.
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])).map(
    lambda text: "".join(c for c in text if c in "\t\n\f\r" or c >= " ")
)
ANSWER = TEXT.filter(lambda text: text.strip())
JUNK = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"", b"{", b"[", b'{"text": 1}', b"null", b'{"a', b"\xff\xfe", b"'", b"[{"]),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["messages", "text", "prompt", "completion", "role", "content"]),
                inner,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)
FAST = settings(max_examples=300, deadline=None)


def look(content: bytes) -> tuple[Inspection, list[dict]]:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "mine.jsonl", Path(folder) / "out"
        source.write_bytes(content)
        target.mkdir()
        found = inspect(source, target, lambda share, words: None)
        return found, list(iterate(target))


@FAST
@given(st.lists(JUNK, max_size=8), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_bytes_end_in_an_inspection_or_a_sentence(lines: list[bytes], end: bytes) -> None:
    try:
        found, rows = look(end.join(lines))
    except StudioError:
        return
    assert found.rows_good == len(rows) > 0
    assert found.rows_refused == len(found.faults)


@FAST
@given(TEXT, ANSWER, st.booleans(), st.sampled_from(["\n", "\r\n", "\r"]))
def test_no_text_is_changed_or_splits_a_line(
    question: str, answer: str, escaped: bool, end: str
) -> None:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    shapes = [
        {"messages": turns},
        {"prompt": question, "completion": answer},
        {"conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]},
        {"messages": turns, "note": question},
    ]
    lines = [json.dumps(row, ensure_ascii=escaped) for row in shapes]
    found, rows = look(end.join(lines).encode())
    assert [row["messages"] for row in rows] == [turns] * 4
    assert len({row["hash"] for row in rows}) == 1
    assert found.rows_refused == 0
    assert found.characters.total == 4 * (len(question) + len(answer))


@FAST
@given(st.lists(st.one_of(st.integers(0, 99), st.binary(max_size=40)), max_size=20))
def test_good_rows_are_never_lost_or_reordered(parts: list[int | bytes]) -> None:
    """The first line is good, so that no file-wide refusal can be right."""
    lines = [b'{"text": "first"}']
    wanted = ["first"]
    for part in parts:
        if isinstance(part, int):
            lines.append(json.dumps({"text": f"row {part}"}).encode())
            wanted.append(f"row {part}")
        else:
            lines.append(b"!" + part.replace(b"\n", b"").replace(b"\r", b""))
    found, rows = look(b"\n".join(lines))
    assert [row["text"] for row in rows] == wanted
    assert [lines[row["line"] - 1] for row in rows] == [
        line for line in lines if not line.startswith(b"!")
    ]
    assert found.rows_refused == len(lines) - len(wanted)


@FAST
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), ANSWER, ANSWER)
def test_no_repeated_name_slips_through(names: list[str], first: str, second: str) -> None:
    """A row is accepted exactly if all its names differ, whatever its texts hold."""
    fields = [(name, first) for name in names] + [("text", second)]
    body = ", ".join(f"{json.dumps(name)}: {json.dumps(text)}" for name, text in fields)
    unique = len(set(names)) == len(names)
    found, _ = look(b'{"text": "first"}\n{' + body.encode() + b"}")
    assert found.rows_good == 1 + unique
    assert [fault.kind for fault in found.faults] == ["duplicate_key"] * (not unique)
