"""A dataset broken on purpose in thirty ways lists exactly those thirty."""

import json
from pathlib import Path

from storage.rows import iterate
from worker.datasets.inspect import inspect

GOOD = [
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": f"Question {number}?"},
                {"role": "assistant", "content": f"Answer {number}."},
            ]
        }
    ).encode()
    for number in range(60)
]


def chat(*turns: str) -> bytes:
    return b'{"messages": [' + ", ".join(turns).encode() + b"]}"


ASKED, ANSWERED = '{"role": "user", "content": "a"}', '{"role": "assistant", "content": "b"}'
BROKEN: list[tuple[str, int, bytes]] = [
    ("single_quotes", 2, b"{'text': 'it is' 'two'}"),
    ("smart_quotes", 2, "{“text”: “a”}".encode()),
    ("comment", 15, b'{"text": "a"} // a good one'),
    ("two_objects", 15, b'{"text": "a"} {"text": "b"}'),
    ("text_after", 15, b'{"text": "a"} and more'),
    ("unquoted_name", 2, b'{text: "a"}'),
    ("broken_json", 9, b'{"text" "a"}'),
    ("bad_escape", 13, b'{"text": "C:\\dir"}'),
    ("ends_early", 10, b'{"text": "a'),
    ("not_json", 1, b"hello there"),
    ("not_a_number", 20, b'{"text": "a", "x": NaN}'),
    ("number_too_large", 20, b'{"text": "a", "x": 1e999}'),
    ("lone_surrogate", 11, b'{"text": "\\ud83d"}'),
    ("duplicate_key", 15, b'{"text": "a", "text": "b"}'),
    ("control_character", 12, b'{"text": "a\x00b"}'),
    ("too_deep", 1, b'{"text": "a", "x": ' + b"[" * 70 + b"]" * 70 + b"}"),
    ("not_an_object", 1, b"[1, 2]"),
    ("not_utf8", 13, b'{"text": "\xc3\xa9t\xe9"}'),
    ("too_long", 1, b'{"text": "' + b"x" * 10_000_000 + b'"}'),
    ("field_misspelt", 1, b'{"message": []}'),
    ("fields_unknown", 1, b'{"frage": "a", "antwort": "b"}'),
    ("field_missing", 1, b'{"prompt": "a"}'),
    ("field_not_text", 1, b'{"text": 12}'),
    ("empty_answer", 1, b'{"prompt": "a", "completion": " "}'),
    ("messages_empty", 1, b'{"messages": []}'),
    ("unknown_role", 1, chat('{"role": "nurse", "content": "a"}', ANSWERED)),
    ("not_alternating", 1, chat(ASKED, ASKED, ANSWERED)),
    ("no_answer", 1, chat(ASKED)),
    ("part_not_text", 1, chat('{"role": "user", "content": [{"type": "image"}]}', ANSWERED)),
    ("tool_call_unreadable", 1, chat(ASKED, '{"role": "assistant", "tool_calls": [1]}')),
]


def test_exactly_the_thirty_are_listed(tmp_path: Path) -> None:
    """Each stands between good rows, none of which is lost, changed or moved."""
    assert len({kind for kind, _, _ in BROKEN}) == len(BROKEN) == 30
    lines = [line for pair in zip(GOOD[::2], BROKEN, GOOD[1::2], strict=True) for line in
             (pair[0], pair[1][2], pair[2])]  # fmt: skip
    source, target = tmp_path / "mine.jsonl", tmp_path / "out"
    source.write_bytes(b"\n".join(lines) + b"\n")
    target.mkdir()
    found = inspect(source, target, lambda share, words: None)
    faults = [json.loads(line) for line in (target / "faults.jsonl").read_bytes().splitlines()]
    assert [(fault["kind"], fault["line"], fault["column"]) for fault in faults] == [
        (kind, 3 * place + 2, column) for place, (kind, column, _) in enumerate(BROKEN)
    ]
    assert (found.rows_good, found.rows_refused, found.rows_repaired) == (60, 30, 0)
    assert (target / "rows.jsonl").read_bytes() == b"\n".join(GOOD) + b"\n"
    assert [row["line"] for row in iterate(target)] == [
        line for line in range(1, 91) if line % 3 != 2
    ]
    report = json.loads((target / "report.json").read_text())
    assert report["faults"] == {kind: 1 for kind, _, _ in BROKEN}
    texts = {fault["kind"]: fault["text"] for fault in faults}
    assert texts["comment"] == '{"text": "a"} // a good one'
    assert texts["too_long"] == ""


REPAIRED = [
    ("trailing_comma", b'{"text": "a",}', "a"),
    ("trailing_comma", b'{"text": "a, ]"},', "a, ]"),
    ("trailing_comma", b'{"text": "a", "x": [1, 2, ], }', "a"),
    ("python_dict", b"{'text': \"it's\", 'ok': True, 'none': None}", "it's"),
    ("python_dict", b"{'text': 'a\\nb \\'c\\''}", "a\nb 'c'"),
    ("windows_1252", b'{"text": "Bl\xe4schen \x85 gro\xdf"}', "Bläschen … groß"),
    ("byte_order_mark", b'\xef\xbb\xbf{"text": "a"}', "a"),
]


def test_what_is_certain_is_put_right_and_listed(tmp_path: Path) -> None:
    lines = [b'{"text": "first"}', *[line for _, line, _ in REPAIRED], b'{"text": "last"}']
    source, target = tmp_path / "mine.jsonl", tmp_path / "out"
    source.write_bytes(b"\n".join(lines))
    target.mkdir()
    found = inspect(source, target, lambda share, words: None)
    assert (found.rows_good, found.rows_repaired, found.rows_refused) == (9, 7, 0)
    assert [row["text"] for row in iterate(target)] == [
        "first",
        *[text for _, _, text in REPAIRED],
        "last",
    ]
    listed = [json.loads(line) for line in (target / "repairs.jsonl").read_bytes().splitlines()]
    assert [(repair["line"], repair["kind"]) for repair in listed] == [
        (place, kind) for place, (kind, _, _) in enumerate(REPAIRED, 2)
    ]
    assert all(repair["reason"].endswith(".") for repair in listed)


def test_roles_under_other_names_are_put_right(tmp_path: Path) -> None:
    names = [("User", "ASSISTANT"), (" human", "ai"), ("user", "bot"), ("USER", "model ")]
    source, target = tmp_path / "mine.jsonl", tmp_path / "out"
    rows = [
        {"messages": [{"role": asks, "content": "a"}, {"role": answers, "content": "b"}]}
        for asks, answers in names
    ]
    source.write_text("\n".join(map(json.dumps, rows)))
    target.mkdir()
    found = inspect(source, target, lambda share, words: None)
    assert (found.rows_good, found.rows_repaired) == (4, 4)
    assert {tuple(turn["role"] for turn in row["messages"]) for row in iterate(target)} == {
        ("user", "assistant")
    }
    assert json.loads((target / "report.json").read_text())["repairs"] == {"role_name": 4}
