"""A dataset as a table and back, and rows that a person has written."""

import csv
import hashlib
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import rows
from storage.errors import Refused, StudioError
from studio.services.dataset_files import TEMPLATES
from worker.datasets.operations.tables import table, written

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
CELL = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters='\n\t,;"'), min_size=1
).filter(lambda text: text.strip() and not text.startswith(FORMULAS))


def fingerprint(folder) -> str:
    return hashlib.sha256((folder / "rows.jsonl").read_bytes()).hexdigest()


def as_csv(folder) -> bytes:
    return b"".join(table(folder, "csv"))


def cells(folder) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(folder).decode("utf-8-sig"), newline="")))


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), systems=st.booleans())
def test_single_exchanges_come_back_as_they_were(workshop, chat, pairs, systems) -> None:
    system = "Be brief, and kind." if systems else ""
    data = workshop.dataset([chat(*pair, system) for pair in pairs])
    assert fingerprint(workshop.dataset(as_csv(data))) == fingerprint(data)


def test_marks_come_back(workshop, chat) -> None:
    made = [
        chat(f"question {n}?", f"answer {n}.", split=s) for n, s in enumerate(["test", "train"])
    ]
    data = workshop.dataset(made)
    assert cells(data)[0] == ["question", "answer", "split"]
    assert fingerprint(workshop.dataset(as_csv(data))) == fingerprint(data)


def test_texts_come_back(workshop) -> None:
    data = workshop.dataset([{"text": 'one, "two"\nthree'}, {"text": "four"}])
    assert fingerprint(workshop.dataset(as_csv(data))) == fingerprint(data)


@pytest.mark.parametrize("sign", FORMULAS)
def test_no_cell_is_taken_for_a_formula(workshop, chat, sign) -> None:
    data = workshop.dataset([chat(f"{sign}1+1", "two =2")])
    assert cells(data)[1] == [f"'{sign}1+1", "two =2"]


def test_conversations_of_several_turns_are_cells_of_json(workshop, chat) -> None:
    longer = {"messages": chat("a", "b")["messages"] + chat("c", "d")["messages"]}
    data = workshop.dataset([chat("q", "r"), longer])
    head, *body = cells(data)
    assert head == ["messages"]
    assert [json.loads(row[0]) for row in body] == [chat("q", "r")["messages"], longer["messages"]]


def test_pairs_and_labels_get_columns_of_their_own(workshop) -> None:
    asked = [{"role": "user", "content": "Tea?"}]
    yes, no = ([{"role": "assistant", "content": text}] for text in ("Yes.", "No."))
    pairs = workshop.dataset([{"prompt": asked, "chosen": yes, "rejected": no}])
    assert cells(pairs) == [["prompt", "chosen", "rejected"], ["Tea?", "Yes.", "No."]]
    labelled = workshop.dataset([{"prompt": asked, "completion": no, "label": False}])
    assert cells(labelled) == [["prompt", "completion", "label"], ["Tea?", "No.", "false"]]
    for data in (pairs, labelled):
        assert fingerprint(workshop.dataset(as_csv(data))) == fingerprint(data)


def test_an_unknown_kind_is_refused(workshop) -> None:
    with pytest.raises(StudioError, match="'xlsx' cannot be made"):
        table(workshop.dataset([{"text": "t"}]), "xlsx")


def test_written_rows_are_read_as_they_are(workshop) -> None:
    made = written(
        [
            {"question": "Tea?", "answer": "Yes."},
            {"question": " ", "answer": ""},
            {"question": "Milk?", "answer": " No, ü.", "system": "Be brief."},
        ]
    )
    data = workshop.dataset(made)
    assert (data / "rows.jsonl").read_bytes() == made
    assert [[t["content"] for t in row["messages"]] for row in rows.iterate(data)] == [
        ["Tea?", "Yes."],
        ["Be brief.", "Milk?", " No, ü."],
    ]


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(Refused) as refused:
        written(
            [
                {"question": "Tea?", "answer": ""},
                {"question": "a", "answer": "b"},
                {"answer": "Yes \ud83d."},
            ]
        )
    assert [fault.field for fault in refused.value.faults] == [
        "rows.1.answer",
        "rows.3.question",
        "rows.3.answer",
    ]


def test_nothing_written_is_said() -> None:
    with pytest.raises(StudioError, match="Nothing is written yet"):
        written([{"question": "", "answer": "  "}])


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_template_is_read_without_a_question(workshop, kind) -> None:
    data = workshop.dataset(TEMPLATES[kind].encode())
    assert rows.count(data) == 2
    roles = [[turn["role"] for turn in row["messages"]] for row in rows.iterate(data)]
    assert roles == [["system", "user", "assistant"], ["user", "assistant"]]
