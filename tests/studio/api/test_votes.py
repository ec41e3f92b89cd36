"""Votes over HTTP: what is told after a vote, what is refused, and how one is taken back."""

from typing import Any

import httpx
import pytest

from studio.services.studio import Studio
from tests.fakes.spoken import HASHES, Spoken

PLAIN, TUNED, OTHER, LATE = "base:plain", "adapter:tuned", "adapter:other", "adapter:late"


@pytest.fixture
def spoken(studio: Studio) -> Spoken:
    """A blind conversation of four, one of whom has not answered."""
    found = Spoken(studio.database, [PLAIN, TUNED, OTHER, LATE])
    found.ask("Why?", {PLAIN: "So.", TUNED: "Because.", OTHER: "Who knows."})
    return found


def sides(client: httpx.Client, spoken: Spoken) -> list[dict[str, Any]]:
    """Return who is on which side, as a vote tells it."""
    body = {"conversation_id": spoken.id, "number": 1, "outcome": "tie"}
    told: list[dict[str, Any]] = client.post("/api/v1/votes/all", json=body).json()["sides"]
    return told


def test_the_names_are_told_with_the_vote(client: httpx.Client, studio: Studio) -> None:
    spoken = Spoken(studio.database, [PLAIN, TUNED])
    put = spoken.ask("Why?", {PLAIN: "So.", TUNED: "Because."})
    body = {"conversation_id": spoken.id, "number": 1, "side_a": 0, "side_b": 1, "outcome": "a"}
    answer = client.post("/api/v1/votes", json=body | {"reason": " short ", "marks": {"1": "fail"}})
    assert answer.status_code == 201, answer.text
    named = answer.json()
    assert [one["side"] for one in named["sides"]] == [0, 1]
    assert [one["contestant"] for one in named["sides"]] == put.order
    assert {one["contestant"]: one["sha256"] for one in named["sides"]} == HASHES
    (vote,) = named["votes"]
    assert (vote["outcome"], vote["reason"], vote["blind"]) == ("a", "short", True)
    assert (vote["told"]["a"]["mark"], vote["told"]["b"]["mark"]) == (None, "fail")


def test_the_best_of_several_has_won_against_each_other(
    client: httpx.Client, spoken: Spoken
) -> None:
    order = {one["contestant"]: one["side"] for one in sides(client, spoken)}
    body = {"conversation_id": spoken.id, "number": 1, "outcome": "best", "best": order[TUNED]}
    assert client.post("/api/v1/votes/all", json=body).status_code == 201
    found = client.get("/api/v1/votes").json()["votes"]
    best = [one for one in found if one["outcome"] == "a"]
    assert {(one["contestant_a"], one["contestant_b"]) for one in best} == {
        (TUNED, PLAIN), (TUNED, OTHER),
    }  # fmt: skip
    assert [one["outcome"] for one in found if one not in best] == ["tie"]


def test_all_are_alike_or_all_bad(client: httpx.Client, spoken: Spoken) -> None:
    body = {"conversation_id": spoken.id, "number": 1}
    for outcome in ("tie", "bad"):
        named = client.post("/api/v1/votes/all", json=body | {"outcome": outcome}).json()
        assert [one["outcome"] for one in named["votes"]] == [outcome] * 3
    assert client.get("/api/v1/votes").json()["total"] == 3


def test_what_cannot_be_read_or_compared_is_refused(client: httpx.Client, spoken: Spoken) -> None:
    body = {"conversation_id": spoken.id, "number": 1, "side_a": 0, "side_b": 1}
    refused = client.post("/api/v1/votes", json=body | {"outcome": "c", "marks": {"0": "nice"}})
    assert refused.status_code == 422
    assert {"vote.outcome", "vote.marks.0"} == {one["field"] for one in refused.json()["faults"]}
    wrong = [
        (body | {"outcome": "a", "number": 2}, 404),
        (body | {"outcome": "a", "conversation_id": "conversation_0"}, 404),
        (body | {"outcome": "a", "side_b": 17}, 404),
        (body | {"outcome": "a", "side_b": 0}, 409),
        (body | {"outcome": "a", "number": 10**30}, 422),
    ]
    for values, status in wrong:
        assert client.post("/api/v1/votes", json=values).status_code == status, values
    late = {"conversation_id": spoken.id, "number": 1, "outcome": "best", "best": None}
    assert client.post("/api/v1/votes/all", json=late).status_code == 409
    assert client.get("/api/v1/votes?since=2026-11-21T00:00:00").status_code == 422


def test_votes_are_listed_taken_back_and_brought_back(client: httpx.Client, spoken: Spoken) -> None:
    sides(client, spoken)
    listed = client.get("/api/v1/votes?limit=2").json()
    assert (len(listed["votes"]), listed["total"]) == (2, 3)
    assert client.get(f"/api/v1/votes?contestant={TUNED}").json()["total"] == 2
    assert client.get("/api/v1/votes?blind=false").json()["total"] == 0
    assert client.get("/api/v1/votes?since=2126-01-01T00:00:00Z").json()["total"] == 0
    vote_id = listed["votes"][0]["id"]
    assert client.delete(f"/api/v1/votes/{vote_id}").status_code == 204
    assert client.get("/api/v1/votes").json()["total"] == 2
    assert client.get(f"/api/v1/votes/{vote_id}").json()["deleted_at"] is not None
    assert client.post(f"/api/v1/votes/{vote_id}/restore").json()["deleted_at"] is None
    assert client.get("/api/v1/votes/vote_0").status_code == 404
