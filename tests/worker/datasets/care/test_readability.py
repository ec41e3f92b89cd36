"""Readability against values computed by hand from the published formulas."""

import pytest

from worker.datasets.care.readability import (
    Counts,
    Readability,
    Syllables,
    counts,
    ease,
    grade,
)


def test_words_sentences_and_syllables_of_a_text_counted_by_hand() -> None:
    text = "The cat sat. The patient drank water! Was it good?"
    # the cat sat (3) | the pa-tient drank wa-ter (6) | was it good (3)
    assert counts(text, Syllables("en")) == Counts(sentences=3, words=10, syllables=12)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dose of 0.5 mg, e.g. daily. Then stop.", 2),
        ("- rest\n- drink\n\n- sleep", 3),
        ("He said: “Stop.” She did.", 2),
        ("No end", 1),
        ("...", 0),
    ],
)
def test_where_sentences_end(text: str, sentences: int) -> None:
    assert counts(text, Syllables("en")).sentences == sentences


def test_the_formulas_by_hand() -> None:
    found = Counts(sentences=2, words=20, syllables=30)
    assert grade(found) == pytest.approx(0.39 * 10 + 11.8 * 1.5 - 15.59)  # 6.01
    assert grade(found) == pytest.approx(6.01)
    assert ease(found, "en") == pytest.approx(69.785)  # 206.835 - 10.15 - 126.9
    assert ease(found, "de") == pytest.approx(82.25)  # 180 - 10 - 87.75
    assert ease(found, "es") == pytest.approx(103.385)  # 206.835 - 10 - 93.45
    assert ease(found, "fr") == pytest.approx(86.45)  # 207 - 10.15 - 110.4
    assert ease(found, "it") == pytest.approx(114.0)  # 217 - 13 - 90
    assert ease(found, "nl") == pytest.approx(82.035)  # 206.835 - 9.3 - 115.5


@pytest.mark.parametrize(
    ("language", "word", "syllables"),
    [("en", "patient", 2), ("de", "krankenhaus", 3), ("fr", "médecin", 3), ("es", "paciente", 3)],
)
def test_syllables_come_from_the_languages_dictionary(
    language: str, word: str, syllables: int
) -> None:
    assert Syllables(language)[word] == syllables


def test_simple_answers_are_easier_than_those_of_a_journal() -> None:
    simple, hard = Readability(), Readability()
    simple.add("The cat sat on the mat. The dog ran to the park. We had a lot of fun.", "en")
    hard.add(
        "Homozygosity constitutes an independent determinant of cardiovascular mortality following "
        "percutaneous revascularization procedures.",
        "en",
    )
    easy, difficult = simple.found("en"), hard.found("en")
    assert easy["grade"]["median"] < 3 < 12 < difficult["grade"]["median"]
    assert easy["ease"]["median"] > 80 > 30 > difficult["ease"]["median"]


def test_german_has_an_ease_and_no_american_grade() -> None:
    found = Readability()
    found.add("Der Hund lief in den Park und die Katze blieb allein im Haus.", "de")
    result = found.found("de")
    assert result["grade"] is None
    assert result["ease"]["median"] > 60


@pytest.mark.parametrize(
    ("language", "why"), [(None, "long enough"), ("zh", "zh"), ("en", "10 words")]
)
def test_why_there_is_none(language: str | None, why: str) -> None:
    found = Readability()
    found.add("Too short.", "en")
    assert why in found.found(language)["why"]
