"""Which files of a repository hold rows, and of which split, by their names alone."""

import pytest

from storage.errors import StudioError
from worker.datasets.operations.hub_files import chosen

NAME = "clinic/questions"

ROWS = ["a.jsonl", "b.JSON", "c.csv", "d.tsv", "e.parquet", "f.jsonl.gz", "v1.2/g.csv.zip"]
OTHERS = [
    *("README.md", "load.py", "a.arrow", "model.safetensors", "pictures.zip", "dataset_infos.json"),
    *(".cache/a.jsonl", "../a.jsonl", "/etc/a.jsonl", "data\\a.jsonl", "jsonl", "a.xlsx"),
]


def test_files_with_rows_are_found_by_their_endings() -> None:
    found = chosen(dict.fromkeys(ROWS + OTHERS, 7), None, NAME)
    assert list(found) == sorted(ROWS)
    assert set(found.values()) == {7}


SPLITS = [
    ("train", ["data/train-00000-of-00002.parquet", "x_train.jsonl", "train/part1.csv"]),
    ("test", ["data/test.parquet", "eval/a.json"]),
    ("validation", ["val.json", "dev-1.jsonl"]),
    ("pqa_labeled", ["pqa_labeled/a.parquet"]),
]


@pytest.mark.parametrize(("split", "files"), SPLITS)
def test_a_split_is_told_by_a_word_of_the_path(split: str, files: list[str]) -> None:
    everything = [file for _, some in SPLITS for file in some] + ["restrained.jsonl"]
    assert sorted(chosen(dict.fromkeys(everything, 1), split, NAME)) == sorted(files)


def test_an_unknown_split_is_answered_with_those_there_are() -> None:
    with pytest.raises(StudioError, match="named after the split 'exam'") as refused:
        chosen({"train.csv": 1, "data/test.csv": 1}, "exam", NAME)
    assert refused.value.hint.endswith("test, train.")


def test_a_dataset_without_data_files_is_refused() -> None:
    with pytest.raises(StudioError, match="no data file that can be read"):
        chosen({"README.md": 1, "load.py": 1}, None, NAME)
