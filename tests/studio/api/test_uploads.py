"""Uploads in pieces over HTTP."""

import hashlib
from typing import Any

import httpx

from studio.security import PIECE_BYTES
from studio.services.studio import Studio

PIECE = 8 * 2**20
CONTENT = bytes(range(256)) * (20 * 2**20 // 256)


def begun(client: httpx.Client, size: int = len(CONTENT)) -> dict[str, Any]:
    """Begin an upload."""
    told = {"name": "answers.jsonl", "size": size, "last_modified": 1_700_000_000_000}
    answer = client.post("/api/v1/uploads", json=told)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def put(client: httpx.Client, upload: str, offset: int, piece: bytes) -> httpx.Response:
    """Send a piece."""
    return client.put(f"/api/v1/uploads/{upload}", params={"offset": offset}, content=piece)


def test_a_file_in_pieces_becomes_a_dataset(client: httpx.Client) -> None:
    upload = begun(client)["id"]
    received = 0
    while received < len(CONTENT):
        answer = put(client, upload, received, CONTENT[received : received + PIECE])
        assert answer.status_code == 200, answer.text
        received = answer.json()["received"]
    assert client.get(f"/api/v1/uploads/{upload}").json()["received"] == len(CONTENT)

    found = client.post(f"/api/v1/uploads/{upload}/finish")
    assert found.status_code == 201
    assert found.json()["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (found.json()["known"], found.json()["status"]) == (False, "waiting")


def test_after_an_interruption_it_goes_on(client: httpx.Client) -> None:
    upload = begun(client)
    put(client, upload["id"], 0, CONTENT[:PIECE])
    again = begun(client)
    assert (again["id"], again["received"]) == (upload["id"], PIECE)


def test_a_wrong_offset_is_answered_with_the_right_one(client: httpx.Client) -> None:
    upload = begun(client)["id"]
    put(client, upload, 0, b"abc")
    refused = put(client, upload, 7, b"def")
    assert refused.status_code == 409
    assert refused.json()["error"]["detail"] == {"received": 3}
    assert "byte 3" in refused.json()["error"]["message"]


def test_a_piece_larger_than_agreed_is_refused(client: httpx.Client, studio: Studio) -> None:
    upload = begun(client, 60_000_000)["id"]
    refused = put(client, upload, 0, bytes(PIECE_BYTES + 1))
    assert refused.status_code == 413
    assert client.get(f"/api/v1/uploads/{upload}").json()["received"] == 0


def test_what_cannot_be_begun_is_said(client: httpx.Client, studio: Studio) -> None:
    told = {"name": "x", "size": studio.settings.max_upload_bytes + 1, "last_modified": 0}
    large = client.post("/api/v1/uploads", json=told)
    assert large.status_code == 413
    assert "STUDIO_MAX_UPLOAD_BYTES" in large.json()["error"]["hint"]
    wrong = client.post("/api/v1/uploads", json={"name": "", "size": -1})
    assert wrong.status_code == 422
    fields = {fault["field"] for fault in wrong.json()["faults"]}
    assert fields == {"name", "size", "last_modified"}


def test_a_full_disk_is_said_with_507(client: httpx.Client, studio: Studio) -> None:
    object.__setattr__(
        studio, "settings", studio.settings.model_copy(update={"max_upload_bytes": 10**18})
    )
    told = {"name": "x", "size": 10**17, "last_modified": 0}
    answer = client.post("/api/v1/uploads", json=told)
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["error"]["message"]


def test_what_is_thrown_away_is_gone(client: httpx.Client) -> None:
    upload = begun(client)["id"]
    assert client.delete(f"/api/v1/uploads/{upload}").status_code == 204
    for answer in (
        client.get(f"/api/v1/uploads/{upload}"),
        put(client, upload, 0, b"x"),
        client.post(f"/api/v1/uploads/{upload}/finish"),
        client.get("/api/v1/uploads/..%2F..%2Fsecrets"),
    ):
        assert answer.status_code == 404
