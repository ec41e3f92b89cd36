"""Many questions to several models over HTTP: asked, read as a table, searched, taken away."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from storage import evaluations, work
from storage.errors import StudioError
from storage.evaluations import Answer
from storage.trust_tables import EvaluationRow
from studio.services.studio import Studio
from tests.fakes.workplace import Workplace

ALL = "/api/v1/evaluations"


@pytest.fixture
def models(studio: Studio) -> list[str]:
    """Two models that can be asked."""
    workplace = Workplace(studio)
    made = workplace.model(), workplace.model(layers=3)
    return [f"base:{one.id}" for one in made]


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return the faults of an answer by field."""
    assert answer.status_code == 422, answer.text
    return {fault["field"]: fault["message"] for fault in answer.json()["faults"]}


def asked(client: httpx.Client, models: list[str], **more: Any) -> dict[str, Any]:
    """Ask and return the evaluation."""
    body = {"contestants": models, "prompts": ["Why?", "Where?", "When?"], **more}
    answer = client.post(ALL, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def claimed(studio: Studio) -> tuple[str, int]:
    """Let a worker claim the next."""
    row = work.claim(studio.database, EvaluationRow, "test", 30)
    assert row is not None
    return row.id, row.attempt


def give(studio: Studio, *given: tuple[int, int, str]) -> None:
    """Let a worker answer: side, question, text."""
    said = [
        Answer(side=side, number=number, text=text, ended="stop", facts={"tokens": 2})
        for side, number, text in given
    ]
    evaluations.add_answers(studio.database, claimed(studio), said)


def test_what_is_asked_waits_for_the_worker_and_is_in_the_list(
    client: httpx.Client, studio: Studio, models: list[str]
) -> None:
    rings = Workplace(studio).rings()
    found = asked(client, models, name="Round one", system=" Be brief. ")
    assert (found["status"], found["questions"], found["answered"]) == ("waiting", 3, 0)
    assert (found["kind"], found["system"], found["profile_id"]) == ("answers", "Be brief.", None)
    assert found["sampling"] == {"temperature": 0.0, "max_tokens": 256, "seed": 1}
    assert client.get(ALL).json() == [found]
    assert client.get(f"{ALL}/{found['id']}").json() == found
    assert client.get(ALL, params={"kind": "safety"}).json() == []
    assert Workplace(studio).rings() > rings


def test_the_table_has_a_row_a_question_and_a_place_for_each_model(
    client: httpx.Client, studio: Studio, models: list[str]
) -> None:
    found = asked(client, models)
    give(studio, (0, 0, "So."), (1, 0, "Because."), (0, 1, "Here."), (1, 1, "Here."))
    table = client.get(f"{ALL}/{found['id']}/answers").json()
    assert table["total"] == 3
    texts = [[one and one["text"] for one in row["answers"]] for row in table["questions"]]
    assert texts == [["So.", "Because."], ["Here.", "Here."], [None, None]]
    assert [row["differs"] for row in table["questions"]] == [True, False, False]
    assert client.get(f"{ALL}/{found['id']}").json()["answered"] == 4
    page = client.get(f"{ALL}/{found['id']}/answers", params={"start": 1, "count": 1}).json()
    assert ([row["number"] for row in page["questions"]], page["total"]) == ([1], 3)
    assert client.get(f"{ALL}/{found['id']}/answers", params={"count": 201}).status_code == 422


def test_it_is_searched_and_narrowed_to_where_answers_differ(
    client: httpx.Client, studio: Studio, models: list[str]
) -> None:
    found = asked(client, models)
    give(studio, (0, 0, "So."), (1, 0, "BECAUSE."), (0, 1, "Here."), (1, 1, "Here."))

    def numbers(**query: Any) -> list[int]:
        told = client.get(f"{ALL}/{found['id']}/answers", params=query).json()
        assert told["total"] == len(told["questions"])
        return [row["number"] for row in told["questions"]]

    assert numbers(differ=True) == [0]
    assert numbers(search="because") == [0]
    assert numbers(search="WHEN") == [2]
    assert numbers(search="here") == [1]
    assert numbers(search="e", differ=True) == [0]


def test_a_set_is_asked_as_it_was_then(client: httpx.Client, models: list[str]) -> None:
    kept = client.post("/api/v1/prompt-sets", json={"name": "Mine", "text": "Why?\nWho?"}).json()
    body = {"contestants": models[:1], "prompt_set_id": kept["id"]}
    found = client.post(ALL, json=body).json()
    assert (found["name"], found["prompt_set_id"], found["questions"]) == ("Mine", kept["id"], 2)
    client.delete(f"/api/v1/prompt-sets/{kept['id']}")
    table = client.get(f"{ALL}/{found['id']}/answers").json()
    assert [row["text"] for row in table["questions"]] == ["Why?", "Who?"]


def test_a_safety_profile_is_kept_as_it_was(
    client: httpx.Client, studio: Studio, models: list[str]
) -> None:
    found = asked(client, models, profile_id="general")
    assert found["profile_id"] == "general"
    with studio.database.read() as session:
        row = session.get_one(EvaluationRow, found["id"])
    assert row.profile is not None
    assert row.profile["profile"]["name"]


def test_every_fault_is_named_at_once(client: httpx.Client, models: list[str]) -> None:
    body = {
        "contestants": [models[0], models[0], "base:gone"],
        "prompt_set_id": "prompts_0",
        "sampling": {"temperature": 3},
        "profile_id": "nobody",
    }
    told = faults(client.post(ALL, json=body))
    assert told.keys() == {"contestants", "prompt_set_id", "sampling.temperature", "profile_id"}
    assert "There is no set of prompts" in told["prompt_set_id"]
    few = faults(client.post(ALL, json={"contestants": [], "text": "Why?"}))
    assert few == {"contestants": "Choose one to four models."}
    many = faults(client.post(ALL, json={"contestants": ["a"] * 5, "text": "Why?"}))
    assert many == {"contestants": "Choose one to four models."}
    nothing = faults(client.post(ALL, json={"contestants": models}))
    assert nothing == {"prompts": "Give the questions as prompts or as text."}
    assert faults(client.get(ALL, params={"kind": "other"})).keys() == {"kind"}


def test_a_failed_one_goes_on_and_a_deleted_one_comes_back(
    client: httpx.Client, studio: Studio, models: list[str]
) -> None:
    found = asked(client, models)
    address = f"{ALL}/{found['id']}"
    assert client.post(f"{address}/retry").status_code == 409
    no = StudioError("No model could be loaded.", "Choose another.")
    work.fail(studio.database, EvaluationRow, claimed(studio), no)
    failed = client.get(address).json()
    assert (failed["status"], failed["error"]) == ("failed", "No model could be loaded.")
    assert client.post(f"{address}/retry").json()["status"] == "waiting"
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert [one["id"] for one in client.get(ALL, params={"deleted": True}).json()] == [found["id"]]
    assert client.post(f"{address}/restore").json()["id"] == found["id"]


BAD = ["=1+1", "+49 30", "-2 is cold", "@SUM(A1)", "\t=1", " =1", "-3.5", "two\nlines", 'a,"b"']


def test_the_table_is_taken_away_as_a_csv_that_no_spreadsheet_executes(
    client: httpx.Client, studio: Studio, models: list[str]
) -> None:
    found = asked(client, models[:1], prompts=[f"Question {n}?" for n in range(len(BAD))])
    give(studio, *((0, number, text) for number, text in enumerate(BAD)))
    answer = client.get(f"{ALL}/{found['id']}/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="Questions.csv"'
    head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert head == ["question", found["titles"][0]]
    assert [row[0] for row in rows] == [f"Question {number}?" for number in range(len(BAD))]
    assert [row[1] for row in rows] == [
        "'=1+1", "'+49 30", "'-2 is cold", "'@SUM(A1)", "'\t=1", "' =1", "-3.5", "two\nlines",
        'a,"b"',
    ]  # fmt: skip


def test_it_is_taken_away_as_lines_of_json_with_all_that_is_known(
    client: httpx.Client, studio: Studio, models: list[str]
) -> None:
    found = asked(client, models, prompts=[{"text": "Why?", "expected": "So."}, "Who?"])
    give(studio, (1, 0, "=Because."))
    answer = client.get(f"{ALL}/{found['id']}/export", params={"format": "jsonl"})
    first, second = map(json.loads, answer.text.splitlines())
    assert (first["question"], first["expected"]) == ("Why?", "So.")
    assert [one["answer"] for one in first["answers"]] == [
        None,
        {"text": "=Because.", "ended": "stop", "tokens": 2},
    ]
    assert [one["contestant"] for one in second["answers"]] == models
    assert "expected" not in second
    head = client.get(f"{ALL}/{found['id']}/export").text.splitlines()[0]
    assert head.startswith("\ufeffquestion,expected,")
