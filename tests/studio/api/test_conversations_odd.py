"""Whatever somebody sends to the conversations is taken or refused in words, never a bug."""

import json
import socket
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.services.studio import Studio
from tests.fakes.workplace import Workplace

ROUTE = "/api/v1/conversations"

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
BEGUN = (
    "contestants", "system", "sampling", "blind", "prompt_set_id", "name", "surplus",
)  # fmt: skip
ASKED = ("prompt", "system", "sampling", "from_round", "surplus")
JUDGED = ("corrected", "mark", "note", "surplus")
ODD_NUMBERS = ("0", "-1", "99999999999999999999", "1e3", "%00", "x", "%F0%9F%98%80")

odd = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(client: httpx.Client, studio: Studio) -> str:
    """A conversation with one question in it."""
    names = [f"base:{Workplace(studio).model().id}"]
    begun = client.post(ROUTE, json={"contestants": names}).json()
    client.post(f"{ROUTE}/{begun['id']}/rounds", json={"prompt": "What helps?"})
    return f"{ROUTE}/{begun['id']}"


def send(client: httpx.Client, method: str, path: str, body: Any) -> httpx.Response:
    """Send JSON that may hold what httpx would not write."""
    content = json.dumps(body).encode()
    return client.request(
        method, path, content=content, headers={"content-type": "application/json"}
    )


def in_words(answer: httpx.Response, *fine: int) -> None:
    """Hold an answer to be fine, or a refusal that says why."""
    assert answer.status_code in (*fine, 400, 404, 409, 413, 415, 422), answer.text
    if answer.status_code not in fine:
        assert answer.json()["error"]["message"]


@odd
@given(body=st.dictionaries(st.sampled_from(BEGUN), ANY, max_size=4) | ANY)
def test_beginning(client: httpx.Client, body: Any) -> None:
    in_words(send(client, "POST", ROUTE, body), 201)


@odd
@given(body=st.dictionaries(st.sampled_from(ASKED), ANY, max_size=3) | ANY)
def test_asking_and_changing(client: httpx.Client, path: str, body: Any) -> None:
    in_words(send(client, "POST", f"{path}/rounds", body), 201)
    in_words(send(client, "PATCH", path, body), 200)
    assert client.get(path).status_code == 200


@odd
@given(body=st.dictionaries(st.sampled_from(JUDGED), ANY, max_size=3) | ANY)
def test_judging(client: httpx.Client, path: str, body: Any) -> None:
    in_words(send(client, "PATCH", f"{path}/rounds/1/sides/0", body), 200)


@pytest.mark.parametrize("number", ODD_NUMBERS)
def test_places_that_are_none(client: httpx.Client, path: str, number: str) -> None:
    for place in (f"rounds/{number}/sides/0", f"rounds/1/sides/{number}"):
        in_words(client.patch(f"{path}/{place}", json={"mark": "good"}))
        if number != "0" or place.startswith(f"rounds/{number}"):
            in_words(client.post(f"{path}/{place}/answer"))
    in_words(client.get(f"{ROUTE}/{number}"))
    in_words(client.get(f"/api/v1/audit?before={number}"), 200)


def test_a_vote_of_any_shape(client: httpx.Client, path: str) -> None:
    known = path.rsplit("/", 1)[-1]
    for change in (
        {},
        {"number": 10**30},
        {"number": -1},
        {"side_a": 0, "side_b": 0},
        {"side_b": 10**30},
        {"outcome": "best"},
        {"marks": {"x": 1}},
        {"reason": "a" * 5000},
        {"reason": "\x00"},
    ):
        vote = {"conversation_id": known, "number": 1, "side_a": 0, "side_b": 1, "outcome": "a"}
        in_words(send(client, "POST", "/api/v1/votes", {**vote, **change}))


@pytest.mark.parametrize("body", [b'{"prompt": "\\ud800"}', b"[" * 100_000, b"\xff\xfe", b"", b"1"])
def test_bodies_that_are_none(client: httpx.Client, path: str, body: bytes) -> None:
    answer = client.post(
        f"{path}/rounds", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_hundred_megabytes(client: httpx.Client, path: str) -> None:
    address = client.base_url
    head = f"POST {path}/rounds HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n"
    kind = "Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{"
    with socket.create_connection((address.host, address.port or 80), timeout=20) as connection:
        connection.sendall((head + kind).encode())
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 413")
    assert client.get(path).status_code == 200
