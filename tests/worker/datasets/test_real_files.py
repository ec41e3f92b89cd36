"""Files as people have them: counts made here by hand agree with what the reader found."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from storage.mappings import Target
from storage.rows import iterate
from worker.datasets.inspect import Inspection, inspect

SHARED = Path(__file__).resolve().parents[3] / "../shared/data"
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared sample data is not beside the repository"
)


def look(source: Path, folder: Path) -> tuple[Inspection, list[dict[str, Any]]]:
    folder.mkdir()
    return inspect(source, folder, lambda share, words: None), list(iterate(folder))


def alpaca(row: dict[str, Any]) -> tuple[str, str]:
    asked = row["instruction"] + ("\n\n" + row["input"] if row["input"] else "")
    return asked, row["output"]


@pytest.mark.parametrize("name", ["alpaca_en_demo.json", "identity.json"])
def test_alpaca_files(tmp_path: Path, name: str) -> None:
    rows = [alpaca(row) for row in json.loads((SHARED / name).read_bytes())]
    good = [pair for pair in rows if pair[1].strip()]
    found, kept = look(SHARED / name, tmp_path / "out")
    assert (found.shape, found.target, found.format) == ("alpaca", Target.CHAT, "json")
    assert (found.rows_good, found.rows_refused) == (len(good), len(rows) - len(good))
    assert [tuple(turn["content"] for turn in row["messages"]) for row in kept] == good
    assert found.characters.total == sum(len(a) + len(b) for a, b in good)
    assert found.roles == {"user": len(good), "assistant": len(good)}
    copies = sum(times - 1 for times in Counter(good).values())
    said = [warning for warning in found.warnings if "exact copy" in warning]
    assert bool(said) == bool(copies)
    assert not said or re.match(rf"{copies} row", said[0])


def test_plain_text(tmp_path: Path) -> None:
    source = SHARED / "c4_demo.jsonl"
    texts = [json.loads(line)["text"] for line in source.read_bytes().split(b"\n") if line]
    found, kept = look(source, tmp_path / "out")
    assert (found.shape, found.target, found.rows_refused) == ("text", Target.TEXT, 0)
    assert [row["text"] for row in kept] == texts
    assert (found.characters.total, found.characters.answer_share) == (sum(map(len, texts)), 1)
    assert (tmp_path / "out/rows.jsonl").read_bytes() == source.read_bytes().rstrip(b"\n") + b"\n"


def test_preference_pairs(tmp_path: Path) -> None:
    rows = json.loads((SHARED / "dpo_en_demo.json").read_bytes())
    found, kept = look(SHARED / "dpo_en_demo.json", tmp_path / "out")
    assert (found.shape, found.target) == ("preference", Target.PREFERENCE)
    assert found.rows_good + found.rows_refused == len(rows)
    assert found.rows_good == len(kept) > 0.95 * len(rows)
    refused = [
        json.loads(line) for line in (tmp_path / "out/faults.jsonl").read_bytes().splitlines()
    ]
    assert all(fault["kind"] in {"same_answers", "empty_answer"} for fault in refused)
    by_chosen = {row["chosen"]["value"]: row for row in rows}
    for pair in kept:
        original = by_chosen[pair["chosen"][0]["content"]]
        assert pair["rejected"] == [{"role": "assistant", "content": original["rejected"]["value"]}]
        asked = [turn["value"] for turn in original["conversations"]]
        assert [turn["content"] for turn in pair["prompt"]][-len(asked) :] == asked


@pytest.mark.parametrize(
    ("name", "field", "text"),
    [
        ("pubmedqa_messages.jsonl", "messages", "content"),
        ("pubmedqa_sharegpt.jsonl", "conversations", "value"),
    ],
)
def test_conversations(tmp_path: Path, name: str, field: str, text: str) -> None:
    lines = (SHARED / name).read_text().split("\n")
    turns = [[turn[text] for turn in json.loads(line)[field]] for line in lines if line]
    found, kept = look(SHARED / name, tmp_path / "out")
    assert (found.rows_good, found.rows_refused, found.confidence) == (len(turns), 0, 1)
    assert [[turn["content"] for turn in row["messages"]] for row in kept] == turns
    assert found.turns.longest == max(map(len, turns))
    answers = sum(len(row[-1]) for row in turns)
    assert found.characters.answer_share * found.characters.total == pytest.approx(answers)


@pytest.mark.parametrize("name", sorted(path.name for path in SHARED.glob("*")))
def test_an_export_read_again_is_the_same_dataset(tmp_path: Path, name: str) -> None:
    first, _ = look(SHARED / name, tmp_path / "out")
    again, _ = look(tmp_path / "out/rows.jsonl", tmp_path / "again")
    assert again.fingerprint == first.fingerprint
    assert (tmp_path / "again/rows.jsonl").read_bytes() == (
        tmp_path / "out/rows.jsonl"
    ).read_bytes()
