"""Two versions compared: every copy counted, edits found, and nothing heavy loaded."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.operations import Change, Edit, Mix, Sample, Split, Weighted
from worker.datasets.operations.compare import compare

COUNTS = ("added", "removed", "changed", "same")


def counts(one, other) -> tuple[int, ...]:
    found = compare(one, other)
    return tuple(found[name] for name in COUNTS)


@pytest.fixture(scope="module")
def data(workshop, chat):
    return workshop.dataset([chat(f"question {n}", f"the answer number {n}") for n in range(20)])


def test_a_version_is_the_same_as_itself(data) -> None:
    assert counts(data, data) == (0, 0, 0, 20)


@settings(max_examples=30, deadline=None)
@given(
    touched=st.sets(st.integers(0, 19), max_size=8),
    changes=st.integers(0, 8),
    added=st.integers(0, 3),
)
def test_edits_are_found_exactly(workshop, data, chat, touched, changes, added) -> None:
    ordered = sorted(touched)
    changed, deleted = ordered[:changes], ordered[changes:]
    edit = Edit(
        dataset_id="d",
        changed=tuple(
            Change(row=n, content=chat(f"question {n}", "something else entirely")) for n in changed
        ),
        deleted=tuple(deleted),
        added=tuple(chat(f"new {n}", f"fresh {n * 5}") for n in range(added)),
    )
    after = workshop.version(edit, data)
    found = compare(data, after)
    expected = (added, len(deleted), len(changed), 20 - len(touched))
    assert tuple(found[name] for name in COUNTS) == expected
    examples = found["examples"]
    assert [row["row"] for row in examples["removed"]] == deleted
    assert [before["row"] for before, _ in examples["changed"]] == changed
    assert [now["messages"][0]["content"] for now in examples["added"]] == [
        f"new {n}" for n in range(added)
    ]


def test_a_changed_question_is_found_by_its_place(workshop, data, chat) -> None:
    new = chat("quite another question", "the answer number 7")
    after = workshop.version(
        Edit(dataset_id="d", changed=(Change(row=7, content=new),), deleted=(12,)), data
    )
    assert counts(data, after) == (0, 1, 1, 18)
    ((before, now),) = compare(data, after)["examples"]["changed"]
    assert (before["row"], now["row"]) == (7, 7)
    assert now["messages"] == new["messages"]


def test_texts_are_paired_by_their_place(workshop) -> None:
    one = workshop.dataset([{"text": text} for text in ("tea is warm", "milk is white", "end")])
    other = workshop.dataset([{"text": text} for text in ("tea is hot", "milk is white", "end")])
    assert counts(one, other) == (0, 0, 1, 2)


def test_every_copy_counts(workshop) -> None:
    one = workshop.dataset([{"text": text} for text in "aab"])
    other = workshop.dataset([{"text": text} for text in "abbbc"])
    assert counts(one, other) == (3, 1, 0, 2)


def test_a_mix_adds_and_removes_but_changes_nothing(workshop, data, chat) -> None:
    more = workshop.dataset([chat(f"topic {n} alone", f"words {n * 3}") for n in range(30)])
    parts = (Weighted(dataset_id="a", weight=0.5), Weighted(dataset_id="b"))
    assert counts(data, workshop.version(Mix(parts=parts), data, more)) == (30, 10, 0, 10)


def test_a_split_moves_rows_and_changes_none(workshop, data) -> None:
    found = compare(data, workshop.version(Split(dataset_id="d", share=0.25), data))
    assert [found[name] for name in (*COUNTS, "moved")] == [0, 0, 0, 20, 5]


def test_nothing_in_common(workshop, data) -> None:
    texts = workshop.dataset([{"text": "tea"}])
    assert counts(data, texts) == (1, 20, 0, 0)
    assert counts(texts, data) == (20, 1, 0, 0)


def test_twenty_examples_of_each(workshop, data) -> None:
    one = workshop.dataset([{"text": f"text {n}"} for n in range(50)])
    found = compare(one, workshop.version(Sample(dataset_id="d", rows=20), one))
    assert (found["removed"], len(found["examples"]["removed"])) == (30, 20)


def test_the_web_process_loads_nothing_heavy() -> None:
    code = (
        "import sys; import worker.datasets.operations.compare, worker.datasets.operations.tables\n"
        "print([n for n in ('torch', 'pyarrow', 'datasketch', 'httpx2') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert found.stdout == b"[]\n"
