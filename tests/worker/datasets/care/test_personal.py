"""Personal data: what is found, what is none of it, and that nothing stays after redacting."""

import re
import time
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import Leniency, PhoneNumberMatcher

from worker.datasets.care.personal import KINDS, find, mask, redact

DATA = Path(__file__).resolve().parents[4] / "../shared/data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared sample data is not here")

EVERYTHING: frozenset[str] = frozenset()


def found(text: str) -> list[tuple[str, str]]:
    """Return kinds and pieces."""
    return [(span.kind, text[span.start : span.end]) for span in find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "piece"),
    [
        (
            "Write to jane.doe+x@clinic.example.org, please.",
            "email",
            "jane.doe+x@clinic.example.org",
        ),
        ("Call 780-800-7092 to ask.", "phone", "780-800-7092"),
        ("Call (212) 736-5000.", "phone", "(212) 736-5000"),
        ("Rufen Sie +49 30 901820 an.", "phone", "+49 30 901820"),
        ("Tel.: 030 901820", "phone", "030 901820"),
        ("Mobile: 07885 577899", "phone", "07885 577899"),
        ("Phone: 020 7946 0018", "phone", "020 7946 0018"),
        ("Mon numéro est 01 42 68 53 00.", "phone", "01 42 68 53 00"),
        ("IBAN DE89 3704 0044 0532 0130 00 BIC", "iban", "DE89 3704 0044 0532 0130 00"),
        ("to GB82WEST12345698765432.", "iban", "GB82WEST12345698765432"),
        ("Card 4111 1111 1111 1111, valid", "card", "4111 1111 1111 1111"),
        ("amex 3782 822463 10005", "card", "3782 822463 10005"),
        ("from 192.168.17.4 at noon", "ip", "192.168.17.4"),
        ("host 2001:db8:0:1::7 is down", "ip", "2001:db8:0:1::7"),
        ("DOB: 03/14/1962", "birth_date", "03/14/1962"),
        ("geboren am 14. März 1962 in Bonn", "birth_date", "14. März 1962"),
        ("née le 3 février 1958", "birth_date", "3 février 1958"),
        ("Fecha de nacimiento: 14 de marzo de 1962", "birth_date", "14 de marzo de 1962"),
        ("She was born on March 14, 1962.", "birth_date", "March 14, 1962"),
        ("MRN: 00482913", "record_number", "00482913"),
        ("Patient ID AB-123456 was seen", "record_number", "AB-123456"),
        ("Patientennummer: 4711-08", "record_number", "4711-08"),
        ("SSN 536-90-4399", "social_security", "536-90-4399"),
        ("NHS number: 943 476 5870", "social_security", "943 476 5870"),
        ("NIR 2 95 10 99 126 111 93", "social_security", "2 95 10 99 126 111 93"),
        ("Ihre AHV-Nr. 756.9217.0769.85", "social_security", "756.9217.0769.85"),
        ("DNI 54362315K", "social_security", "54362315K"),
        ("I saw Dr. Jane Smith today", "name", "Jane Smith"),
        ("Frau Prof. Dr. Anna-Lena Müller rief an", "name", "Anna-Lena Müller"),
        ("Mrs. Peterson's advice", "name", "Peterson"),
        ("Patient: John Doe, male", "name", "John Doe"),
        ("Patient: JOHN MILLER, 54 y", "name", "JOHN MILLER"),
        ("seen by Dr. MILLER.", "name", "MILLER"),
        ("Patient name: O'Brien, Mary", "name", "O'Brien, Mary"),
    ],
)
def test_it_is_found(text: str, kind: str, piece: str) -> None:
    assert found(text) == [(kind, piece)]


@pytest.mark.parametrize(
    "text",
    [
        "The dose was 120-180 mg over 30-60 minutes in 1998-2004.",
        "PMID: 12345678, doi 10.1016/j.jacc.2004.06.048, NCT00123456.",
        "Sensitivity was 93.4% (95% CI 88.1-97.0; P = .0001), n = 1204.",
        "Sodium 140, potassium 4.1, creatinine 0.9, 10 000 units, 5 x 10(5) cells.",
        "A T cell 1 200 000 and contact 2 120 180 on a mobile 3 400 500 device.",
        "ISBN 0-306-40615-2 and grant 555-123-4567",
        "See sections 1.2.3.4 and version 10.44.3.21 at 12:30:45.",
        "std::vector<int> a::b and 1::2",
        "Patient no. 12 of 480 patients; chart 3 shows 2,340,000 cases.",
        "Mr. President, Miss Universe, MS Excel and the doctor said so.",
        "Patient: Hello Doctor, I feel ill.",
        "He was born in 1962 and treated on 14 March 2001.",
        "4111 1111 1111 1112 and DE89 3704 0044 0532 0130 01 and 000-12-3456",
        "decorated @home with @mentions",
        "256626720691 + 1646615806005 = 1903242526696",
    ],
)
def test_it_is_nothing_personal(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "number",
    [
        "IBAN DE89370400440532013000",
        "card 5555555555554444",
        "NHS number 9434765870",
        "NIR 295109912611193",
        "BSN 111222333",
        "PESEL 44051401359",
    ],
)
def test_one_digit_changed_and_the_checksum_is_missed(number: str) -> None:
    assert len(found(number)) == 1
    last = len(number) - 1
    for place in range(last - 5, last + 1):
        other = str((int(number[place]) + 1) % 10)
        assert found(number[:place] + other + number[place + 1 :]) == []


