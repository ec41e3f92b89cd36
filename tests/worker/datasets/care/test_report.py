"""The whole report: planted faults are counted, real data agrees with counts made otherwise."""

import socket
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from worker.datasets.care import analyse, report
from worker.datasets.care.languages import Languages

DATA = Path(__file__).resolve().parents[4] / "../shared/data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared sample data is not here")

LONG = (
    "Drink enough water, rest for two days, take one tablet in the morning and one in the evening, "
    "and come back when the fever has not gone down by the end of the week or the cough is worse."
)
GERMAN = "Bitte trinken Sie genug Wasser und nehmen Sie morgens und abends eine Tablette ein."


def chat(question: str, answer: str) -> dict[str, Any]:
    """Return a row of a conversation."""
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns}


def told(share: float, words: str) -> None:
    """Hear a report and say nothing."""


def test_what_was_planted_is_what_is_found(prepared: Any) -> None:
    rows = [
        chat("What helps against a cold?", LONG),
        chat("What helps against a cold?", LONG),
        chat("What helps against a cold?", LONG.replace("tablet", "pill") + " Be well."),
        chat("And against the flu?", LONG),
        chat("Who are you?", "I cannot help with that."),
        chat("And on a Sunday?", " "),
        chat("Auf Deutsch bitte.", GERMAN),
        chat("Where do I call?", "Dr. Jane Smith, 780-800-7092, or jane@clinic.org at any time."),
    ]
    found = analyse(prepared(rows), told)
    assert found["rows"] == found["checked"] == 8
    assert found["duplicates"]["exact"] == {"rows": 1, "groups": [[0, 1]]}
    near = found["duplicates"]["near"]
    assert (near["rows"], near["threshold"]) == (1, 0.8)
    assert [group["rows"] for group in near["groups"]] == [[0, 2]]
    assert 0.8 <= near["groups"][0]["similarity"] < 1
    answers = found["answers"]
    assert answers["empty"] == {"rows": 1, "samples": [5]}
    assert answers["identical"] == {
        "rows": 2,
        "groups": [{"answer": LONG, "rows": [0, 3], "count": 2}],
    }
    assert answers["refusals"]["samples"] == [{"row": 4, "text": "I cannot help with that."}]
    assert answers["languages"]["main"] == "en"
    assert answers["languages"]["others"] == [{"language": "de", "rows": 1, "samples": [6]}]
    personal = found["personal"]
    assert personal["rows"] == 1
    assert {kind: one["count"] for kind, one in personal["kinds"].items()} == {
        "email": 1,
        "phone": 1,
        "name": 1,
    }
    assert personal["kinds"]["email"]["samples"] == [{"row": 7, "masked": "j***@c***.org"}]
    assert found["readability"]["language"] == "en"
    assert orjson.loads(orjson.dumps(found)) == found


def test_a_single_row(prepared: Any) -> None:
    found = analyse(prepared([{"text": "One."}]), told)
    assert found["duplicates"]["exact"]["rows"] == 0
    assert "why" in found["readability"]


def test_all_rows_identical(prepared: Any) -> None:
    found = analyse(prepared([chat("Q", LONG)] * 500), told)
    assert found["duplicates"]["exact"]["rows"] == 499
    assert len(found["duplicates"]["exact"]["groups"][0]) == 100
    assert found["duplicates"]["near"]["rows"] == 0
    assert found["answers"]["identical"]["rows"] == 0


def test_of_a_large_dataset_a_sample_is_read_for_its_language(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "LARGE", 100)
    monkeypatch.setattr(report, "CHECKED", 40)
    found = analyse(prepared(chat(f"Q{n}", f"{LONG} {n}") for n in range(101)), told)
    assert (found["rows"], found["checked"]) == (101, 40)
    assert found["readability"]["answers"] == 40
    assert found["answers"]["lengths"]["longest"] == len(LONG) + 4


def test_nothing_is_left_beside_the_rows_and_the_wait_can_be_ended(prepared: Any) -> None:
    folder = prepared([chat("Q", LONG)] * 3)
    before = sorted(folder.iterdir())
    heard: list[tuple[float, str]] = []
    analyse(folder, lambda *said: heard.append(said))
    assert heard[0] == (0.0, "1 of 3 rows looked at")
    assert heard == sorted(heard)
    assert sorted(folder.iterdir()) == before

    def cancel(share: float, words: str) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        analyse(folder, cancel)
    assert sorted(folder.iterdir()) == before


def test_languages_need_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    languages = Languages()
    assert languages.add(0, GERMAN) == "de"
    assert languages.add(1, LONG) == "en"
    assert languages.add(2, "OK.") is None


@needs_data
def test_the_medical_questions_are_clean(prepared: Any) -> None:
    rows = [
        orjson.loads(line) for line in (DATA / "pubmedqa_messages.jsonl").read_bytes().splitlines()
    ]
    found = analyse(prepared(rows), told)
    assert found["rows"] == 500
    assert found["personal"] == {"rows": 0, "kinds": {}}
    assert found["answers"]["languages"] == {"main": "en", "share": 1.0, "others": []}
    assert found["readability"]["grade"]["median"] > 12


@needs_data
def test_copies_in_alpaca_are_those_counted_otherwise(prepared: Any) -> None:
    raw = orjson.loads((DATA / "alpaca_en_demo.json").read_bytes())
    rows = [chat(f"{row['instruction']}\n{row['input']}", row["output"]) for row in raw]
    times = Counter(orjson.dumps(row) for row in rows)
    found = analyse(prepared(rows), told)
    assert found["duplicates"]["exact"]["rows"] == len(rows) - len(times) == 14
    assert len(found["duplicates"]["exact"]["groups"]) == sum(n > 1 for n in times.values())


@needs_data
def test_the_languages_of_identity_are_those_of_their_letters(prepared: Any) -> None:
    raw = orjson.loads((DATA / "identity.json").read_bytes())
    rows = [chat(row["instruction"], row["output"]) for row in raw]
    chinese = sum(any("\u4e00" <= letter <= "\u9fff" for letter in row["output"]) for row in raw)
    languages = analyse(prepared(rows), told)["answers"]["languages"]
    assert languages["main"] == "zh"
    assert languages["share"] == pytest.approx(chinese / len(rows))
