"""Datasets of votes over HTTP: what would come of them, and what was made."""

import httpx

from storage.ids import LOCAL_PERSON
from studio.services import votes
from studio.services.studio import Studio
from tests.fakes.spoken import Spoken

PLAIN, TUNED = "base:plain", "adapter:tuned"


def test_votes_become_a_dataset_with_what_is_left_out_told(
    client: httpx.Client, studio: Studio
) -> None:
    spoken = Spoken(studio.database, [PLAIN, TUNED])
    for outcome in ("a", "tie", "tie"):
        put = spoken.ask(f"{outcome}?", {PLAIN: "So.", TUNED: "Because."})
        body = {"conversation_id": spoken.id, "number": put.number, "side_a": 0, "side_b": 1}
        votes.cast(studio, LOCAL_PERSON, body | {"outcome": outcome})
    told = client.get("/api/v1/feedback/preference").json()
    assert (told["rows"], len(told["first"])) == (1, 1)
    assert told["left"] == [
        {"reason": "tie", "count": 2, "words": "Ties (2): neither answer is the better one."}
    ]
    assert client.get("/api/v1/feedback/preference?blind=false").json()["rows"] == 0
    assert client.get("/api/v1/feedback/kto").json()["rows"] == 0
    assert client.get("/api/v1/feedback/kto?with_votes=true").json()["rows"] == 2
    made = client.post("/api/v1/feedback/preference", json={"name": "Mine"})
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "Mine"
    assert made.json()["operation"] == {"kind": "written"}


def test_nothing_to_learn_from_is_told_with_what_to_do(client: httpx.Client) -> None:
    assert client.get("/api/v1/feedback/sft").json() == {"rows": 0, "first": [], "left": []}
    refused = client.post("/api/v1/feedback/sft", json={})
    assert refused.status_code == 409
    assert "playground" in refused.json()["error"]["hint"]
    assert client.get("/api/v1/feedback/poems").status_code == 422
