"""The OpenAPI document, and routes that are not there."""

import httpx

from storage.specs import RunSpec


def test_the_document_has_every_route_and_the_settings_of_a_run(client: httpx.Client) -> None:
    document = client.get("/api/v1/openapi.json").json()

    paths = document["paths"]
    assert {"get", "post"} <= set(paths["/api/v1/datasets"])
    assert {"get", "post"} <= set(paths["/api/v1/runs"])
    assert {"get", "delete"} <= set(paths["/api/v1/runs/{run_id}"])
    assert "/healthz" in paths
    body = paths["/api/v1/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == set(RunSpec.model_fields)
    assert body["properties"]["rank"]["minimum"] == 1


def test_a_route_that_is_not_there_is_said_in_json(client: httpx.Client) -> None:
    for method, path, status in (
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/nothing", 404),
        ("GET", "/api/v1/runs/run_000000000000", 404),
        ("PUT", "/api/v1/runs", 404),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status, (method, path)
        assert answer.json()["error"]["message"]


def test_health_is_told(client: httpx.Client) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
