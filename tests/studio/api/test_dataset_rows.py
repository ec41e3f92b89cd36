"""Rows, faults and files of a dataset over HTTP."""

import json

import httpx
import pytest

from studio.services import dataset_rows
from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready

FAULT = {
    "file": "a", "line": 2, "column": 1, "kind": "syntax", "reason": "Broken.", "hint": "Mend.",
    "text": "<script>alert(1)</script>",
}  # fmt: skip


def test_rows_by_page_and_by_words_say_where_to_go_on(client: httpx.Client, studio: Studio) -> None:
    data = f"/api/v1/datasets/{ready(studio, questions(50)).id}/rows"
    page = client.get(data, params={"start": 10, "count": 5})
    assert [row["row"] for row in page.json()] == [10, 11, 12, 13, 14]
    assert page.headers["Studio-Next-Row"] == "15"
    found = client.get(data, params={"search": "NUMBER 4"})
    assert [row["row"] for row in found.json()] == [4, *range(40, 50)]
    assert "Studio-Next-Row" not in found.headers
    some = client.get(data, params={"search": "number 4", "start": 2, "count": 3})
    assert [row["row"] for row in some.json()] == [41, 42, 43]


def test_a_search_that_stops_early_can_be_gone_on_with(
    client: httpx.Client, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_rows, "SEARCHED_BYTES", 1000)
    data = f"/api/v1/datasets/{ready(studio, questions(50)).id}/rows"
    asked = {"search": "number 49"}
    answer = client.get(data, params=asked)
    looked = 1
    while "Studio-Next-Row" in answer.headers:
        assert answer.json() == []
        answer = client.get(data, params={**asked, "after": answer.headers["Studio-Next-Row"]})
        looked += 1
    assert [row["row"] for row in answer.json()] == [49]
    assert looked > 2


def test_faults_by_kind_and_as_a_file(client: httpx.Client, studio: Studio) -> None:
    data = f"/api/v1/datasets/{ready(studio, questions(3), faults=[FAULT]).id}"
    assert client.get(f"{data}/faults", params={"kind": "syntax"}).json() == [FAULT]
    assert client.get(f"{data}/faults", params={"kind": "empty"}).json() == []
    kinds = client.get(f"{data}/faults/kinds").json()
    assert kinds == [{"kind": "syntax", "count": 1, "first": FAULT}]
    file = client.get(f"{data}/faults.jsonl")
    assert json.loads(file.text) == FAULT


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("original", "page.html.jsonl"),
        ("export", "page.html.jsonl"),
        ("export?format=csv", "page.html.csv"),
        ("export?format=parquet", "page.html.parquet"),
        ("faults.jsonl", "page.html-refused.jsonl"),
    ],
)
def test_a_file_is_saved_and_never_shown(
    client: httpx.Client, studio: Studio, path: str, name: str
) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "<b>"}, {"role": "assistant", "content": "a"}]}
    ]
    data = ready(studio, rows, "page.html", faults=[FAULT])
    answer = client.get(f"/api/v1/datasets/{data.id}/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert "html" not in answer.headers["content-type"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content


def test_an_export_is_the_rows_as_they_are_kept(client: httpx.Client, studio: Studio) -> None:
    rows = questions(20)
    data = ready(studio, rows).id
    lines = client.get(f"/api/v1/datasets/{data}/export").text.splitlines()
    assert [json.loads(line) for line in lines] == rows
    parquet = client.get(f"/api/v1/datasets/{data}/export", params={"format": "parquet"})
    assert parquet.content[:4] == parquet.content[-4:] == b"PAR1"
    assert client.get(f"/api/v1/datasets/{data}/export?format=xlsx").status_code == 422


def test_a_template_is_there_for_people_without_data(client: httpx.Client) -> None:
    answer = client.get("/api/v1/datasets/template")
    assert answer.headers["content-disposition"] == 'attachment; filename="template.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbfquestion,answer")
    jsonl = client.get("/api/v1/datasets/template?format=jsonl")
    assert [sorted(json.loads(line))[:2] for line in jsonl.text.splitlines()] == [
        ["answer", "question"]
    ] * 2


def test_what_is_not_there_is_said(client: httpx.Client, studio: Studio) -> None:
    waiting = client.post("/api/v1/datasets", files={"file": ("a.jsonl", b"{}\n")}).json()["id"]
    for path in ("export", "export?format=csv", "faults.jsonl"):
        assert client.get(f"/api/v1/datasets/{waiting}/{path}").status_code == 409
        assert client.get(f"/api/v1/datasets/data_000000000000/{path}").status_code == 404
