"""The audit trail over HTTP: read in pages, checked, exported; what is kept can be set."""

import csv
import io
import json

import httpx
from sqlalchemy import text

from storage import audit
from storage.audit import Action
from studio.services.studio import Studio

ROUTE = "/api/v1/audit"


def noted(studio: Studio, count: int) -> None:
    """Note so many votes."""
    for number in range(1, count + 1):
        audit.noted(studio.database, "anna", Action.VOTED, f"vote_{number}", {"outcome": "a"})


def test_entries_come_in_pages_newest_first(client: httpx.Client, studio: Studio) -> None:
    noted(studio, 5)
    first = client.get(ROUTE, params={"limit": 3}).json()
    assert [each["number"] for each in first["entries"]] == [5, 4, 3]
    assert first["entries"][0]["details"] == {"outcome": "a"}
    second = client.get(ROUTE, params={"limit": 3, "before": first["next"]}).json()
    assert ([each["number"] for each in second["entries"]], second["next"]) == ([2, 1], None)


def test_entries_are_filtered(client: httpx.Client, studio: Studio) -> None:
    noted(studio, 3)
    audit.noted(studio.database, "anna", Action.DELETED, "data_1", {"name": "Fièvre"})
    for asked, numbers in (
        ({"action": "deleted"}, [4]),
        ({"search": "fièvre"}, [4]),
        ({"search": "vote_2"}, [2]),
        ({"until": "2020-01-01T00:00:00Z"}, []),
        ({"since": "2020-01-01T00:00:00Z", "actor": "anna"}, [4, 3, 2, 1]),
    ):
        found = client.get(ROUTE, params=asked).json()["entries"]
        assert [each["number"] for each in found] == numbers, asked


def test_what_cannot_be_asked_is_refused_in_words(client: httpx.Client) -> None:
    for asked in ({"action": "burnt"}, {"since": "2020-01-01"}, {"limit": 0}, {"unknown": "1"}):
        answer = client.get(ROUTE, params=asked)
        assert answer.status_code == 422, asked
        assert answer.json()["faults"]
    assert client.get(f"{ROUTE}/verify", params={"number": 3}).status_code == 422


def test_the_chain_is_checked(client: httpx.Client, studio: Studio) -> None:
    noted(studio, 3)
    whole = client.get(f"{ROUTE}/verify").json()
    assert (whole["entries"], whole["broken"]) == (3, None)
    with studio.database.write() as session:
        session.execute(text("DROP TRIGGER audit_unchanged"))
        session.execute(text("UPDATE audit SET actor = 'ben', details = 'no JSON' WHERE number=2"))
    found = client.get(f"{ROUTE}/verify").json()
    assert (found["broken"], found["at"]) == ("changed", 2)
    [_, tampered, _] = client.get(ROUTE).json()["entries"]
    assert tampered["details"] == {"details": "no JSON"}


def test_an_entry_kept_elsewhere_is_checked_too(client: httpx.Client, studio: Studio) -> None:
    noted(studio, 2)
    last = client.get(f"{ROUTE}/verify").json()["last"]
    assert client.get(f"{ROUTE}/verify", params=last).json()["broken"] is None
    other: dict[str, str | int] = {"number": 2, "hash": "f" * 64}
    assert client.get(f"{ROUTE}/verify", params=other).json()["broken"] == "replaced"
    later: dict[str, str | int] = {"number": 9, "hash": "f" * 64}
    assert client.get(f"{ROUTE}/verify", params=later).json()["broken"] == "cut_off"


def test_the_trail_is_exported_and_tells_of_it(client: httpx.Client, studio: Studio) -> None:
    audit.noted(studio.database, "anna", Action.DELETED, "=1+1", {"name": "=1+1"})
    answer = client.get(f"{ROUTE}/export")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"), newline="")))
    assert rows[0]["subject"] == "'=1+1"
    lines = client.get(f"{ROUTE}/export", params={"format": "jsonl", "action": "deleted"}).text
    assert [json.loads(line)["subject"] for line in lines.splitlines()] == ["=1+1"]
    newest = client.get(ROUTE).json()["entries"][0]
    assert newest["action"] == "trail_exported"
    assert newest["details"]["wanted"] == {"action": "deleted"}


def test_what_is_kept_is_set_and_noted(client: httpx.Client) -> None:
    assert client.get(f"{ROUTE}/settings").json() == {"prompts": "hashed", "days": None}
    wanted = {"prompts": "left_out", "days": 90}
    assert client.put(f"{ROUTE}/settings", json=wanted).json() == wanted
    assert client.get(f"{ROUTE}/settings").json() == wanted
    assert client.get(ROUTE).json()["entries"][0]["details"]["after"] == wanted
    for wrong in ({"prompts": "burnt"}, {"days": 0}, {"more": 1}):
        assert client.put(f"{ROUTE}/settings", json=wrong).status_code == 422


def test_the_trail_cannot_be_written_over_http(client: httpx.Client) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, ROUTE, json={}).status_code == 404
