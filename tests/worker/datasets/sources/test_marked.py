"""The files of an archive that are named after a split say what is learned and what is asked."""

import json
import zipfile
from pathlib import Path

import pytest

from worker.datasets.sources.batch import Limits
from worker.datasets.sources.opening import opened

ROW = '{"prompt": "q", "completion": "a"}\n'


def splits_of(folder: Path, files: dict[str, str]) -> dict[str, list[str | None]]:
    path = folder / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return {
        part.name: [
            json.loads(line).get("split")
            for batch in part.batches()
            for line in batch.lines
            if isinstance(line, bytes) and line.startswith(b"{") and line.endswith(b"}")
        ]
        for part in opened(path, Limits())
    }


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("data/train-00000-of-00002.jsonl", "train"),
        ("validation.jsonl", "test"),
        ("test/part.jsonl", "test"),
        ("my_dev.jsonl", "test"),
        ("contest.jsonl", None),
        ("latest.jsonl", None),
    ],
)
def test_words_of_a_name_name_the_split(tmp_path: Path, name: str, split: str | None) -> None:
    files = {name: ROW * 2, "train.jsonl": ROW, "eval.jsonl": ROW}
    assert splits_of(tmp_path, files)[name] == [split, split]


@pytest.mark.parametrize("name", ["test.jsonl", "train.jsonl"])
def test_one_split_alone_marks_nothing(tmp_path: Path, name: str) -> None:
    assert splits_of(tmp_path, {name: ROW, "more.jsonl": ROW}) == {
        name: [None],
        "more.jsonl": [None],
    }


def test_a_record_that_names_its_split_keeps_it_and_a_broken_one_its_bytes(tmp_path: Path) -> None:
    own = '{"text": "x", "split": "test"}\n{}\nbroken}\n'
    found = splits_of(tmp_path, {"train.jsonl": own, "test.csv": "prompt,completion\nq,a\n"})
    assert found == {"train.jsonl": ["test", "train"], "test.csv": ["test"]}


def test_the_report_names_what_is_kept_for_the_exam(tmp_path: Path) -> None:
    splits_of(tmp_path, {"train.jsonl": ROW, "test.jsonl": ROW})
    notes = opened(tmp_path / "data.zip", Limits())[0].notes
    assert notes == ('Kept for the exam, by their names: "test.jsonl".',)
