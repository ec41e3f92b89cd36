"""Near duplicates: what is one, what is none, and that nobody waits for a thousand copies."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.datasets.care import near
from worker.datasets.care.shingles import SEPARATOR, shingles, similarity
from worker.datasets.care.sketches import bands

WORDS = [f"{first}{second}" for first in "bcdfghklmn" for second in ("ado", "ine", "orp", "ust")]


def told(share: float, words: str) -> None:
    """Hear a report and say nothing."""


def prose(chance: random.Random, length: int) -> list[str]:
    """Return random words."""
    return chance.choices(WORDS, k=length)


def rows_of(texts: list[str], threshold: float = 0.8) -> list[tuple[int, ...]]:
    """Return the rows of the groups found."""
    return [group.rows for group in near.groups(texts, threshold, told)]


def plain_similarity(one: str, other: str) -> float:
    """Return the Jaccard similarity of word 3-grams, from the definition."""
    first, second = (
        set(zip(words, words[1:], words[2:], strict=False))
        for words in (one.split(), other.split())
    )
    return len(first & second) / len(first | second)


def test_a_long_answer_with_one_word_changed_is_found_and_another_is_not() -> None:
    chance = random.Random(1)
    text = prose(chance, 60)
    changed = [*text[:30], "zebra", *text[31:]]
    texts = [" ".join(text), " ".join(prose(chance, 60)), " ".join(changed)]
    (group,) = near.groups(texts, 0.8, told)
    assert group.rows == (0, 2)
    assert group.similarity == pytest.approx(plain_similarity(texts[0], texts[2]))


def test_letters_case_and_signs_make_no_difference() -> None:
    assert rows_of(["Take two tablets, daily!", "take two tablets daily"]) == [(0, 1)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the capital of France?", "What is the capital of Spain?"),
        ("Give 5 mg of morphine to the patient now.", "Give 50 mg of morphine to the patient now."),
        ("Yes.", "No."),
        ("Is it safe?", "It is safe?"),
        ("!!!", "???"),
    ],
)
def test_two_different_short_texts_are_no_near_duplicates(one: str, other: str) -> None:
    assert rows_of([one, other]) == []


def test_blank_texts_are_like_no_other() -> None:
    assert rows_of(["", "  \n", "", SEPARATOR]) == []


def test_a_shared_passage_does_not_make_different_questions_near_duplicates() -> None:
    passage = " ".join(prose(random.Random(2), 200))
    one = f"{passage} Who was treated?{SEPARATOR}Forty adults."
    other = f"{passage} Who was treated?{SEPARATOR}Nobody, as the trial was stopped."
    assert rows_of([one, other]) == []
    assert rows_of([text.replace(SEPARATOR, " ") for text in (one, other)]) == [(0, 1)]


def test_text_without_spaces_is_compared_by_its_characters() -> None:
    text = "".join(chr(0x4E00 + number * 7) for number in range(80))
    assert rows_of([text, text[:40] + "火" + text[41:], text[::-1]]) == [(0, 1)]


def test_the_similarity_is_that_of_the_definition() -> None:
    chance = random.Random(3)
    for _ in range(50):
        text = prose(chance, 40)
        other = [word if chance.random() < 0.9 else "zebra" for word in text]
        one, two = " ".join(text), " ".join(other)
        found = similarity(shingles(one), shingles(two))
        assert found == pytest.approx(plain_similarity(one, two))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab c\0é火"), max_size=30), max_size=12))
def test_any_texts_give_the_same_groups_twice_and_no_row_in_two(texts: list[str]) -> None:
    found = near.groups(texts, 0.8, told)
    assert found == near.groups(iter(texts), 0.8, told)
    rows = [row for group in found for row in group.rows]
    assert len(rows) == len(set(rows))
    assert all(list(group.rows) == sorted(group.rows) for group in found)
    equal = {text for text in texts if texts.count(text) > 1 and len(shingles(text))}
    in_groups = {texts[row] for row in rows}
    assert equal <= in_groups


def test_planted_pairs_just_above_the_threshold_are_found() -> None:
    chance = random.Random(4)
    texts = []
    for _ in range(300):
        text = prose(chance, 120)
        texts += [" ".join(text), " ".join([*text[:50], "zebra", *text[51:80], "gnu", *text[81:]])]
    found = set(rows_of(texts))
    pairs = [(row, row + 1) for row in range(0, len(texts), 2)]
    assert all(plain_similarity(texts[one], texts[two]) >= 0.8 for one, two in pairs)
    assert sum(pair in found for pair in pairs) >= 297


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9, 1.0])
def test_the_bands_are_sure_to_find_what_is_as_alike_as_asked(threshold: float) -> None:
    count, width = bands(threshold)
    assert count * width <= 128
    assert 1 - (1 - threshold**width) ** count >= 0.99


def test_thousands_of_copies_take_no_time_in_proportion_to_their_pairs() -> None:
    text = " ".join(prose(random.Random(5), 60))
    began = time.process_time()
    (group,) = near.groups([text] * 5000, 0.8, told)
    assert len(group.rows) == 5000
    assert group.similarity == 1.0
    assert time.process_time() - began < 20


def test_whoever_waits_hears_of_it_and_may_cancel() -> None:
    heard: list[tuple[float, str]] = []
    near.groups(["one two three"] * 3, 0.8, lambda *said: heard.append(said), total=3)
    assert heard[0] == (0.0, "1 rows read to find near duplicates")

    def cancel(share: float, words: str) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        near.groups(["one two three"] * 3, 0.8, cancel)


def test_temporary_files_are_gone_afterwards(tmp_path: Path) -> None:
    near.groups(["one two three"] * 3, 0.8, told, scratch=tmp_path)
    assert list(tmp_path.iterdir()) == []
