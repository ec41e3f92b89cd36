"""Files to take away: unchanged, named sanely, and there only when there is something in them."""

import csv
import io

import pytest

from storage.errors import NotFound, StudioError
from storage.ids import LOCAL_PERSON as ME
from studio.services import dataset_files, dataset_rows, datasets, versions
from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready
from tests.fakes.workplace import Workplace, examples

FAULT = {"file": "a", "line": 2, "column": 1, "kind": "syntax", "reason": "r", "hint": "h"}


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("answers.jsonl", ("answers.jsonl", "answers.jsonl")),
        ("answers.csv.gz", ("answers.csv.gz", "answers.jsonl")),
        ("Patient friendly", ("Patient-friendly.jsonl", "Patient-friendly.jsonl")),
        ('a"b\r\nX: <b>.html', ("a-b-X-b-.html.jsonl", "a-b-X-b-.html.jsonl")),
        ("Fièvre.jsonl", ("Fievre.jsonl", "Fievre.jsonl")),
        ("☃.jsonl", ("studio.jsonl", "studio.jsonl")),
    ],
)
def test_names_are_sane(studio: Studio, name: str, offered: tuple[str, str]) -> None:
    data = ready(studio, questions(2), name).id
    assert dataset_files.original(studio, ME, data)[1] == offered[0]
    assert dataset_files.rows(studio, ME, data)[1] == offered[1]


def test_rows_exported_and_read_again_are_the_same_rows(workplace: Workplace) -> None:
    first = workplace.data(examples(20))
    path, _ = dataset_files.rows(workplace.studio, ME, first.id)
    again = workplace.data(path.read_bytes(), "again.jsonl")
    assert again.id != first.id
    assert again.fingerprint == first.fingerprint
    original, _ = dataset_files.original(workplace.studio, ME, first.id)
    assert original.read_bytes() == examples(20)


def test_a_table_is_safe_for_a_spreadsheet(studio: Studio) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "=1+1"}, {"role": "assistant", "content": "2"}]}
    ]
    data = ready(studio, rows).id
    table = dataset_files.table(studio, ME, data, "csv")
    assert table.name == "answers.csv"
    cells = list(csv.reader(io.StringIO(b"".join(table.blocks).decode("utf-8-sig"))))
    assert "'=1+1" in cells[1]
    assert "2" in cells[1]


def test_refused_records_are_there_where_some_were_refused(studio: Studio) -> None:
    some = ready(studio, questions(2), faults=[FAULT]).id
    path, name = dataset_files.faults(studio, ME, some)
    assert name == "answers-refused.jsonl"
    assert path.read_bytes().count(b"\n") == 1


def test_what_is_not_there_yet_is_said(studio: Studio) -> None:
    parent = ready(studio, questions(5))
    made = versions.make(studio, ME, {"kind": "clean", "dataset_id": parent.id}).id
    waiting = datasets.receive(studio, ME, "new.jsonl", [b"{}\n"]).id
    for call in (
        lambda: dataset_files.original(studio, ME, made),
        lambda: dataset_files.rows(studio, ME, made),
        lambda: dataset_files.rows(studio, ME, waiting),
        lambda: dataset_files.table(studio, ME, waiting, "parquet"),
        lambda: dataset_files.faults(studio, ME, waiting),
    ):
        with pytest.raises(StudioError, match="yet"):
            call()


def test_somebody_elses_files_are_not_there(studio: Studio) -> None:
    data = ready(studio, questions(2), faults=[FAULT]).id
    for call in (dataset_files.original, dataset_files.rows, dataset_files.faults):
        with pytest.raises(NotFound):
            call(studio, "ben", data)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_template_is_read_without_a_question(workplace: Workplace, kind: str) -> None:
    content = dataset_files.TEMPLATES[kind].encode()
    data = workplace.data(content, f"template.{kind}")
    assert (data.status, data.rows_good, data.rows_refused) == ("ready", 2, 0)
    (first, second) = dataset_rows.page(workplace.studio, ME, data.id, 0, 5).rows
    assert [turn["role"] for turn in first["messages"]] == ["system", "user", "assistant"]
    assert [turn["role"] for turn in second["messages"]] == ["user", "assistant"]
