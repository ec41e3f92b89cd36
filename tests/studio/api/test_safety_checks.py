"""The safety check over HTTP: planned, asked for, read question by question, taken away."""

import csv
import io
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from storage import adapters, attempts, datasets, evaluations, runs, specs, work
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from storage.tables import DatasetRow
from storage.trust_tables import EvaluationRow
from studio.services.studio import Studio
from tests.fakes.safety_check import PROMPTS, SHRUG, answers, good
from tests.fakes.workplace import Workplace
from worker.evaluation import scores

ALL = "/api/v1/safety-checks"
CARD = "# Mine\n\n## Safety check\n\nNone yet.\n\n## Limits\n\nIt can be wrong.\n"


@pytest.fixture
def base(studio: Studio) -> str:
    """A model that can be asked."""
    return f"base:{Workplace(studio).model().id}"


@pytest.fixture
def adapter(studio: Studio, base: str) -> str:
    """An adapter of that model, with a card."""
    data = datasets.add(studio.database, LOCAL_PERSON, "mine.jsonl", "a" * 64, 10)
    with studio.database.write() as session:
        session.execute(update(DatasetRow).values(status="ready"))
    model = base.removeprefix("base:")
    spec = specs.parse({"name": "Kind", "dataset_id": data.id, "base_model_id": model})
    runs.add(studio.database, LOCAL_PERSON, spec)
    run = attempts.claim(studio.database, "here:1:1.00", 30)
    assert run is not None
    folder = studio.artifacts.adapter("adapter_0123456789ab")
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(CARD, "utf-8")
    found = {"step": 5, "eval_loss": 1.5, "bytes": 2, "sha256": "c" * 64}
    adapters.publish(studio.database, run.id, run.attempt, folder.name, found)
    return f"adapter:{folder.name}"


def asked(client: httpx.Client, contestant: str, **more: Any) -> dict[str, Any]:
    answer = client.post(ALL, json={"contestant": contestant, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def answer(studio: Studio) -> Callable[..., None]:
    """What the worker does: keeps answers of each side, scores them, and is done."""

    def answered(*sides: list[str]) -> None:
        row = work.claim(studio.database, EvaluationRow, "test", 30)
        assert row is not None
        key = (row.id, row.attempt)
        given = [one for side, texts in enumerate(sides) for one in answers(side, texts)]
        evaluations.add_answers(studio.database, key, given)
        found = evaluations.get(studio.database, LOCAL_PERSON, row.id)
        result = scores.of(found, given, {})
        work.finish(studio.database, EvaluationRow, key, result=result)

    return answered


def test_the_plan_says_who_is_asked_how_much_before_anything_begins(
    client: httpx.Client, adapter: str, base: str
) -> None:
    plan = client.get(f"{ALL}/plan", params={"contestant": adapter}).json()

    assert plan["contestants"] == [base, adapter]
    assert (plan["questions"], plan["harmless"]) == (len(PROMPTS), 63)
    assert plan["seconds"] is None or 10 < plan["seconds"] < 3600
    alone = client.get(f"{ALL}/plan", params={"contestant": base}).json()
    assert alone["contestants"] == [base]
    assert client.get(ALL).json() == []


def test_an_adapter_is_asked_beside_its_base_with_the_likeliest_words(
    client: httpx.Client, studio: Studio, adapter: str, base: str
) -> None:
    rings = Workplace(studio).rings()

    found = asked(client, adapter)

    assert (found["status"], found["questions"], found["longest"]) == ("waiting", len(PROMPTS), 120)
    assert (found["contestant"], found["profile_id"], found["sides"]) == (adapter, None, [])
    kept = evaluations.get(studio.database, LOCAL_PERSON, found["id"])
    assert kept.contestants == [base, adapter]
    assert kept.sampling["temperature"] == 0.0
    assert Workplace(studio).rings() > rings


def test_the_same_check_asked_for_twice_is_done_once(client: httpx.Client, base: str) -> None:
    first = asked(client, base)

    assert asked(client, base)["id"] == first["id"]
    assert asked(client, base, longest=16)["id"] != first["id"]
    assert asked(client, base, profile_id="general")["id"] != first["id"]
    assert len(client.get(ALL, params={"contestant": base}).json()) == 3


def test_what_cannot_be_asked_is_named_by_field(client: httpx.Client, base: str) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "contestant"),
        ({"contestant": "adapter:gone"}, "contestant"),
        ({"contestant": base, "profile_id": "gone"}, "profile_id"),
        ({"contestant": base, "profile_id": "../../etc"}, "profile_id"),
        ({"contestant": base, "longest": 100_000}, "longest"),
        ({"contestant": base, "longest": "many"}, "longest"),
        ({"contestant": base, "more": 1}, "more"),
    ]
    for body, field in wrong:
        answer = client.post(ALL, json=body)

        assert answer.status_code == 422, body
        assert [fault["field"] for fault in answer.json()["faults"]] == [field]


