"""Which column is what: the person's answer, tried first, remembered for the next file."""

from typing import Any

import orjson
import pytest

from storage import datasets as stored
from storage import mappings
from storage.errors import NotFound, Refused, StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.status import WorkStatus
from studio.services import columns, datasets, versions
from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready, unsure

RECORDS = [{"q": f"What about {n}?", "a": f"Take {n}.", "who": "anna"} for n in range(5)]
CHOSEN = {"target": "chat", "question": ["q"], "answer": "a"}


def test_an_answer_lets_the_worker_go_on_and_is_remembered(studio: Studio) -> None:
    data = unsure(studio, RECORDS)
    changed = columns.answer(studio, ME, data.id, CHOSEN)
    assert (changed.status, changed.question) == (WorkStatus.WAITING, None)
    assert changed.mapping is not None
    assert (changed.mapping["question"], changed.mapping["answer"]) == (["q"], "a")
    assert studio.doorbell.queue.pending_count() == 1
    signature = mappings.signature(["who", "a", "q"])
    remembered = stored.remembered(studio.database, ME, signature)
    assert remembered is not None
    assert remembered.question == ("q",)
    assert stored.remembered(studio.database, "anna", signature) is None


def test_an_answer_for_once_is_not_remembered(studio: Studio) -> None:
    data = unsure(studio, RECORDS)
    columns.answer(studio, ME, data.id, CHOSEN, remember=False)
    signature = mappings.signature(RECORDS[0])
    assert stored.remembered(studio.database, ME, signature) is None


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({"target": "chat"}, {"question": "Choose", "answer": "Choose"}),
        ({"target": "preference", "question": ["q"], "chosen": "a"}, {"rejected": "Choose"}),
        ({"target": "chat", "question": ["q"], "answer": "b"}, {"answer": "q, a, who"}),
        ({"target": "song", "mood": "a"}, {"target": "Must be one of", "mood": "no setting"}),
        ({"target": "text", "text": 5}, {"text": "Must be text."}),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_by_field(
    studio: Studio, values: dict[str, Any], faults: dict[str, str]
) -> None:
    data = unsure(studio, RECORDS)
    with pytest.raises(Refused) as refused:
        columns.answer(studio, ME, data.id, values)
    told = {fault.field: fault.message for fault in refused.value.faults}
    assert told.keys() == {f"mapping.{field}" for field in faults}
    tried = columns.preview(studio, ME, data.id, values)
    assert tried["rows"] == []
    assert tried["faults"].keys() == faults.keys()
    for field, words in faults.items():
        assert words in tried["faults"][field]
        assert words in told[f"mapping.{field}"]


def test_a_preview_shows_the_first_rows_as_they_would_be_read(studio: Studio) -> None:
    data = unsure(studio, RECORDS)
    tried = columns.preview(studio, ME, data.id, CHOSEN)
    assert tried["faults"] == {}
    assert [row["messages"] for row in tried["rows"]] == [
        [
            {"role": "user", "content": record["q"]},
            {"role": "assistant", "content": record["a"]},
        ]
        for record in RECORDS
    ]
    assert columns.preview(studio, ME, data.id, CHOSEN) == tried, "it changes nothing"


def test_a_file_that_is_read_already_is_asked_nothing(studio: Studio) -> None:
    data = ready(studio, questions(3))
    with pytest.raises(StudioError, match="read already"):
        columns.answer(studio, ME, data.id, CHOSEN)


def test_somebody_elses_file_is_not_there(studio: Studio) -> None:
    data = unsure(studio, RECORDS)
    for call in (columns.answer, columns.preview):
        with pytest.raises(NotFound):
            call(studio, "ben", data.id, CHOSEN)


def test_a_file_that_is_read_can_be_looked_at_again_to_read_it_otherwise(studio: Studio) -> None:
    content = b"".join(orjson.dumps(record) + b"\n" for record in RECORDS)
    data = datasets.receive(studio, ME, "answers.jsonl", [content])
    found = columns.look(studio, ME, data.id)
    assert [column["name"] for column in found["columns"]] == list(RECORDS[0])
    assert found["rows"] == RECORDS[:5]
    assert columns.preview(studio, ME, data.id, CHOSEN)["faults"] == {}
    wrong = columns.preview(studio, ME, data.id, {**CHOSEN, "answer": "nowhere"})
    assert "There is no column nowhere" in wrong["faults"]["answer"]


def test_the_guess_names_only_columns_that_are_there(studio: Studio) -> None:
    rows = [{"instruction": f"What about {n}?", "output": f"Take {n}."} for n in range(3)]
    content = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    data = datasets.receive(studio, ME, "alpaca.jsonl", [content])
    guess = columns.look(studio, ME, data.id)["guess"]
    assert (guess["question"], guess["answer"], guess["history"]) == (
        ["instruction"],
        "output",
        None,
    )
    assert columns.preview(studio, ME, data.id, guess)["faults"] == {}


def test_what_was_made_of_other_data_has_no_columns(studio: Studio) -> None:
    data = ready(studio, questions(3))
    made = versions.make(studio, ME, {"kind": "sample", "dataset_id": data.id, "rows": 2})
    with pytest.raises(StudioError, match="made of other data"):
        columns.look(studio, ME, made.id)
