"""Questions over HTTP: pasted, taken out of data, changed, deleted and brought back."""

import json
from typing import Any

import httpx

from studio.services.studio import Studio
from tests.fakes.workplace import Workplace

SETS = "/api/v1/prompt-sets"


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return the faults of an answer by field."""
    assert answer.status_code == 422, answer.text
    return {fault["field"]: fault["message"] for fault in answer.json()["faults"]}


def kept(client: httpx.Client, **body: Any) -> dict[str, Any]:
    """Keep questions and return the set."""
    answer = client.post(SETS, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_would_be_understood_is_told_before_anything_is_kept(client: httpx.Client) -> None:
    text = "1. Why?\n2. Where?\n3. Why?"
    found = client.post(f"{SETS}/read", json={"text": text}).json()
    assert found == {
        "prompts": [{"text": "Why?"}, {"text": "Where?"}],
        "layout": "lines",
        "duplicates": 1,
        "numbered": True,
    }
    table = {"text": "question,answer\nWhy?,So.", "file_name": "mine.csv"}
    found = client.post(f"{SETS}/read", json=table).json()
    assert (found["layout"], found["prompts"]) == ("table", [{"text": "Why?", "expected": "So."}])
    assert client.get(SETS).json() == []
    assert faults(client.post(f"{SETS}/read", json={"text": 3})) == {"text": "Must be text."}


def test_pasted_questions_are_kept_listed_and_changed(client: httpx.Client) -> None:
    made = kept(client, name=" Fever\n", text="Why?\nWhere?")
    assert (made["name"], made["count"]) == ("Fever", 2)
    assert made["understood"] == {"layout": "lines", "duplicates": 0, "numbered": False}
    (line,) = client.get(SETS).json()
    assert line == {name: made[name] for name in ("id", "name", "created_at", "count")}
    address = f"{SETS}/{made['id']}"
    prompts = ["When?", {"text": "Who?", "expected": "She."}, "When?", " "]
    changed = client.patch(address, json={"prompts": prompts}).json()
    assert changed["prompts"] == [{"text": "When?"}, {"text": "Who?", "expected": "She."}]
    assert changed["understood"]["duplicates"] == 1
    assert client.patch(address, json={"name": "Heat"}).json()["name"] == "Heat"
    assert client.get(address).json()["prompts"] == changed["prompts"]


def test_a_deleted_set_is_brought_back(client: httpx.Client) -> None:
    address = f"{SETS}/{kept(client, text='Why?')['id']}"
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert len(client.get(SETS, params={"deleted": True}).json()) == 1
    assert client.post(f"{address}/restore").json()["count"] == 1
    assert client.get(address).status_code == 200


def test_the_starter_set_is_one_click_away(client: httpx.Client) -> None:
    made = kept(client, starter=True)
    assert made["count"] == 12
    assert made["name"] == "Twelve questions about health"


def test_questions_are_taken_out_of_data(client: httpx.Client, studio: Studio) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Question {number}?"},
                {"role": "assistant", "content": f"Answer {number}."},
            ],
            **({"split": "test"} if number > 6 else {}),
        }
        for number in range(10)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in [rows[0], *rows])
    data = Workplace(studio).data(lines.encode(), "talks.jsonl")
    first = kept(client, dataset_id=data.id, most=3)
    assert first["name"] == "Questions of talks"
    assert first["prompts"] == [
        {"text": f"Question {number}?", "expected": f"Answer {number}."} for number in range(3)
    ]
    unseen = kept(client, dataset_id=data.id, which="held_out")
    assert [one["text"] for one in unseen["prompts"]] == [
        "Question 7?",
        "Question 8?",
        "Question 9?",
    ]


def test_texts_have_no_questions_and_what_is_not_there_is_not_found(
    client: httpx.Client, studio: Studio
) -> None:
    text = b"".join(b'{"text": "A text about rest, number %d."}\n' % n for n in range(5))
    data = Workplace(studio).data(text, "texts.jsonl")
    answer = client.post(SETS, json={"dataset_id": data.id})
    assert answer.status_code == 409
    assert "has no questions" in answer.json()["error"]["message"]
    assert client.post(SETS, json={"dataset_id": "dataset_0"}).status_code == 404
    assert client.get(f"{SETS}/prompts_0").status_code == 404


def test_what_cannot_be_kept_is_refused_by_field(client: httpx.Client) -> None:
    way = "Give the questions in one way: prompts, text, dataset_id, starter."
    assert faults(client.post(SETS, json={})) == {"prompts": way}
    assert faults(client.post(SETS, json={"text": "Why?", "starter": True})) == {"prompts": way}
    assert faults(client.post(SETS, json={"text": " "})) == {"text": "There is no question in it."}
    assert faults(client.post(SETS, json={"prompts": []})) == {
        "prompts": "There is no question in it."
    }
    assert faults(client.post(SETS, json={"starter": True, "most": 0})) == {
        "most": "Must be at least 1."
    }
    assert list(faults(client.post(SETS, json={"prompts": [{"txt": "Why?"}]}))) == [
        "prompts.0",
        "prompts.0.text",
        "prompts.0.txt",
    ]
    assert faults(client.post(SETS, json={"prompts": ["x" * 20_001]})) == {
        "prompts": "Question 1 has 20,001 characters; at most 20,000."
    }
    made = kept(client, text="Why?")
    assert faults(client.patch(f"{SETS}/{made['id']}", json={"starter": True})) == {
        "prompts": "Give the questions as prompts or as text."
    }
