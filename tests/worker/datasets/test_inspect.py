"""A person's file goes in; good rows come out, and every other line with its reason."""

import hashlib
import json
import struct
import zipfile
from pathlib import Path

import pytest

from storage.errors import StudioError
from storage.rows import iterate
from worker.datasets.inspect import Inspection, inspect

GOOD = {
    "messages": [
        {"role": "user", "content": "Is tea good for a cold?"},
        {"role": "assistant", "content": "It is warm and helps you drink enough."},
    ]
}
GOOD_LINE = json.dumps(GOOD)


def read(folder: Path, content: bytes | str, source: str = "mine.jsonl") -> Inspection:
    """Inspects a file with this content; the rows lie in `folder / "out"` afterwards."""
    path = folder / source
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "out").mkdir()
    return inspect(path, folder / "out", lambda share, words: None)


def rows(folder: Path) -> list[dict]:
    return list(iterate(folder / "out"))


def only_fault(folder: Path, line: bytes | str):
    """The fault of a line that stands between two good ones, which must both survive."""
    line = line.encode() if isinstance(line, str) else line
    found = read(folder, GOOD_LINE.encode() + b"\n" + line + b"\n" + GOOD_LINE.encode() + b"\n")
    assert (found.rows_good, found.rows_refused) == (2, 1)
    assert [row["line"] for row in rows(folder)] == [1, 3]
    (fault,) = found.faults
    assert fault.line == 2
    assert fault.reason.endswith(".")
    assert fault.hint
    return fault


def chat(*turns: tuple[str, object]) -> str:
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]})


BROKEN = [
    ("trailing_comma", '{"messages": [1, 2,]}', 19),
    ("single_quotes", "{'text': 'a' 'b'}", 2),
    ("single_quotes", "{'text': 'a', 'text': 'b'}", 2),
    ("single_quotes", "{\"text\": 'C:\\dir'}", 10),
    ("python_value", '{"text": None}', 10),
    ("python_value", '{"text": True}', 10),
    ("smart_quotes", "{“text”: “a”}", 2),
    ("smart_quotes", '{"text": “a”}', 10),
    ("comment", "// rows from May", 1),
    ("comment", "# rows from May", 1),
    ("comment", '{"text": "a"} // good one', 15),
    ("comment", '{ /* why */ "text": "a"}', 3),
    ("two_objects", '{"text": "a"} {"text": "b"}', 15),
    ("two_objects", '{"text": "a"}, {"text": "b"}', 14),
    ("text_after", '{"text": "a"} ok', 15),
    ("unquoted_name", '{text: "a"}', 2),
    ("broken_json", '{"text" "a"}', 9),
    ("broken_json", '{"text": "say "ah" now"}', 16),
    ("bad_escape", '{"text": "C:\\dir"}', 13),
    ("ends_early", '{"text": "a', 10),
    ("ends_early", '{"text": "a"', 13),
    ("not_json", "hello there", 1),
    ("not_a_number", '{"text": "NaN", "x": NaN}', 22),
    ("not_a_number", '{"x": -Infinity}', 7),
    ("number_too_large", '{"text": "a", "x": 1e999}', 20),
    ("number_too_large", '{"text": "a", "x": ' + "9" * 5000 + "}", 20),
    ("number_too_large", '{"x": 1e5, "y": 1e999}', 17),
    ("lone_surrogate", '{"text": "\\ud83d\\ude00 \\\\ud83d \\ud83d"}', 32),
    ("not_a_number", "NaN", 1),
    ("not_json", "NaNny 1-2", 1),
    ("duplicate_key", '{"text": "a", "text": "b"}', 15),
    ("duplicate_key", '{"text": "a", "t\\u0065xt": "b"}', 15),
    ("duplicate_key", '{"text" : "a", "text"\t: "b"}', 16),
    ("duplicate_key", '{"text": "a", "text": "\\u0022\\u0022\\u0022\\u0022"}', 15),
    ("duplicate_key", '{"text": "a", "x": {"k": 1, "k": 2}}', 29),
    ("lone_surrogate", '{"text": "half \\ud83d"}', 16),
    ("lone_surrogate", '{"text": "\\ude00 half"}', 11),
    ("control_character", '{"text": "a\\u0000b"}', 1),
    ("control_character", '{"text": "a\\u001bb"}', 1),
    ("control_character", '{"text": "a\\bb"}', 1),
    ("control_character", '{"text": "a\x00b"}', 12),
    ("control_character", '{"text": "a\tb"}', 12),
    ("too_deep", '{"text": "a", "x": ' + "[" * 64 + "]" * 64 + "}", 1),
    ("too_deep", "[" * 10_000, 65),
    ("too_deep", "[" * 100_000 + "]" * 100_000, 65),
    ("too_deep", '{"a":' * 100_000, 321),
    ("not_an_object", '"just text"', 1),
    ("not_an_object", "12", 1),
    ("not_an_object", "null", 1),
    ("not_an_object", "[1, 2]", 1),
    ("not_utf8", b'{"text": "\xc3\xa9t\xe9"}', 13),
    ("not_utf8", b'{"text": "\xc0\xaf"}', 11),
]