def test_what_two_kinds_claim_goes_to_the_first_of_the_kinds() -> None:
    assert list(KINDS).index("social_security") < list(KINDS).index("phone")
    assert found("NHS 943 476 5870") == [("social_security", "943 476 5870")]


def test_redacting_puts_words_in_brackets() -> None:
    text = "Dr. Jane Smith, MRN: 00482913, jane@clinic.org, 780-800-7092"
    assert redact(text, EVERYTHING) == (
        "Dr. [name], MRN: [record number], [e-mail], [phone number]",
        4,
    )


def test_only_the_kinds_asked_for_are_taken_out() -> None:
    text = "Dr. Jane Smith, jane@clinic.org"
    assert redact(text, frozenset({"email"})) == ("Dr. Jane Smith, [e-mail]", 1)


@pytest.mark.parametrize(
    ("kind", "piece", "masked"),
    [
        ("email", "jane@hospital.org", "j***@h***.org"),
        ("phone", "780-800-7092", "***92"),
        ("iban", "DE89370400440532013000", "DE***00"),
        ("name", "Jane Smith", "J*** S***"),
        ("birth_date", "14.03.1962", "**.**.****"),
        ("ip", "10.1.2.30", "**.*.*.**"),
    ],
)
def test_a_mask_shows_little(kind: str, piece: str, masked: str) -> None:
    assert mask(kind, piece) == masked


DATA_OF_SOMEBODY = (
    *("jane@clinic.org", "780-800-7092", "DE89370400440532013000", "4111111111111111", "10.1.2.30"),
    *("DOB: 03/14/1962", "MRN 00482913", "SSN 536-90-4399", "Dr. Jane Smith", "Patient: John Doe"),
    *("+49 30 901820", "Tel. ", "born ", "NHS number ", "Mr ", " ", "\n", ", ", "-", ".", "[", "]"),
)
PIECES = st.sampled_from(DATA_OF_SOMEBODY)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=8), st.from_regex(r"[\d .:-]{1,9}"))).map(
    "".join
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example("DE89370400440532013000780-800-7092")
def test_nothing_is_found_after_redacting_and_a_second_time_changes_nothing(text: str) -> None:
    cleared, count = redact(text, EVERYTHING)
    assert find(cleared) == []
    assert redact(cleared, EVERYTHING) == (cleared, 0)
    assert (count == 0) == (cleared == text)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_pieces_come_in_order_and_do_not_overlap(text: str) -> None:
    spans = find(text)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


@pytest.mark.parametrize(
    "unit", ["a", "1", "1 ", "a.", "Aa ", "a@", "1:", "Dr. ", "00", "b born ", "a@b.org "]
)
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    began = time.process_time()
    find(text)
    assert time.process_time() - began < 5


def texts(name: str) -> list[str]:
    """Return the texts of a file of rows in JSON."""
    content = (DATA / name).read_bytes()
    rows = (
        orjson.loads(content) if name.endswith("json") else map(orjson.loads, content.splitlines())
    )
    return ["\n".join(strings(row)) for row in rows]


def strings(value: object) -> list[str]:
    """Return every string in a value, however deep."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in strings(one)]


@needs_data
@pytest.mark.parametrize("name", ["pubmedqa_messages.jsonl", "pubmedqa_sharegpt.jsonl"])
def test_medical_abstracts_full_of_numbers_have_nothing_personal(name: str) -> None:
    read = texts(name)
    assert sum(len(re.findall(r"\d+", text)) for text in read) > 200
    assert [found(text) for text in read if find(text)] == []


@needs_data
def test_addresses_on_web_pages_are_those_with_an_at_sign() -> None:
    read = "\n\n".join(texts("c4_demo.jsonl"))
    by_hand = {word.strip("().,;:<>") for word in read.split() if re.search(r"\w@\w+\.\w", word)}
    assert {piece for kind, piece in found(read) if kind == "email"} == by_hand


@needs_data
def test_american_numbers_on_web_pages_are_found() -> None:
    read = "\n\n".join(texts("c4_demo.jsonl"))
    by_hand = set(re.findall(r"(?<!\d)\d{3}-\d{3}-\d{4}(?!\d)", read))
    assert len(by_hand) > 20
    assert by_hand == {
        piece for kind, piece in found(read) if kind == "phone" and piece.count("-") == 2
    }


@needs_data
def test_no_number_that_phonenumbers_finds_on_web_pages_is_missed() -> None:
    for text in texts("c4_demo.jsonl"):
        ours = [span for span in find(text) if span.kind == "phone"]
        for match in PhoneNumberMatcher(text, "US", leniency=Leniency.VALID):
            assert any(one.start < match.end and match.start < one.end for one in ours), match


@needs_data
def test_it_is_fast_enough_for_gigabytes() -> None:
    read = texts("alpaca_en_demo.json")
    find(read[0])
    began = time.process_time()
    for text in read:
        find(text)
    rate = sum(map(len, read)) / (time.process_time() - began) / 1e6
    assert rate > 1, f"{rate:.1f} MB/s"
