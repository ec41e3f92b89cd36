"""Safety profiles over HTTP: read, written, put in force and tried, every mistake by its field."""

from typing import Any

import httpx

from studio.services.studio import Studio
from tests.fakes.workplace import Workplace

PROFILES = "/api/v1/safety/profiles"
USES = "/api/v1/safety/uses"
RULE = {"id": "bomb", "side": "input", "phrases": ["a bomb"], "action": "block", "words": "No."}
MINE = {"format": 1, "name": "Mine", "rules": [RULE]}


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return the faults of an answer by field."""
    assert answer.status_code == 422, answer.text
    return {fault["field"]: fault["message"] for fault in answer.json()["faults"]}


def made(client: httpx.Client, **body: Any) -> dict[str, Any]:
    """Keep a profile and return it."""
    answer = client.post(PROFILES, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_shipped_profiles_are_listed_shown_and_fixed(client: httpx.Client) -> None:
    listed = client.get(PROFILES).json()
    assert [each["id"] for each in listed] == [
        "emergency_first_aid",
        "general",
        "health_information",
    ]
    general = client.get(f"{PROFILES}/general").json()
    assert general["profile"]["rules"][0]["id"] in general["yaml"]
    changed = client.put(f"{PROFILES}/general", json={"profile": general["profile"]})
    assert changed.status_code == 409
    assert client.delete(f"{PROFILES}/general").status_code == 409


def test_a_copy_is_edited_deleted_and_brought_back(client: httpx.Client) -> None:
    general = client.get(f"{PROFILES}/general").json()["profile"]
    copy = made(client, profile={**general, "name": "Ours"})
    address = f"{PROFILES}/{copy['id']}"
    changed = client.put(address, json={"profile": {**general, "name": "Theirs"}}).json()
    assert (changed["name"], changed["shipped"]) == ("Theirs", False)
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert client.post(f"{address}/restore").json() == changed


def test_a_file_goes_out_and_comes_in_again(client: httpx.Client) -> None:
    file = client.get(f"{PROFILES}/health_information/file")
    assert file.headers["content-type"].startswith("application/yaml")
    assert 'filename="health_information.yaml"' in file.headers["content-disposition"]
    brought = made(client, yaml=file.text)
    shipped = client.get(f"{PROFILES}/health_information").json()
    assert (brought["profile"], brought["shipped"]) == (shipped["profile"], False)


def test_every_mistake_is_told_by_field_and_of_a_file_by_line(client: httpx.Client) -> None:
    wrong = {"format": 1, "rules": [{**RULE, "pattern": "(a", "side": "x"}], "colour": "blue"}
    assert set(faults(client.post(PROFILES, json={"profile": wrong}))) == {
        "name",
        "rules.1.pattern",
        "rules.1.side",
        "colour",
    }
    found = faults(client.post(PROFILES, json={"yaml": "format: 1\nname: [1]\n"}))
    assert found == {"name": "Line 2: Must be text."}
    assert "profile" in faults(client.post(PROFILES, json={}))
    assert "file" in faults(client.post(PROFILES, json={"profile": "text"}))


def test_a_profile_is_put_in_force_for_the_studio_and_a_model(
    client: httpx.Client, studio: Studio
) -> None:
    model = Workplace(studio).model()
    mine = made(client, profile=MINE)["id"]
    for subject, used in (("studio", "general"), (f"base:{model.id}", mine)):
        answer = client.put(USES, json={"subject": subject, "profile_id": used})
        assert answer.status_code == 200, answer.text
    told = {each["subject"]: each["profile_id"] for each in client.get(USES).json()}
    assert told["studio"] == "general"
    assert told[f"base:{model.id}"] == mine
    refused = client.delete(f"{PROFILES}/{mine}")
    assert refused.status_code == 409
    assert "is in force for" in refused.json()["error"]["message"]
    client.put(USES, json={"subject": f"base:{model.id}", "profile_id": None})
    assert client.delete(f"{PROFILES}/{mine}").status_code == 204


def test_nobody_and_nothing_unknown_is_put_in_force(client: httpx.Client, studio: Studio) -> None:
    assert client.put(USES, json={"subject": "adapter:x", "profile_id": None}).status_code == 404
    assert client.put(USES, json={"subject": "studio", "profile_id": "none"}).status_code == 404
    broken = made(client, profile=MINE)["id"]
    (studio.settings.home / "profiles" / f"{broken}.yaml").write_text("name: [", encoding="utf-8")
    assert client.put(USES, json={"subject": "studio", "profile_id": broken}).status_code == 409
    (listed,) = (each for each in client.get(PROFILES).json() if each["id"] == broken)
    assert listed["faults"][0]["message"].startswith("Line 1")
    shown = client.get(f"{PROFILES}/{broken}").json()
    assert (shown["profile"], shown["yaml"]) == (None, "name: [")


def test_a_text_is_tried_on_a_profile_kept_or_not(client: httpx.Client) -> None:
    tried = client.post(
        "/api/v1/safety/try", json={"profile": MINE, "text": "Is it a  BOMB?"}
    ).json()
    assert [(each["rule"], each["text"]) for each in tried["input"]] == [("bomb", "a  BOMB")]
    assert (tried["output"], tried["refusal"], tried["shown"]) == ([], "No.", "Is it a  BOMB?")
    kept = client.post("/api/v1/safety/try", json={"profile_id": "general", "text": "Hello"}).json()
    assert (kept["input"], kept["output"]) == ([], [])
    long = client.post("/api/v1/safety/try", json={"profile_id": "general", "text": "a" * 20_001})
    assert "text" in faults(long)


def test_data_is_held_against_a_profile_as_it_is_then(client: httpx.Client, studio: Studio) -> None:
    data = Workplace(studio).data()
    address = f"/api/v1/datasets/{data.id}/analyses"
    mine = made(client, profile=MINE)["id"]
    body = {"kind": "safety", "question": {"profile_id": mine}}
    asked = client.post(address, json=body).json()
    assert (asked["status"], asked["question"]["profile"]["name"]) == ("waiting", "Mine")
    assert client.post(address, json=body).json()["id"] == asked["id"]
    client.put(f"{PROFILES}/{mine}", json={"profile": {**MINE, "name": "Changed"}})
    assert client.post(address, json=body).json()["id"] != asked["id"]
    wrong = client.post(address, json={"kind": "safety", "question": {"profile_id": "none"}})
    assert wrong.status_code == 404
