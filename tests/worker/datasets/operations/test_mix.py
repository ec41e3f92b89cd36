"""A mix has of each part as many rows as its size and weight say, in a shuffled order."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import StudioError
from storage.operations import Mix, Weighted
from worker.datasets.operations import mix as mixing

SIZES = (12, 7)


@pytest.fixture(scope="module")
def parts(workshop):
    """Two datasets; the first two rows of each are for the exam."""

    def row(name: str, number: int) -> dict:
        mark = {"split": "test"} if number < 2 else {}
        return {"text": f"{name} {number} " + "tea " * random.Random(number).randrange(40)} | mark

    return [
        workshop.dataset([row(name, n) for n in range(size)])
        for name, size in zip("ab", SIZES, strict=True)
    ]


def mixed(*weights: float, seed: int = 1) -> Mix:
    return Mix(parts=tuple(Weighted(dataset_id="d", weight=w) for w in weights), seed=seed)


@settings(max_examples=40, deadline=None)
@given(
    weights=st.tuples(*[st.floats(0.01, 5)] * 2),
    seed=st.integers(0, 2**31),
)
def test_the_counts_follow_the_weights(workshop, parts, weights, seed) -> None:
    rows = workshop.rows(mixed(*weights, seed=seed), *parts)
    for name, size, weight in zip("ab", SIZES, weights, strict=True):
        of_part = [row for row in rows if row["text"].startswith(name)]
        learned = Counter(row["text"] for row in of_part if "split" not in row)
        exam = Counter(row["text"] for row in of_part if row.get("split") == "test")
        assert learned.total() == max(1, round((size - 2) * weight))
        assert max(learned.values()) - min(learned.values()) <= 1
        assert weight < 1 or len(learned) == size - 2
        assert list(exam.values()) == [1, 1]


def test_rows_come_byte_for_byte(workshop, parts) -> None:
    texts = [(part / "rows.jsonl").read_bytes() for part in parts]
    before = b"".join(texts).splitlines(keepends=True)
    made = workshop.lines(mixed(1, 1), *parts)
    assert sorted(made) == sorted(before)
    assert made != before


def test_the_order_hangs_on_the_seed(workshop, parts) -> None:
    first = workshop.lines(mixed(1, 1), *parts)
    assert first == workshop.lines(mixed(1, 1), *parts)
    assert first != workshop.lines(mixed(1, 1, seed=2), *parts)


def test_one_dataset_may_be_two_parts(workshop, parts) -> None:
    made = workshop.lines(mixed(1, 2), parts[0], parts[0])
    assert Counter(Counter(made).values()) == {3: 10, 2: 2}


def test_conversations_and_texts_do_not_mix(workshop, parts, chat) -> None:
    with pytest.raises(StudioError, match="Plain texts and conversations"):
        workshop.lines(mixed(1, 1), parts[0], workshop.dataset([chat("q", "a")]))


def test_a_mix_without_end_is_refused(workshop, parts, monkeypatch) -> None:
    monkeypatch.setattr(mixing, "MOST_ROWS", 1000)
    with pytest.raises(StudioError, match="12,007 rows; 1,000 are the most"):
        workshop.lines(mixed(1000, 1), *parts)
