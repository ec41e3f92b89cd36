"""Versions, columns, lineage and questions over HTTP."""

import httpx

from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready, unsure


def test_a_version_is_made_and_stands_in_the_lineage(client: httpx.Client, studio: Studio) -> None:
    parent = ready(studio, questions(10)).id
    asked = {"operation": {"kind": "sample", "dataset_id": parent, "rows": 3}, "name": "Few"}
    made = client.post("/api/v1/datasets/versions", json=asked)
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["parents"]) == ("Few", [parent])
    child = made.json()["id"]
    details = client.get(f"/api/v1/datasets/{child}").json()
    assert (details["sha256"], details["faults"], details["care"]) == ("", [], None)
    assert client.get(f"/api/v1/datasets/{parent}").json()["versions"] == [child]
    lineage = client.get(f"/api/v1/datasets/{child}/lineage").json()
    assert lineage["edges"] == [[parent, child]]
    assert [node["id"] for node in lineage["nodes"]] == [parent, child]
    wrong = {"operation": {"kind": "sample", "dataset_id": parent, "rows": 0}}
    refused = client.post("/api/v1/datasets/versions", json=wrong)
    assert refused.status_code == 422
    assert refused.json()["faults"] == [
        {"field": "operation.rows", "message": "Must be at least 1."}
    ]


def test_two_datasets_are_compared(client: httpx.Client, studio: Studio) -> None:
    one = ready(studio, questions(5)).id
    other = ready(studio, questions(8), "more.jsonl").id
    found = client.get(f"/api/v1/datasets/{one}/compare/{other}").json()
    assert (found["same"], found["added"], found["removed"], found["changed"]) == (5, 3, 0, 0)


def test_the_worker_asks_and_is_answered(client: httpx.Client, studio: Studio) -> None:
    records = [{"q": "What?", "a": "That."}]
    data = f"/api/v1/datasets/{unsure(studio, records).id}"
    asked = client.get(data).json()
    assert (asked["status"], asked["question"]["rows"]) == ("unsure", records)
    tried = client.post(f"{data}/mapping/preview", json={"mapping": {"question": ["q"]}})
    assert tried.json() == {"rows": [], "faults": {"answer": "Choose a column."}}
    refused = client.post(f"{data}/mapping", json={"mapping": {"question": ["q"]}})
    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.json()["faults"]] == ["mapping.answer"]
    answered = client.post(f"{data}/mapping", json={"mapping": {"question": ["q"], "answer": "a"}})
    assert answered.json()["status"] == "waiting"
    again = client.post(f"{data}/mapping", json={"mapping": {"question": ["q"], "answer": "a"}})
    assert again.status_code == 409


def test_written_rows_and_hub_names_become_datasets(client: httpx.Client) -> None:
    rows = [{"question": "What is a fever?", "answer": "More than 38 degrees."}]
    made = client.post("/api/v1/datasets/written", json={"name": "Mine", "rows": rows})
    assert (made.status_code, made.json()["name"]) == (201, "Mine")
    assert made.json()["operation"] == {"kind": "written"}
    fetched = client.post("/api/v1/datasets/hub", json={"name": "owner/name"})
    assert (fetched.status_code, fetched.json()["name"]) == (201, "owner/name")
    refused = client.post("/api/v1/datasets/hub", json={"name": "", "speed": 1})
    assert {fault["field"] for fault in refused.json()["faults"]} == {"hub.name", "hub.speed"}


def test_a_question_about_data_is_put_and_looked_at(client: httpx.Client, studio: Studio) -> None:
    data = ready(studio, questions(5)).id
    asked = client.post(f"/api/v1/datasets/{data}/analyses", json={"kind": "care"})
    assert (asked.status_code, asked.json()["status"]) == (201, "waiting")
    seen = client.get(f"/api/v1/analyses/{asked.json()['id']}")
    assert seen.json() == asked.json()
    assert client.get(f"/api/v1/datasets/{data}").json()["care"] == asked.json()
    refused = client.post(f"/api/v1/datasets/{data}/analyses", json={"kind": "tokens"})
    assert [fault["field"] for fault in refused.json()["faults"]] == ["base_model_id"]
    model = client.post("/api/v1/models", json={"source": "starter"}).json()["id"]
    length = client.get(
        f"/api/v1/datasets/{data}/length", params={"base_model_id": model, "max_length": 64}
    )
    assert length.status_code == 409
    assert "tokens" in length.json()["error"]["hint"]
