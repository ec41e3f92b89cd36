"""New datasets out of others, by hand or from the hub; where each came from."""

from typing import Any

import pytest

from storage.errors import NotFound, Refused, StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.status import WorkStatus
from studio.services import dataset_rows, datasets, versions
from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready
from tests.fakes.workplace import Workplace

PAIR = [{"prompt": [], "chosen": [], "rejected": []}] * 3


def refused(studio: Studio, operation: dict[str, Any]) -> dict[str, str]:
    """Return what is wrong with an operation, by field."""
    with pytest.raises(Refused) as error:
        versions.make(studio, ME, operation)
    return {fault.field.removeprefix("operation."): fault.message for fault in error.value.faults}


def test_a_version_waits_knows_its_parents_and_rings(studio: Studio) -> None:
    parent = ready(studio, questions(10), "answers.jsonl.gz")
    made = versions.make(studio, ME, {"kind": "clean", "dataset_id": parent.id})
    assert (made.status, made.parents, made.sha256) == (WorkStatus.WAITING, [parent.id], "")
    assert made.name == "answers, cleaned"
    assert made.operation is not None
    assert made.operation["kind"] == "clean"
    assert studio.doorbell.queue.pending_count() == 1
    named = versions.make(studio, ME, {"kind": "clean", "dataset_id": parent.id}, " My\ncopy ")
    assert named.name == "My copy"
    assert versions.children(studio, ME, parent.id) == [made.id, named.id]


@pytest.mark.parametrize(
    ("operation", "faults"),
    [
        ({}, {"kind": "needed"}),
        ({"kind": "magic"}, {"kind": "'split', 'reread'"}),
        ({"kind": "sample"}, {"rows": "needed", "dataset_id": "needed"}),
        ({"kind": "sample", "rows": 0, "colour": 1}, {
            "rows": "at least 1", "colour": "no setting", "dataset_id": "needed",
        }),
        ({"kind": "split", "dataset_id": "CHAT", "share": 1.5}, {"share": "less than 1"}),
        ({"kind": "filter", "dataset_id": "CHAT"}, {"": "No condition is given."}),
        ({"kind": "filter", "dataset_id": "CHAT", "rows": [1, 10]}, {"rows": "no row 10"}),
        ({"kind": "edit", "dataset_id": "CHAT"}, {"changed": "Nothing is changed"}),
        (
            {"kind": "edit", "dataset_id": "CHAT", "deleted": [10], "added": [{"text": "a"}],
             "changed": [{"row": 11, "content": {"messages": []}}]},
            {"deleted": "no row 10", "changed": "no row 11", "added.0": "messages"},
        ),
        ({"kind": "chosen", "dataset_id": "CHAT"}, {"dataset_id": "no better and worse"}),
        (
            {"kind": "mix", "parts": [{"dataset_id": "CHAT"}, {"dataset_id": "PAIRS"}]},
            {"parts": "different kinds"},
        ),
        ({"kind": "written"}, {"kind": "another form"}),
        ({"kind": "hub", "name": "a/b"}, {"kind": "another form"}),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_said_by_field(
    studio: Studio, operation: dict[str, Any], faults: dict[str, str]
) -> None:
    ids = {
        "CHAT": ready(studio, questions(10)).id,
        "PAIRS": ready(studio, PAIR, "pairs.jsonl", target="preference").id,
    }
    asked = {**operation}
    if "dataset_id" in asked:
        asked["dataset_id"] = ids[asked["dataset_id"]]
    if "parts" in asked:
        asked["parts"] = [{"dataset_id": ids[part["dataset_id"]]} for part in asked["parts"]]
    told = refused(studio, asked)
    told = {("" if field == "operation" else field): words for field, words in told.items()}
    assert told.keys() == faults.keys()
    for field, words in faults.items():
        assert words in told[field]


def test_a_version_is_made_of_ones_own_and_of_what_is_ready(studio: Studio) -> None:
    hers = ready(studio, questions(10), owner="anna")
    with pytest.raises(NotFound):
        versions.make(studio, ME, {"kind": "clean", "dataset_id": hers.id})
    mine = ready(studio, questions(10))
    waiting = versions.make(studio, ME, {"kind": "clean", "dataset_id": mine.id})
    with pytest.raises(StudioError, match="not ready yet"):
        versions.make(studio, ME, {"kind": "clean", "dataset_id": waiting.id})
    assert datasets.listing(studio, "ben") == []


@pytest.mark.parametrize("value", ["half a \ud83d", 10**30])
def test_what_no_file_could_hold_is_refused(studio: Studio, value: Any) -> None:
    parent = ready(studio, questions(5)).id
    added = [{"messages": [{"role": "user", "content": value}]}]
    asked = {"kind": "edit", "dataset_id": parent, "added": added}
    assert "cannot be written down" in refused(studio, asked)["operation"]


def test_a_long_edit_is_told_without_its_rows(studio: Studio) -> None:
    parent = ready(studio, questions(5)).id
    content = {"messages": [{"role": "user", "content": "x" * 100_000}]}
    asked = {
        "kind": "edit",
        "dataset_id": parent,
        "changed": [{"row": 2, "content": content}],
        "added": [content, content],
        "deleted": [1],
    }
    made = versions.make(studio, ME, asked)
    told = versions.summary(made.operation)
    assert told == {
        "kind": "edit",
        "dataset_id": parent,
        "changed": [{"row": 2}],
        "added": [{}, {}],
        "deleted": [1],
    }
    nodes = versions.lineage(studio, ME, parent).nodes
    assert [node.operation for node in nodes] == [None, told]


def test_the_worker_makes_what_was_asked(workplace: Workplace) -> None:
    parent = workplace.data()
    studio = workplace.studio
    made = versions.make(studio, ME, {"kind": "sample", "dataset_id": parent.id, "rows": 7})
    workplace.work()
    found = datasets.get(studio, ME, made.id)
    assert (found.status, found.rows_good, found.error) == (WorkStatus.READY, 7, None)
    compared = versions.compare(studio, ME, parent.id, made.id)
    assert (compared["same"], compared["removed"], compared["added"]) == (7, 53, 0)


def test_what_is_written_by_hand_becomes_rows(workplace: Workplace) -> None:
    rows = [
        {"question": "What is a fever?", "answer": "More than 38 degrees.", "system": "Be kind."},
        {"question": "", "answer": ""},
        {"question": "And a cough?", "answer": "A reflex."},
    ]
    made = versions.write(workplace.studio, ME, rows, "Mine")
    assert made.operation == {"kind": "written"}
    workplace.work()
    page = dataset_rows.page(workplace.studio, ME, made.id, 0, 10).rows
    assert [[turn["content"] for turn in row["messages"]] for row in page] == [
        ["Be kind.", "What is a fever?", "More than 38 degrees."],
        ["And a cough?", "A reflex."],
    ]


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([{"question": "And?", "answer": ""}], "rows.1.answer"),
        ([{"question": 5, "answer": "a"}], "rows.0.question"),
        ([{"question": "a", "answer": "b", "mood": "c"}], "rows.0.mood"),
        ("text", "rows"),
    ],
)
def test_what_is_half_written_is_named(studio: Studio, rows: Any, field: str) -> None:
    with pytest.raises(Refused) as error:
        versions.write(studio, ME, rows)
    assert [fault.field for fault in error.value.faults] == [field]


