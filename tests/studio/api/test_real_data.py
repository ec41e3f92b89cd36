"""Real files through every door: sent in pieces, read, searched, taken away and sent again."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from studio.services.studio import Studio
from tests.fakes.workplace import Workplace

DATA = Path(__file__).parents[4] / "shared" / "data"
PIECE = 300_000
FILES = {
    "alpaca_en_demo.json": "chat",
    "identity.json": "chat",
    "pubmedqa_sharegpt.jsonl": "chat",
    "dpo_en_demo.json": "preference",
    "c4_demo.jsonl": "text",
}

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")


def sent(client: httpx.Client, name: str, content: bytes) -> dict[str, Any]:
    """Send a file in pieces; returns what became of it."""
    told = {"name": name, "size": len(content), "last_modified": 0}
    address = f"/api/v1/uploads/{client.post('/api/v1/uploads', json=told).json()['id']}"
    received = 0
    while received < len(content):
        piece = content[received : received + PIECE]
        answer = client.put(address, params={"offset": received}, content=piece)
        received = answer.json()["received"]
    found: dict[str, Any] = client.post(f"{address}/finish").json()
    return found


def records(name: str, content: bytes) -> list[Any]:
    """Return a file's records, read by the standard library."""
    if name.endswith(".json"):
        return list(json.loads(content))
    return [json.loads(line) for line in content.splitlines()]


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_goes_in_and_comes_out(client: httpx.Client, studio: Studio, name: str) -> None:
    content = (DATA / name).read_bytes()
    data = f"/api/v1/datasets/{sent(client, name, content)['id']}"
    Workplace(studio).work()

    found = client.get(data).json()
    assert (found["status"], found["target"]) == ("ready", FILES[name])
    assert found["rows_good"] + found["rows_refused"] == len(records(name, content))
    assert client.get(f"{data}/original").content == content

    export = client.get(f"{data}/export").content
    rows = [json.loads(line) for line in export.splitlines()]
    assert len(rows) == found["rows_good"]
    wanted = [n for n, row in enumerate(rows) if "because" in json.dumps(row).lower()]
    answer = client.get(f"{data}/rows", params={"search": "BECAUSE", "count": 200})
    assert [row["row"] for row in answer.json()] == wanted[:200]

    table = client.get(f"{data}/export", params={"format": "csv"}).content.decode("utf-8-sig")
    csv.field_size_limit(10_000_000)
    assert len(list(csv.reader(io.StringIO(table)))) == len(rows) + 1

    again = sent(client, "again.jsonl", export)
    assert again["known"] == (export == content), "a file in the form that is kept is the same"
    Workplace(studio).work()
    read = client.get(f"/api/v1/datasets/{again['id']}").json()
    assert read["fingerprint"] == found["fingerprint"]
    assert sent(client, name, content)["known"]