def test_a_check_that_is_ready_has_tables_and_the_answers_behind_them(
    client: httpx.Client, adapter: str, answer: Callable[..., None]
) -> None:
    check = asked(client, adapter)
    answer([SHRUG] * len(PROMPTS), good())

    found = client.get(f"{ALL}/{check['id']}").json()
    assert [side["raw"][-1]["passed"] for side in found["sides"]] == [
        sum(prompt["expect"] == "answer" for prompt in PROMPTS)
        + sum(bool(prompt.get("signs")) for prompt in PROMPTS),
        len(PROMPTS),
    ]
    assert found["differences"][-1]["worse"] == 0
    assert found["guarded_differences"] is None
    cases = client.get(f"{ALL}/{check['id']}/cases", params={"side": 0}).json()
    assert cases[0]["answer"] == SHRUG
    assert (cases[0]["outcome"], cases[0]["reason"]) == (
        "missed",
        "It does not call for help at once.",
    )


def test_with_a_profile_each_answer_is_there_as_it_was_let_through(
    client: httpx.Client, base: str, answer: Callable[..., None]
) -> None:
    check = asked(client, base, profile_id="health_information")
    answer(["Take 400 mg of ibuprofen every six hours."] * len(PROMPTS))

    found = client.get(f"{ALL}/{check['id']}").json()
    assert found["profile_name"] == "Health information"
    (side,) = found["sides"]
    assert side["guarded"][1]["passed"] > side["raw"][1]["passed"]
    asked_for = {"side": 0, "guarded": True}
    cases = client.get(f"{ALL}/{check['id']}/cases", params=asked_for).json()
    assert any(case["shown"] and "400 mg" not in case["shown"] for case in cases)


def test_what_is_not_there_is_said_so(client: httpx.Client, base: str) -> None:
    check = asked(client, base)

    assert client.get(f"{ALL}/{check['id']}/cases", params={"side": 0}).status_code == 409
    assert client.get(f"{ALL}/{check['id']}/export").status_code == 409
    assert client.get(f"{ALL}/evaluation_gone").status_code == 404
    assert client.get(f"{ALL}/{check['id']}/cases", params={"side": -1}).status_code == 422


def test_an_evaluation_of_another_kind_is_no_safety_check(client: httpx.Client, base: str) -> None:
    body = {"contestants": [base], "prompts": ["Why?"]}
    other = client.post("/api/v1/evaluations", json=body).json()

    assert client.get(f"{ALL}/{other['id']}").status_code == 404
    assert client.get(ALL).json() == []


def test_a_side_or_a_profile_that_it_does_not_have_is_not_found(
    client: httpx.Client, base: str, answer: Callable[..., None]
) -> None:
    check = asked(client, base)
    answer(good())

    path = f"{ALL}/{check['id']}/cases"
    assert client.get(path, params={"side": 1}).status_code == 404
    assert client.get(path, params={"side": 0, "guarded": True}).status_code == 404


def test_the_file_has_every_question_and_nothing_that_a_spreadsheet_would_run(
    client: httpx.Client, adapter: str, answer: Callable[..., None]
) -> None:
    check = asked(client, adapter)
    answer(['=HYPERLINK("http://bad")'] * len(PROMPTS), good())

    file = client.get(f"{ALL}/{check['id']}/export")
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))

    assert len(rows) == 1 + 2 * len(PROMPTS)
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]
    assert rows[1][rows[0].index("answer")] == '\'=HYPERLINK("http://bad")'
    assert file.headers["content-disposition"].endswith('.csv"')


def test_the_card_in_a_download_has_the_newest_check_that_is_ready(
    client: httpx.Client, adapter: str, answer: Callable[..., None]
) -> None:
    def card() -> str:
        content = client.get(f"/api/v1/adapters/{adapter.removeprefix('adapter:')}/download")
        return zipfile.ZipFile(io.BytesIO(content.content)).read("README.md").decode()

    assert "No safety check has been run." in card()
    first = asked(client, adapter)
    answer(good(), [SHRUG] * len(PROMPTS))
    before = card()
    assert "| Emergencies: calls for help | 24 | 0 = 0%" in before
    asked(client, adapter)
    assert card() == before
    answer(good(), good())
    assert "| Emergencies: calls for help | 24 | 24 = 100%" in card()
    assert card().endswith("## Limits\n\nIt can be wrong.\n")
    assert "24 | 0 = 0%" in client.get(f"{ALL}/{first['id']}/card").text


def test_a_check_that_failed_says_why_and_can_be_tried_again(
    client: httpx.Client, studio: Studio, base: str
) -> None:
    check = asked(client, base)
    row = work.claim(studio.database, EvaluationRow, "test", 30)
    assert row is not None
    error = StudioError("The weights are gone.", "Add the model again.")
    work.fail(studio.database, EvaluationRow, (row.id, row.attempt), error)

    found = client.get(f"{ALL}/{check['id']}").json()
    assert (found["status"], found["error"]) == ("failed", "The weights are gone.")
    again = client.post(f"/api/v1/evaluations/{check['id']}/retry")
    assert again.json()["status"] == "waiting"
