"""Base models over HTTP."""

import stat

import httpx

from studio.services.studio import Studio


def test_a_model_of_each_source_waits_for_the_worker(client: httpx.Client) -> None:
    for source, reference in (("starter", ""), ("folder", "/models/mine"), ("hub", "a/b")):
        answer = client.post("/api/v1/models", json={"source": source, "reference": reference})
        assert answer.status_code == 201
        assert (answer.json()["source"], answer.json()["status"]) == (source, "waiting")
    assert len(client.get("/api/v1/models").json()) == 3


def test_the_same_place_twice_is_one_model(client: httpx.Client) -> None:
    first, again = (
        client.post("/api/v1/models", json={"source": "starter"}).json() for _ in range(2)
    )
    assert first["id"] == again["id"]


def test_what_is_wrong_is_named_by_field(client: httpx.Client) -> None:
    for body, field in (
        ({"source": "hub", "reference": " "}, "reference"),
        ({"source": "shop", "reference": "x"}, "source"),
        ({"source": "starter", "colour": "red"}, "colour"),
        ({}, "source"),
    ):
        answer = client.post("/api/v1/models", json=body)
        assert answer.status_code == 422
        assert [fault["field"] for fault in answer.json()["faults"]] == [field]


def test_a_model_is_deleted_and_brought_back(client: httpx.Client) -> None:
    found = client.post("/api/v1/models", json={"source": "starter"}).json()
    path = f"/api/v1/models/{found['id']}"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/restore").json()["id"] == found["id"]
    assert client.post(f"{path}/retry").status_code == 409


def test_the_hub_token_is_kept_privately_and_never_shown(
    client: httpx.Client, studio: Studio
) -> None:
    assert client.post("/api/v1/hub-token", json={"token": "hf_canary"}).status_code == 204

    file = studio.settings.token_file
    assert file.read_text() == "hf_canary"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    refused = client.post("/api/v1/hub-token", json={"token": ["hf_canary"]})
    assert refused.status_code == 422
    assert "canary" not in refused.text
