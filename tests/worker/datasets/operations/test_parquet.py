"""A dataset as a Parquet table, and the same rows back."""

import io
import json
import random

import pyarrow.parquet as pq
import pytest

from worker.datasets.operations import parquet as writing
from worker.datasets.operations.tables import table

ASKED = [{"role": "user", "content": "Tea?"}]
YES, NO = ([{"role": "assistant", "content": text}] for text in ("Yes.", "No."))
ROWS = {
    "chat": {"messages": ASKED + YES + ASKED + NO, "split": "test"},
    "text": {"text": "Tea, warm.\n"},
    "preference": {"prompt": ASKED, "chosen": YES, "rejected": NO},
    "labelled": {"prompt": ASKED, "completion": YES, "label": True},
}


def read(folder) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(b"".join(table(folder, "parquet"))))


@pytest.mark.parametrize("target", ROWS)
def test_the_rows_come_back(workshop, target) -> None:
    data = workshop.dataset([ROWS[target]] * 3)
    again = workshop.dataset(b"".join(table(data, "parquet")))
    assert (again / "rows.jsonl").read_bytes() == (data / "rows.jsonl").read_bytes()


def test_tool_calls_are_text_of_json(workshop) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    turns = [
        *ASKED,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "found", "tool_call_id": "1"},
        *YES,
    ]
    (row,) = read(workshop.dataset([{"messages": turns}])).read().to_pylist()
    assert json.loads(row["messages"][1]["tool_calls"])[0]["function"]["name"] == "find"
    assert row["messages"][2]["tool_call_id"] == "1"


def test_a_large_dataset_is_written_group_by_group(workshop, monkeypatch) -> None:
    monkeypatch.setattr(writing, "_MOST_BYTES", 10_000)
    chance = random.Random(1)
    data = workshop.dataset([{"text": chance.randbytes(500).hex()} for _ in range(100)])
    pieces = list(table(data, "parquet"))
    file = read(data)
    assert file.num_row_groups == 10
    assert file.metadata.num_rows == 100
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 5
