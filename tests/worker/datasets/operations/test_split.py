"""A split is a partition, near the share asked for, and no group of near duplicates straddles."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import StudioError
from storage.operations import Split
from worker.datasets.operations.split import chosen

TOPICS = ("asthma", "gout", "measles", "migraine", "anaemia", "scurvy", "tetanus", "rickets")


def family(topic: str, members: int, chat) -> list[dict]:
    """Rows that differ in one word out of a hundred."""
    text = " ".join(f"{topic}{place} is a sign of {topic}" for place in range(12))
    return [chat(f"What is {topic}? {text}", f"It is {topic}. {text} {n}") for n in range(members)]


def sides(made: list[dict]) -> Counter:
    return Counter(row["split"] for row in made)


def test_every_row_gets_a_side_and_nothing_else_changes(workshop, chat) -> None:
    rows = [chat(f"Question {n} about {'x' * n}?", f"Answer {n} is {n * n}") for n in range(50)]
    data = workshop.dataset(rows)
    made = workshop.rows(Split(dataset_id="d", share=0.2), data)
    assert sides(made) == {"test": 10, "train": 40}
    assert [{"messages": row["messages"]} for row in made] == rows


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=8),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 1000),
)
def test_a_family_of_near_duplicates_never_straddles(workshop, chat, sizes, share, seed) -> None:
    families = zip(TOPICS, sizes, strict=False)
    rows = [row for topic, size in families for row in family(topic * 3, size, chat)]
    made = workshop.rows(Split(dataset_id="d", share=share, seed=seed), workshop.dataset(rows))
    assert len(made) == len(rows)
    for topic in TOPICS[: len(sizes)]:
        of_topic = [row for row in made if f"What is {topic * 3}?" in str(row)]
        assert len(sides(of_topic)) == 1
    assert set(sides(made)) == {"test", "train"}


@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=30),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**31),
)
def test_the_exam_is_as_near_the_share_as_promised(sizes, share, seed) -> None:
    groups = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    hashes = np.arange(len(groups), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    exam = np.isin(groups, chosen(groups, hashes, share, seed))
    taken, wanted = int(exam.sum()), max(1, round(share * len(groups)))
    left = [size for size, first in zip(sizes, np.unique(groups), strict=True) if not exam[first]]
    assert 0 < taken < len(groups)
    assert taken <= max(wanted, min(sizes))
    assert wanted - taken < min(left) or len(left) == 1


def test_a_huge_group_is_learned_from(workshop, chat) -> None:
    rows = family("gout", 60, chat) + [
        chat(f"{n} {n * 3} what?", f"{n * 5} {n}") for n in range(20)
    ]
    made = workshop.rows(Split(dataset_id="d", share=0.1), workshop.dataset(rows))
    assert sides(made) == {"test": 8, "train": 72}
    assert {row["split"] for row in made if "gout" in str(row)} == {"train"}


def test_the_lot_hangs_on_content_and_seed_alone(workshop, chat) -> None:
    rows = [chat(f"Question {n} on {n * 11}?", f"Answer {n * 13}") for n in range(40)]
    split = Split(dataset_id="d", share=0.25, seed=3)

    def exam(some: list[dict], operation: Split) -> set[str]:
        made = workshop.rows(operation, workshop.dataset(some))
        return {str(row["messages"]) for row in made if row["split"] == "test"}

    assert exam(rows, split) == exam(rows[::-1], split)
    assert exam(rows, split) != exam(rows, split.model_copy(update={"seed": 4}))


def test_an_earlier_split_is_replaced(workshop, chat) -> None:
    rows = [chat(f"Q {n} {n * 17}", f"A {n * 19}", split="test") for n in range(10)]
    made = workshop.rows(Split(dataset_id="d", share=0.3), workshop.dataset(rows))
    assert sides(made) == {"test": 3, "train": 7}


def test_all_rows_alike_cannot_be_split(workshop, chat) -> None:
    data = workshop.dataset(family("gout", 5, chat))
    with pytest.raises(StudioError, match="nearly the same"):
        workshop.rows(Split(dataset_id="d"), data)


def test_by_file_the_exam_comes_whole_and_what_it_holds_is_not_learned(workshop, chat) -> None:
    own = [chat(f"Own question {n * 23}?", f"Own answer {n * 29}") for n in range(6)]
    exam = [chat(f"Exam {n * 31}?", f"Solution {n * 37}") for n in range(3)]
    near = family("gout", 2, chat)
    learned = workshop.dataset([*own, exam[0], near[0]])
    by_file = Split(dataset_id="d", by="file", other_id="e")
    made = workshop.rows(by_file, learned, workshop.dataset([*exam, near[1]]))
    expected = [row | {"split": "train"} for row in own]
    assert made == expected + [row | {"split": "test"} for row in [*exam, near[1]]]


def test_an_exam_that_holds_everything_is_refused(workshop, chat) -> None:
    data = workshop.dataset([chat("Why?", "Because."), chat("When?", "At noon.")])
    with pytest.raises(StudioError, match="nothing is left"):
        workshop.rows(Split(dataset_id="d", by="file", other_id="e"), data, data)


def test_an_exam_of_another_kind_is_refused(workshop, chat) -> None:
    data, texts = workshop.dataset([chat("Why?", "Because.")]), workshop.dataset([{"text": "Tea."}])
    with pytest.raises(StudioError, match="Conversations and plain texts"):
        workshop.rows(Split(dataset_id="d", by="file", other_id="e"), data, texts)