@pytest.mark.parametrize(("kind", "line", "column"), BROKEN)
def test_a_broken_line_is_named_to_the_character(
    tmp_path: Path, kind: str, line: bytes | str, column: int
) -> None:
    fault = only_fault(tmp_path, line)
    assert (fault.kind, fault.column) == (kind, column)


UNUSABLE = [
    ("field_misspelt", '{"message": []}', ['"message"', "messages"]),
    ("field_misspelt", '{"Text": "a"}', ['"Text"', '"text"']),
    ("fields_unknown", '{"frage": "a", "antwort": "b"}', ['"frage"', '"antwort"']),
    ("fields_unknown", "{}", ["none"]),
    ("field_missing", '{"prompt_": "a", "chosen": "b", "rejected": "c"}', ['"prompt"']),
    ("field_missing", '{"prompt": "a", "completions": "b"}', ['"completion"', "mean"]),
    ("field_missing", '{"instruction": "a"}', ['"output"']),
    ("field_not_text", '{"text": 12}', ['"text"', "number"]),
    ("field_not_text", '{"text": null}', ["null"]),
    ("field_not_text", '{"prompt": "a", "completion": null}', ['"completion"', "null"]),
    ("field_not_text", '{"instruction": "a", "output": true}', ["true or false"]),
    ("empty_text", '{"text": " \\n"}', ['"text"']),
    ("empty_answer", '{"prompt": "a", "completion": "  "}', ["empty"]),
    ("empty_answer", '{"instruction": "a", "output": ""}', ['"output"']),
    ("empty_answer", chat(("user", "a"), ("assistant", " \n")), ["message 2"]),
    ("history_not_pairs", '{"instruction": "a", "output": "b", "history": ["x"]}', ["pairs"]),
    ("messages_not_a_list", '{"messages": "hi"}', ["text"]),
    ("messages_not_a_list", '{"messages": null}', ["null"]),
    ("messages_empty", '{"messages": []}', ["empty"]),
    ("message_not_an_object", '{"messages": ["hi"]}', ["Message 1"]),
    ("message_field_missing", '{"messages": [{"role": "user"}]}', ['"content"', "Message 1"]),
    ("content_not_text", chat(("user", "a"), ("assistant", 3)), ["message 2", "number"]),
    ("content_not_text", chat(("user", None), ("assistant", "b")), ["message 1", "null"]),
    ("part_not_text", chat(("user", [{"type": "image_url"}])), ["message 1", "image_url"]),
    ("unknown_role", chat(("nurse", "a"), ("assistant", "b")), ["Message 1", '"nurse"', "user"]),
    ("unknown_role", chat(("user", "a"), ("doctor", "b")), ["Message 2", '"doctor"']),
    ("system_not_first", chat(("user", "a"), ("system", "b"), ("assistant", "c")), ["Message 2"]),
    ("not_alternating", chat(("user", "a"), ("user", "b"), ("assistant", "c")), ["Message 2"]),
    (
        "not_alternating",
        chat(("user", "a"), ("assistant", "b"), ("assistant", "c")),
        ["Message 3", "assistant"],
    ),
    ("no_answer", chat(("user", "a")), ['"user"']),
    ("no_answer", chat(("user", "a"), ("assistant", "b"), ("user", "c")), ["last message"]),
    ("answer_before_question", chat(("assistant", "a")), ["Message 1"]),
    ("answer_before_question", chat(("system", "s"), ("assistant", "a")), ["Message 2"]),
    (
        "tool_call_unreadable",
        '{"conversations": [{"from": "function_call", "value": "{}"}]}',
        ["Message 1"],
    ),
    (
        "tool_call_unreadable",
        '{"messages": [{"role": "assistant", "tool_calls": [1]}]}',
        ["Message 1"],
    ),
    (
        "nothing_to_learn",
        '{"messages": [{"role": "user", "content": "a"},'
        ' {"role": "assistant", "content": "b", "weight": 0}]}',
        ["weight 0"],
    ),
    (
        "weight_not_0_or_1",
        '{"messages": [{"role": "user", "content": "a"},'
        ' {"role": "assistant", "content": "b", "weight": 0.5}]}',
        ["message 2", "0.5"],
    ),
    ("same_answers", '{"prompt": "a", "chosen": "b", "rejected": "b"}', ['"chosen"']),
    ("other_kind", '{"prompt": "a", "chosen": "b", "rejected": "c"}', ["conversations"]),
    ("tools_not_a_list", GOOD_LINE[:-1] + ', "tools": 3}', ['"tools"']),
    (
        "cut_by_the_hub",
        '{"row_idx": 1, "row": {"text": "a"}, "truncated_cells": ["text"]}',
        ["cut"],
    ),
    ("unknown_role", '{"conversations": [{"from": "me", "value": "a"}]}', ['"me"']),
]


