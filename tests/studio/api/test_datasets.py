"""Datasets over HTTP."""

import hashlib
import json
import re
from pathlib import Path

import httpx
import pytest

from studio.services.studio import Studio
from tests.fakes.prepared_data import numbers

LINE = b'{"prompt": "What is a fever?", "completion": "A body temperature above 38 degrees."}\n'


def send(client: httpx.Client, *files: tuple[str, bytes]) -> httpx.Response:
    return client.post("/api/v1/datasets", files=[("file", file) for file in files])


def test_an_uploaded_file_is_kept_byte_by_byte_and_waits(
    client: httpx.Client, studio: Studio
) -> None:
    answer = send(client, ("fever.jsonl", LINE * 3))

    assert answer.status_code == 201
    found = answer.json()
    assert (found["name"], found["status"], found["bytes"]) == (
        "fever.jsonl",
        "waiting",
        3 * len(LINE),
    )
    kept = studio.artifacts.dataset(found["sha256"]) / "original"
    assert kept.read_bytes() == LINE * 3
    assert client.get(f"/api/v1/datasets/{found['id']}").json()["faults"] == []
    assert [each["id"] for each in client.get("/api/v1/datasets").json()] == [found["id"]]


def test_several_files_in_one_upload_become_one_dataset_each(client: httpx.Client) -> None:
    found = send(client, ("one.jsonl", LINE), ("two.jsonl", LINE * 2)).json()

    assert [each["name"] for each in found["datasets"]] == ["one.jsonl", "two.jsonl"]
    assert found["id"] == found["datasets"][0]["id"]


def test_fields_beside_the_file_are_passed_over(client: httpx.Client) -> None:
    answer = client.post(
        "/api/v1/datasets", data={"note": "mine"}, files={"file": ("one.jsonl", LINE)}
    )
    assert answer.json()["name"] == "one.jsonl"


def test_the_same_content_twice_is_one_dataset(client: httpx.Client) -> None:
    first, again = (send(client, (name, LINE)).json() for name in ("a.jsonl", "b.jsonl"))
    assert first["id"] == again["id"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("<script>alert(1)</script>.jsonl", "script>.jsonl"),
        ("Fièvre ☃.jsonl", "Fièvre ☃.jsonl"),
    ],
)
def test_a_name_is_only_ever_shown(
    client: httpx.Client, studio: Studio, name: str, shown: str
) -> None:
    assert send(client, (name, LINE)).json()["name"] == shown
    inside = {path.name for path in studio.settings.home.rglob("*") if path.is_file()}
    assert not {part for part in inside if "passwd" in part or "script" in part}


def test_an_upload_that_ends_in_the_middle_leaves_nothing(
    client: httpx.Client, studio: Studio
) -> None:
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n' + LINE
    )
    answer = client.post(
        "/api/v1/datasets",
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=cut"},
    )

    assert answer.status_code == 400
    assert "ended in the middle" in answer.json()["error"]["message"]
    assert client.get("/api/v1/datasets").json() == []
    assert list((studio.settings.home / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415),
        ({"Content-Type": "multipart/form-data"}, b"", 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"nonsense", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--\r\n", 400),
    ],
)
def test_what_is_no_upload_of_files_is_refused_in_words(
    client: httpx.Client, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = client.post("/api/v1/datasets", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_a_file_of_60_megabytes_passes_through_in_little_memory(
    client: httpx.Client, studio: Studio, tmp_path: Path
) -> None:
    large = tmp_path / "large.jsonl"
    with large.open("wb") as file:
        for number in range(60):
            file.write((str(number) * (1 << 20)).encode()[: 1 << 20])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _peak()

    with large.open("rb") as file:
        answer = client.post("/api/v1/datasets", files={"file": ("large.jsonl", file)})

    grown = (_peak() - before) / 1024
    assert answer.json()["sha256"] == hashlib.sha256(large.read_bytes()).hexdigest()
    assert grown < 30, f"{grown:.0f} MB more for a file of 60 MB"


def test_a_file_larger_than_the_studio_takes_is_refused(
    client: httpx.Client, studio: Studio
) -> None:
    answer = send(client, ("huge.jsonl", b"x" * (studio.settings.max_upload_bytes + 10)))

    assert answer.status_code == 413
    assert "0.07 GB" in answer.json()["error"]["message"]
    assert list((studio.settings.home / "scratch").iterdir()) == []


def test_a_deleted_dataset_is_out_of_sight_until_it_is_brought_back(client: httpx.Client) -> None:
    found = send(client, ("one.jsonl", LINE)).json()
    address = f"/api/v1/datasets/{found['id']}"

    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert client.get("/api/v1/datasets?deleted=true").json()[0]["id"] == found["id"]
    assert client.post(f"{address}/restore").json()["id"] == found["id"]
    assert client.get(address).status_code == 200


def test_what_has_not_failed_cannot_be_tried_again(client: httpx.Client) -> None:
    found = send(client, ("one.jsonl", LINE)).json()
    answer = client.post(f"/api/v1/datasets/{found['id']}/retry")
    assert answer.status_code == 409
    assert "has not failed" in answer.json()["error"]["message"]


def test_rows_are_given_by_page(client: httpx.Client, studio: Studio) -> None:
    found = send(client, ("one.jsonl", LINE)).json()
    assert client.get(f"/api/v1/datasets/{found['id']}/rows").json() == []

    folder = studio.artifacts.dataset(found["sha256"]) / "rows"
    folder.mkdir()
    rows = [json.dumps({"text": f"row {number}"}).encode() + b"\n" for number in range(5)]
    (folder / "rows.jsonl").write_bytes(b"".join(rows))
    offsets = [sum(len(row) for row in rows[:number]) for number in range(5)]
    (folder / "rows.idx").write_bytes(numbers(offsets))
    (folder / "lines.idx").write_bytes(numbers([1, 2, 3, 4, 5]))

    page = client.get(f"/api/v1/datasets/{found['id']}/rows?start=2&count=2").json()
    assert [(row["text"], row["row"], row["line"]) for row in page] == [
        ("row 2", 2, 3),
        ("row 3", 3, 4),
    ]
    assert client.get(f"/api/v1/datasets/{found['id']}/rows?count=100000").status_code == 422


def _peak() -> int:
    """Return the most memory that this process has held, in kB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])
