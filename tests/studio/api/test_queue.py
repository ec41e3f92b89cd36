"""The queue over HTTP: order, pause, one after another, and what runs take of the machine."""

import time
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from storage import attempts, base_models, datasets, telemetry
from storage.base_models import Source
from storage.ids import LOCAL_PERSON
from storage.status import RunStatus
from storage.tables import BaseModelRow, DatasetRow, RunRow
from storage.telemetry import Sample
from studio.services.studio import Studio


class Line:
    """A studio with runs in line, by the letters of their names."""

    def __init__(self, client: httpx.Client, studio: Studio) -> None:
        self.client, self.studio = client, studio
        data = datasets.add(studio.database, LOCAL_PERSON, "mine.jsonl", "a" * 64, 10)
        model = base_models.add(studio.database, LOCAL_PERSON, "Starter", Source.STARTER, "starter")
        self.spec = {"dataset_id": data.id, "base_model_id": model.id}
        with studio.database.write() as session:
            session.execute(update(DatasetRow).values(status="ready", rows_good=10))
            session.execute(update(BaseModelRow).values(status="ready"))
        self.ids: dict[str, str] = {}

    def add(self, names: str) -> None:
        """Put runs into the queue."""
        for name in names:
            answer = self.client.post("/api/v1/runs", json={**self.spec, "name": name})
            assert answer.status_code == 201, answer.text
            self.ids[name] = answer.json()["id"]

    def send(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Send a request; `{A}` stands for the id of A."""
        return self.client.request(method, f"/api/v1{path}".format(**self.ids), json=body)

    @property
    def queue(self) -> dict[str, Any]:
        """The queue as it is told."""
        found: dict[str, Any] = self.client.get("/api/v1/queue").json()
        return found

    @property
    def names(self) -> str:
        """The waiting runs in order."""
        return "".join(each["run"]["name"] for each in self.queue["waiting"])

    def claim(self) -> Any:
        """Let a worker claim the next run."""
        return attempts.claim(self.studio.database, "here:1:1.00", 30)


@pytest.fixture
def line(client: httpx.Client, studio: Studio) -> Line:
    """Return a studio where A, B and C wait."""
    made = Line(client, studio)
    made.add("ABC")
    return made


def test_runs_are_moved_and_the_order_is_told_and_kept(line: Line) -> None:
    assert line.names == "ABC"
    answer = line.send("POST", "/runs/{C}/move", side="before", run_id=line.ids["B"])
    assert [each["run"]["name"] for each in answer.json()["waiting"]] == list("ACB")
    line.send("POST", "/runs/{B}/move", side="front")
    line.send("PUT", "/runs/{C}/priority", priority="high")
    assert line.names == "CBA"
    assert line.queue["waiting"][0]["priority"] == "high"
    assert line.claim().name == "C"


def test_a_paused_queue_starts_nothing_and_says_since_when(line: Line) -> None:
    paused = line.send("POST", "/queue/pause").json()
    assert paused["pause"]["by"] == LOCAL_PERSON
    assert line.claim() is None
    assert line.send("POST", "/queue/proceed").json()["pause"] is None
    assert line.claim().name == "A"


def test_one_after_another_is_told_and_taken_back(line: Line) -> None:
    line.send("PUT", "/runs/{A}/after", run_id=line.ids["B"], only_finished=True)
    [before] = [each["before"] for each in line.queue["waiting"] if each["before"]]
    assert (before["name"], before["status"], before["in_vain"]) == ("B", "queued", False)
    run = line.claim()
    attempts.end(line.studio.database, run.id, run.attempt, RunStatus.FAILED, "No.")
    assert run.name == "B"
    assert line.queue["waiting"][0]["before"]["in_vain"]
    line.send("PUT", "/runs/{A}/after", run_id=None)
    assert line.claim().name == "A"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/runs/{A}/move", {"side": "up"}, 422),
        ("POST", "/runs/{A}/move", {"side": "before"}, 422),
        ("POST", "/runs/{A}/move", {"side": "front", "run_id": "{B}"}, 422),
        ("POST", "/runs/{A}/move", {"side": "before", "run_id": "run_000000000000"}, 404),
        ("POST", "/runs/run_000000000000/move", {"side": "front"}, 404),
        ("PUT", "/runs/{A}/priority", {"priority": "highest"}, 422),
        ("PUT", "/runs/{A}/after", {"run_id": "{A}"}, 409),
        ("PUT", "/runs/{A}/after", {"run_id": "run_000000000000"}, 404),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    line: Line, method: str, path: str, body: dict[str, str], status: int
) -> None:
    filled = {name: value.format(**line.ids) for name, value in body.items()}
    answer = line.send(method, path, **filled)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
    assert line.names == "ABC"


def test_it_is_told_when_each_starts_by_what_those_before_it_still_take(
    line: Line, studio: Studio
) -> None:
    with studio.database.write() as session:
        session.execute(update(RunRow).values(planned_seconds=100.0))
    assert [each["starts_in"] for each in line.queue["waiting"]] == [0, 100, 200]
    run = line.claim()
    with studio.database.write() as session:
        row = session.get_one(RunRow, run.id)
        row.step, row.total_steps, row.seconds = 10, 40, 20.0
    assert [each["starts_in"] for each in line.queue["waiting"]] == [60, 160]
    line.send("POST", "/queue/pause")
    assert [each["starts_in"] for each in line.queue["waiting"]] == [None, None]


def test_a_request_sent_again_with_its_key_is_given_the_same_run(line: Line) -> None:
    def start(name: str) -> httpx.Response:
        body, headers = {**line.spec, "name": name}, {"Idempotency-Key": "once"}
        return line.client.post("/api/v1/runs", json=body, headers=headers)

    first, again, other = start("D"), start("D"), start("E")
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json()["id"] == again.json()["id"]
    assert other.json()["faults"][0]["field"] == "idempotency_key"
    assert line.names == "ABCD"


def test_a_run_is_started_anew_once_however_often_it_is_clicked(line: Line) -> None:
    answers = [line.send("POST", "/runs/{A}/again") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert answers[0].json()["name"] == "Copy of A"
    assert answers[0].json()["id"] != line.ids["A"]


def test_what_a_run_takes_of_the_machine_is_told_from_a_moment_on(line: Line) -> None:
    run, at = line.claim(), time.time()
    for number in range(3):
        values = {"memory": 1000 * number, "joules": 1_800_000.0 * number}
        telemetry.add(line.studio.database, run.id, run.attempt, Sample(at + number, values))
    whole = line.client.get(f"/api/v1/runs/{run.id}/telemetry").json()
    assert [each["values"]["memory"] for each in whole["samples"]] == [0, 1000, 2000]
    assert (whole["kilowatt_hours"], whole["device"]) == (1.0, None)
    later = line.client.get(f"/api/v1/runs/{run.id}/telemetry", params={"after": at + 1}).json()
    assert [each["at"] for each in later["samples"]] == [at + 2]
    assert line.client.get("/api/v1/runs/run_000000000000/telemetry").status_code == 404
