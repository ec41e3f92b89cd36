"""A profile is a file that people write: every mistake is told at once, with its line."""

import pytest

from storage.errors import Refused
from storage.safety import files

WHOLE = """\
format: 1
name: Ours
description: For the ward.
audience: patient
ease: 70
system: |
  Be kind.
  Be short.
topics:
  - topic: dosage
    words: Ask a pharmacist.
disclaimers:
  - when: first
    text: No medical advice.
rules:
  - id: dose
    topic: dosage
    side: input
    phrases:
      - how much ... can i take
    pattern: '\\d+ ?mg'
    unless:
      - fertili*
    action: note
classifier:
  folder: /models/anger
  label: angry
  threshold: 0.8
"""


def faults_of(text: str) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        files.read(text)
    return {fault.field: fault.message for fault in refused.value.faults}


def test_what_is_written_reads_as_the_same_profile() -> None:
    profile = files.read(WHOLE)
    assert profile.rules[0].unless == ["fertili*"]
    assert profile.system == "Be kind.\nBe short."
    assert files.read(files.written(profile)) == profile


def test_every_mistake_is_named_with_its_line() -> None:
    text = """\
format: 1
name: 12
colour: blue
rules:
  - id: My Rule
    side: inside
    phrases:
      - good
      - no
      - '!!'
    pattern: '(a'
    action: block
topics:
  - words: Ask.
"""
    assert faults_of(text) == {
        "name": "Line 2: Must be text.",
        "colour": "Line 3: There is no setting of this name.",
        "rules.1.id": "Line 5: Use small letters, digits, - and _ only, at most 64.",
        "rules.1.side": "Line 6: Must be one of 'input', 'output' or 'both'.",
        "rules.1.phrases.2": "Line 9: Must be text.",
        "rules.1.phrases.3": "Line 10: A phrase needs at least one letter or digit.",
        "rules.1.pattern": "Line 11: The pattern cannot be read: missing ) at position 2.",
        "topics.1.topic": "Line 14: This is needed.",
    }


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a*", "fits on nothing at all"),
        ("(?:(?:a{1000}){1000}){1000}", "repeats too much"),
        ("(([ab]{,200}x){,200})", "repeats too much"),
        ("a{,99999}", "repeats too much"),
        ("[[:nothing:]]", "cannot be read"),
    ],
)
def test_a_pattern_that_would_do_harm_is_refused(pattern: str, words: str) -> None:
    rule = f"format: 1\nname: X\nrules: [{{id: a, side: both, action: warn, pattern: '{pattern}'}}]"
    assert words in faults_of(rule)["rules.1.pattern"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "Line 1: This is not YAML"),
        ("a: 1\n  b: 2", "Line 2: This is not YAML"),
        ("- a\n- b", "A profile is a list of fields"),
        ("", "A profile is a list of fields"),
        ("a: &x [1]\nb: *x", "no references"),
        ("x" * (files.LARGEST + 1), "at most"),
        ("[" * 50_000 + "]" * 50_000, "nested too deep"),
        ("- " * 50_000, "nested too deep"),
        ("a: \u0007", "This is not YAML"),
        ("!!python/object/apply:os.system [true]", "This is not YAML"),
    ],
)
def test_what_is_no_profile_is_refused_in_words(text: str, words: str) -> None:
    assert words in faults_of(text)["file"]


def test_a_later_format_is_told_apart_from_a_mistake() -> None:
    assert "this studio reads 1 at most" in faults_of("name: X\nformat: 7\n")["format"]


def test_what_only_shows_in_the_whole_is_named_too() -> None:
    rule = "{id: a, side: both, action: %s, phrases: [hi]}"
    twice = f"format: 1\nname: X\nrules:\n- {rule % 'warn'}\n- {rule % 'warn'}\n"
    assert faults_of(twice) == {"profile": "Line 1: Two rules are called a."}
    silent = f"format: 1\nname: X\nrules:\n- {rule % 'block'}\n"
    assert faults_of(silent) == {"profile": "Line 1: The rule a needs words to show."}
    empty = "format: 1\nname: X\nrules:\n- {id: a, side: both, action: warn}\n"
    assert faults_of(empty) == {"rules.1": "Line 4: Give phrases, a pattern, or both."}