def test_nothing_written_is_said(studio: Studio) -> None:
    with pytest.raises(StudioError, match="Nothing is written"):
        versions.write(studio, ME, [{"question": " "}])


def test_a_hub_dataset_waits_to_be_fetched(studio: Studio) -> None:
    made = versions.from_hub(studio, ME, {"name": " owner/name ", "split": "train"})
    assert (made.name, made.status, made.sha256) == ("owner/name", WorkStatus.WAITING, "")
    assert made.operation is not None
    assert (made.operation["name"], made.operation["split"]) == ("owner/name", "train")
    assert studio.doorbell.queue.pending_count() == 1
    for name in ("", " ", "a/b/c", "two words"):
        with pytest.raises(Refused) as error:
            versions.from_hub(studio, ME, {"name": name})
        assert [fault.field for fault in error.value.faults] == ["hub.name"]


def test_the_lineage_goes_up_and_down_but_not_sideways(studio: Studio) -> None:
    one, two, far = (ready(studio, questions(5, word), f"{word}.jsonl") for word in "abc")
    parts = [{"dataset_id": one.id}, {"dataset_id": two.id}]
    mixed = versions.make(studio, ME, {"kind": "mix", "parts": parts})
    aside = versions.make(studio, ME, {"kind": "clean", "dataset_id": two.id})
    datasets.delete(studio, ME, one.id)

    found = versions.lineage(studio, ME, mixed.id)

    assert {node.id: node.deleted for node in found.nodes} == {
        one.id: True,
        two.id: False,
        mixed.id: False,
    }
    assert sorted(found.edges) == sorted([(one.id, mixed.id), (two.id, mixed.id)])
    below = versions.lineage(studio, ME, two.id)
    assert {node.id for node in below.nodes} == {two.id, mixed.id, aside.id}
    alone = versions.lineage(studio, ME, far.id)
    assert ([node.id for node in alone.nodes], alone.edges) == ([far.id], [])


def test_nothing_is_compared_with_somebody_elses(studio: Studio) -> None:
    mine, hers = ready(studio, questions(3)), ready(studio, questions(4), owner="anna")
    for pair in ((mine.id, hers.id), (hers.id, mine.id)):
        with pytest.raises(NotFound):
            versions.compare(studio, ME, *pair)


def test_a_split_by_a_column_is_read_again_with_a_mapping(studio: Studio) -> None:
    parent = ready(studio, questions(5), report={"columns": ["q", "a", "part"]})
    mapping = {"question": ["q"], "answer": "a", "split": "part", "held_out": ["exam"]}
    asked = {"kind": "reread", "dataset_id": parent.id, "mapping": mapping}
    made = versions.make(studio, ME, asked)
    assert (made.sha256, made.parents) == (parent.sha256, [parent.id])
    wrong = {**asked, "mapping": {**mapping, "split": "fold"}}
    assert "no column fold" in refused(studio, wrong)["mapping.split"]