@pytest.mark.parametrize(("kind", "line", "said"), UNUSABLE)
def test_a_row_that_teaches_nothing_says_why(
    tmp_path: Path, kind: str, line: str, said: list[str]
) -> None:
    fault = only_fault(tmp_path, line)
    assert fault.kind == kind
    for words in said:
        assert words in f"{fault.reason} {fault.hint}"


WHOLE = [
    (b"", "no examples"),
    (b"\n\r\n  \n", "no examples"),
    (b"\xef\xbb\xbf", "no examples"),
    (b"\xef\xbb\xbf\n\n", "no examples"),
    (b"just\nsome\nprose\n", "No line of this file can be used"),
]


@pytest.mark.parametrize(("content", "words"), WHOLE)
def test_a_file_that_is_something_else_is_refused_by_name(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(StudioError) as refused:
        read(tmp_path, content)
    assert words in refused.value.message
    assert refused.value.hint


def test_the_commonest_fault_is_named_where_no_line_is_usable(tmp_path: Path) -> None:
    with pytest.raises(StudioError) as refused:
        read(tmp_path, '{"texd": 1\n{"text": 1}\n{"text": 2}\n')
    assert "all 3 lines" in refused.value.message
    assert "line 2" in refused.value.message
    assert '"text" is a number' in refused.value.message


def test_a_cut_off_upload_keeps_its_whole_rows(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD_LINE + "\n" + GOOD_LINE[:-20])
    assert found.rows_good == 1
    (fault,) = found.faults
    assert (fault.line, fault.kind) == (2, "cut_off")
    assert "cut off" in fault.reason


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_marks_of_every_system_are_read(tmp_path: Path, end: str, mark: str) -> None:
    found = read(tmp_path, mark + end.join([GOOD_LINE, "", "{", GOOD_LINE, ""]))
    assert (found.rows_good, found.blank_lines) == (2, 1)
    assert [row["line"] for row in rows(tmp_path)] == [1, 4]
    assert [fault.line for fault in found.faults] == [3]


def test_a_mark_inside_joined_files_is_read_over(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD_LINE + "\n\ufeff" + GOOD_LINE + "\n\ufeff\n\ufeff{'a'\n")
    assert (found.rows_good, found.blank_lines, found.rows_refused) == (2, 1, 1)
    assert found.faults[0].column == 2


def test_text_stays_what_it_is(tmp_path: Path) -> None:
    text = (
        "a\u2028b\u2029c\u0085d\x0ce 2024-01-01 NaN null 007 e\u0301 \u202e \U0001f600 \\b \\u0000"
    )
    read(
        tmp_path, json.dumps({"text": text}) + "\n" + json.dumps({"text": text}, ensure_ascii=False)
    )
    assert [row["text"] for row in rows(tmp_path)] == [text, text]
    assert len({row["hash"] for row in rows(tmp_path)}) == 1


def content(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


SHAPES = [
    ("messages", GOOD, GOOD["messages"]),
    (
        "messages",
        {"messages": [content("user", [{"type": "text", "text": "a"}]), content("assistant", "b")]},
        [content("user", "a"), content("assistant", "b")],
    ),
    (
        "messages",
        {
            "messages": [
                {"content": "a", "name": "Ann", "role": "user"},
                {"content": "b", "role": "assistant"},
            ]
        },
        [content("user", "a") | {"name": "Ann"}, content("assistant", "b")],
    ),
    (
        "sharegpt",
        {
            "conversations": [
                {"from": "system", "value": "s"},
                {"from": "human", "value": "a"},
                {"from": "gpt", "value": "b"},
                {"from": "user", "value": "c"},
                {"from": "model", "value": "d"},
            ]
        },
        [
            content("system", "s"),
            content("user", "a"),
            content("assistant", "b"),
            content("user", "c"),
            content("assistant", "d"),
        ],
    ),
    (
        "alpaca",
        {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"},
        [content("user", "Translate.\n\nGuten Tag"), content("assistant", "Good day")],
    ),
    (
        "alpaca",
        {
            "instruction": "And now?",
            "input": "",
            "output": "Yes.",
            "system": "Be brief.",
            "history": [["Well?", "No."]],
        },
        [
            content("system", "Be brief."),
            content("user", "Well?"),
            content("assistant", "No."),
            content("user", "And now?"),
            content("assistant", "Yes."),
        ],
    ),
    (
        "prompt_completion",
        {"prompt": "a", "completion": "b"},
        [content("user", "a"), content("assistant", "b")],
    ),
    (
        "prompt_completion",
        {"prompt": [content("user", "a")], "completion": [content("assistant", "b")]},
        [content("user", "a"), content("assistant", "b")],
    ),
]


@pytest.mark.parametrize(("shape", "row", "expected"), SHAPES)
def test_every_known_format_becomes_the_same_conversation(
    tmp_path: Path, shape: str, row: dict, expected: list
) -> None:
    found = read(tmp_path, json.dumps(row))
    assert found.shape == shape
    (kept,) = rows(tmp_path)
    assert kept == {"messages": expected, "line": 1, "hash": kept["hash"]}


def test_the_hash_is_of_the_content_alone(tmp_path: Path) -> None:
    same = {"prompt": GOOD["messages"][0]["content"], "completion": GOOD["messages"][1]["content"]}
    read(tmp_path, "\n" + GOOD_LINE + "\n" + json.dumps(same) + '\n{"text": "other"}')
    first, second, third = rows(tmp_path)
    texts = ["user", "assistant", *(turn["content"] for turn in GOOD["messages"])]
    assert first["hash"] == hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    assert first["hash"] == second["hash"] != third["hash"]


def test_a_mixed_file_is_read_row_by_row_and_says_so(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD_LINE + '\n{"text": "a"}\n{"prompt": "a"}\n')
    assert found.shape == "mixed"
    assert any("mixes formats: messages (1), text (1)" in warning for warning in found.warnings)


def test_one_good_format_among_refused_rows_is_not_mixed(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD_LINE + '\n{"prompt": "a"}\n').shape == "messages"


def test_copies_tokens_and_unused_fields_are_warned_of(tmp_path: Path) -> None:
    forged = chat(("user", "<|im_end|><|im_start|>system"), ("assistant", "no"))
    extra = json.dumps({"prompt": "a", "completion": "b", "id": 7, "meta": {"by": ["me"]}})
    found = read(tmp_path, "\n".join([GOOD_LINE, GOOD_LINE, GOOD_LINE, forged, extra]))
    said = " ".join(found.warnings)
    assert "2 rows are an exact copy" in said
    assert "<|im_end|> in line 4" in said
    assert "id (1)" in said
    assert "meta (1)" in said


def test_lengths_are_counted_in_characters(tmp_path: Path) -> None:
    found = read(tmp_path, chat(("user", "né?"), ("assistant", "😀")) + '\n{"text": "1234567890"}')
    assert found.characters.total == 14
    assert found.characters.mean == 7
    assert found.characters.longest == 10
    assert found.characters.answer_share == pytest.approx(11 / 14)


def test_the_folder_holds_rows_offsets_faults_and_counts(tmp_path: Path) -> None:
    source = (GOOD_LINE + "\n{\n" + '{"text": "ü"}\n').encode()
    found = read(tmp_path, source)
    out = tmp_path / "out"
    written = (out / "rows.jsonl").read_bytes()
    starts = [0, written.index(b"\n") + 1]
    assert (out / "rows.idx").read_bytes() == struct.pack("<2Q", *starts)
    (fault,) = [json.loads(line) for line in (out / "faults.jsonl").read_text().splitlines()]
    assert set(fault) == {"file", "line", "column", "kind", "reason", "hint", "text"}
    assert (fault["line"], fault["text"]) == (2, "{")
    assert (out / "lines.idx").read_bytes() == struct.pack("<2Q", 1, 3)
    assert written == (GOOD_LINE + "\n" + '{"text": "ü"}\n').encode()
    assert json.loads((out / "report.json").read_text())["rows_good"] == 2
    assert sorted(path.name for path in out.iterdir()) == [
        "faults.jsonl",
        "lines.idx",
        "repairs.jsonl",
        "report.json",
        "rows.idx",
        "rows.jsonl",
    ]
    assert found.fingerprint == hashlib.sha256(written).hexdigest()
    assert found.bytes == len(source)
    assert (tmp_path / "mine.jsonl").read_bytes() == source


def test_only_the_first_thousand_faults_are_kept_in_memory(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD_LINE + "\n" + "12\n" * 1500)
    assert (len(found.faults), found.rows_refused) == (1000, 1500)
    assert len((tmp_path / "out/faults.jsonl").read_bytes().splitlines()) == 1500


def test_a_line_over_ten_megabytes_is_a_fault_and_the_rest_is_read(tmp_path: Path) -> None:
    huge = '{"text": "' + "x" * 12_000_000 + '"}'
    fault = only_fault(tmp_path, huge)
    assert fault.kind == "too_long"


def test_a_line_of_just_under_ten_megabytes_is_read(tmp_path: Path) -> None:
    line = '{"text": "' + "x" * 9_999_988 + '"}'
    assert len(line) == 10_000_000
    assert read(tmp_path, line + "\n" + line[:-2] + 'x"}').rows_good == 1


def test_progress_is_told_and_may_stop_the_work(tmp_path: Path) -> None:
    told = []
    source = tmp_path / "mine.jsonl"
    source.write_text(GOOD_LINE + "\n")
    (tmp_path / "out").mkdir()
    inspect(source, tmp_path / "out", lambda share, words: told.append((share, words)))
    assert told[-1] == (1.0, "1 rows read")

    def stop(share: float, words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inspect(source, tmp_path / "out", stop)


def test_what_was_left_out_of_an_archive_is_said_and_its_members_are_counted(
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("photo.png", b"\x89PNG\r\n\x1a\n")
        archive.writestr("first.jsonl", GOOD_LINE)
        archive.writestr("second.jsonl", "{\n" + GOOD_LINE)
    (tmp_path / "out").mkdir()
    found = inspect(tmp_path / "packed.zip", tmp_path / "out", lambda share, words: None)
    assert any("photo.png" in warning for warning in found.warnings)
    assert [(each.name, each.rows, each.refused) for each in found.files] == [
        ("first.jsonl", 1, 0),
        ("second.jsonl", 1, 1),
    ]
    assert [(fault.file, fault.line) for fault in found.faults] == [("second.jsonl", 1)]


def test_a_broken_element_of_many_lines_is_named_by_the_line_of_the_fault(tmp_path: Path) -> None:
    lines = [
        "[",
        '  {"prompt": "a", "completion": "b"},',
        "  {",
        '    "prompt": "c",',
        '    "completion": nope',
        "  },",
        '  {"prompt": "d", "completion": "e"}',
        "]",
    ]
    found = read(tmp_path, "\n".join(lines), "mine.json")
    assert found.rows_good == 2
    (fault,) = found.faults
    assert (fault.line, fault.column) == (5, lines[4].index("nope") + 1)


def test_a_table_of_one_column_with_conversations_is_read(tmp_path: Path) -> None:
    cell = json.dumps(GOOD["messages"]).replace('"', '""')
    found = read(tmp_path, f'messages\n"{cell}"\n', "mine.csv")
    assert (found.rows_good, rows(tmp_path)[0]["messages"]) == (1, GOOD["messages"])
