"""However an answer is cut into pieces, what is shown is the same, and nothing blocked is."""

from itertools import pairwise

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.safety.profile import Profile, Rule
from worker.safety.answer_stream import AnswerStream
from worker.safety.folding import fold
from worker.safety.guard import Guard
from worker.safety.scanning import LONGEST, MOST_HELD
from worker.safety.verdicts import Asked, Verdict

STOPPED = "Stopped here."

RULES = [
    Rule(id="plan", side="output", phrases=["secret plan", "kill"], action="block", words=STOPPED),
    Rule(id="name", side="output", phrases=["acme corp"], action="replace", words="[a firm]"),
    Rule(id="dose", side="output", phrases=[], pattern=r"\d+ ?mg\b", action="note", words="Ask."),
    Rule(id="fire", side="output", phrases=["on fire"], action="notice", words="Run!"),
]
PROFILE = Profile(format=1, name="Test", rules=RULES)
GUARD = Guard(PROFILE)

PIECES = st.sampled_from(
    [
        *("secret", "plan", "kill", "skill", "ki", "ll", "acme", "Corp", "on", "fire", "500", "mg"),
        *(" ", " ", "\n", ". ", "! ", ".", "\u200b", "\u00a0", "\u0301", "S\u0435cret", "é", "ﬁ"),
        *("word ", "a long word that goes on ", "x" * 90, "«", "。", "k i l l"),
    ]
)


def written(text: str, cuts: list[int]) -> tuple[str, AnswerStream]:
    stream = GUARD.stream()
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [text[begin:end] for begin, end in pairwise(places)]
    shown = "".join([stream.feed(piece) for piece in pieces])
    return shown + stream.finish(), stream


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join), st.lists(st.integers(0, 4000), max_size=25))
def test_the_cuts_change_nothing_and_nothing_blocked_is_shown(text: str, cuts: list[int]) -> None:
    shown, stream = written(text, cuts)
    whole, at_once = written(text, [])
    assert shown == whole
    assert (stream.verdicts, stream.blocked) == (at_once.verdicts, at_once.blocked)
    # An expression of the test's own, over text without what the eye does not see.
    assert not regex.search(r"(?<![^\W_])secret[\W_]{1,3}plan(?![^\W_])", fold(shown).text)
    assert not regex.search(r"(?<![^\W_])kill(?![^\W_])", fold(shown).text)
    assert not regex.search(r"(?<![^\W_])acme[\W_]{1,3}corp(?![^\W_])", fold(shown).text)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_more_is_held_back_than_a_sentence_and_what_may_become_a_find(text: str) -> None:
    stream = GUARD.stream()
    shown = ""
    for read, letter in enumerate(text, 1):
        shown += stream.feed(letter)
        if stream.verdicts:
            return  # its words would have to be counted too
        assert read - len(shown) <= LONGEST + MOST_HELD


def test_a_sentence_is_shown_as_soon_as_it_is_over() -> None:
    stream = GUARD.stream()
    assert stream.feed("All is well. The next") == "All is well. "
    assert stream.feed(" one too.\n") == "The next one too.\n"


def test_the_sentence_with_what_is_blocked_is_not_shown_and_nothing_follows() -> None:
    stream = GUARD.stream()
    shown = stream.feed("Listen. Here is my secret ") + stream.feed("plan for today. And more. ")
    assert shown == f"Listen. \n\n{STOPPED}"
    assert stream.blocked
    assert stream.feed("More. ") + stream.finish() == ""


def test_words_that_may_be_the_beginning_wait_for_the_next_sentence() -> None:
    stream = GUARD.stream()
    assert stream.feed("It is a secret.\n") == ""
    assert stream.feed("Nothing else.\n") == "It is a secret.\nNothing else.\n"


def test_a_notice_comes_before_its_sentence_once_and_a_note_at_the_end() -> None:
    text = "Look. The house is on fire. It is on fire! Take 500 mg."
    assert GUARD.checked(text).text == (
        "Look. \n\nRun!\n\nThe house is on fire. It is on fire! Take 500 mg.\n\nAsk."
    )


def test_what_is_replaced_is_replaced_wherever_it_stands() -> None:
    shown = GUARD.checked("Acme Corp. and ACME  corp, but not Acme Corporation.").text
    assert shown == "[a firm]. and [a firm], but not Acme Corporation."


def test_the_notice_of_a_question_comes_before_anything_else() -> None:
    notice: Verdict = {
        "rule": "now",
        "title": "now",
        "topic": None,
        "action": "notice",
        "words": "Call for help.",
        "side": "input",
    }
    stream = GUARD.stream(Asked([], [notice]))
    assert stream.open() == "Call for help.\n\n"
    assert stream.feed("Sit down. ") == "Sit down. "


def test_readability_is_measured_on_the_models_own_words() -> None:
    # 10 words of one syllable in one sentence: 206.835 - 1.015 * 10 - 84.6.
    checked = GUARD.checked("The cat sat on the mat but the dog ran.")
    assert checked.ease == 112.1
    assert GUARD.checked("Too short.").ease is None
