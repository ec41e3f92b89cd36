"""A question is held against the rules before anybody answers it."""

import hashlib
import threading

import pytest

from storage.safety.profile import ClassifierChoice, Disclaimer, Profile, Rule, Topic
from worker.safety.classifier import Missing
from worker.safety.finding import TooSlow
from worker.safety.guard import LEFT_OUT, Guard

BOMB = Rule(id="bomb", side="input", phrases=["build a bomb"], action="block", words="No.")
HELP = Rule(id="help", side="input", phrases=["call an ambulance"], action="notice", words="Call!")
NAME = Rule(id="name", side="both", phrases=["mr smith"], action="replace", words="[name]")
DOSE = Rule(
    id="dose",
    topic="dosage",
    side="input",
    phrases=["what dose", "how much ... can i take", "overdos*"],
    unless=["fertili*", "of luck"],
    action="note",
)
TOPIC = Topic(topic="dosage", words="Ask a pharmacist.")


def profile(*rules: Rule, **more: object) -> Profile:
    return Profile.model_validate(
        {"format": 1, "name": "Test", "rules": list(rules), "topics": [TOPIC], **more}
    )


def asks(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def rules_in(text: str, *rules: Rule) -> list[str]:
    return [found["rule"] for found in Guard(profile(*rules)).asked(asks(text)).verdicts]


@pytest.mark.parametrize(
    "text",
    [
        "What dose is right?",
        "WHAT  DOSE?",
        "what\u00a0dose",
        "wh\u200bat do\u00adse",
        "whàt dôse",
        "wh\u0430t d\u043ese",  # Cyrillic letters that look the same
        "w h a t d o s e",
        "what-dose",
        "How much of this old syrup can I take?",
        "They overdosed.",
    ],
)
def test_a_phrase_is_found_however_it_is_written(text: str) -> None:
    assert rules_in(text, DOSE) == ["dose"]


@pytest.mark.parametrize(
    "text",
    [
        "Somewhat dosed.",  # within words
        "What a dose",
        "What dose of fertiliser do roses need?",
        "What dose of luck!",
        "How much is it? Nobody here or anywhere else in this town, I take it, would know.",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert rules_in(text, DOSE) == []


def test_an_exception_excuses_its_own_sentence_only() -> None:
    assert rules_in("What dose for my fertiliser? And what dose for me?", DOSE) == ["dose"]


def test_a_rule_without_words_says_those_of_its_topic() -> None:
    (found,) = Guard(profile(DOSE)).asked(asks("what dose")).verdicts
    assert (found["words"], found["topic"], found["action"]) == (TOPIC.words, "dosage", "note")


def test_a_topic_that_is_off_rests_with_its_rules() -> None:
    off = profile(DOSE, topics=[TOPIC.model_copy(update={"refer": False})])
    assert Guard(off).asked(asks("what dose")).verdicts == []


def test_a_question_that_is_blocked_is_answered_in_the_profiles_words_after_any_notice() -> None:
    asked = Guard(profile(BOMB, HELP)).asked(asks("Build a bomb and call an ambulance"))
    assert asked.refusal == "Call!\n\nNo."


def test_what_was_blocked_before_stays_hidden_from_the_model_and_blocks_nothing_now() -> None:
    messages = [*asks("build a bomb"), {"role": "assistant", "content": "No."}, *asks("Hello")]
    asked = Guard(profile(BOMB)).asked(messages)
    assert (asked.refusal, asked.verdicts) == (None, [])
    assert [each["content"] for each in asked.messages[1:]] == [LEFT_OUT, "No.", "Hello"]


def test_a_question_in_several_turns_is_read_whole() -> None:
    messages = [*asks("build a bomb"), *asks("Answer the above.")]
    assert Guard(profile(BOMB)).asked(messages).refusal == "No."


def test_what_is_replaced_does_not_reach_the_model() -> None:
    asked = Guard(profile(NAME)).asked(asks("Write to Mr Smith today"))
    assert asked.messages[-1]["content"] == "Write to [name] today"


def test_the_instructions_come_before_a_persons_own() -> None:
    told = profile(system="Be kind.")
    alone = Guard(told).asked(asks("Hello")).messages
    expected = (
        "Be kind.\n\nRefer these topics onward instead of settling them:\n"
        "- dosage: Ask a pharmacist."
    )
    assert alone == [{"role": "system", "content": expected}, *asks("Hello")]
    own = [{"role": "system", "content": "Speak Latin."}, *asks("Hello")]
    assert Guard(told).asked(own).messages[0]["content"] == f"{expected}\n\nSpeak Latin."


def test_disclaimers_come_always_with_the_first_answer_or_with_their_topic() -> None:
    said = [
        Disclaimer(when="always", text="Always."),
        Disclaimer(when="first", text="First."),
        Disclaimer(when="dosage", text="Doses."),
    ]
    guard = Guard(profile(DOSE, disclaimers=said))
    assert guard.checked("Hi.").text == "Hi.\n\nAlways.\n\nFirst."
    later = guard.stream(guard.asked(asks("what dose")), is_first=False)
    shown = later.feed("Hi.") + later.finish()
    assert shown == "Hi.\n\nAsk a pharmacist.\n\nAlways.\n\nDoses."


def test_a_pattern_without_end_is_given_up_in_words() -> None:
    slow = Rule(id="slow", side="input", pattern="(a|aa)+$", action="warn")
    with pytest.raises(TooSlow, match="slow"):
        Guard(profile(slow)).asked(asks("a" * 60 + "!"))


def test_what_other_threads_compute_is_not_counted_against_a_pattern() -> None:
    """The library's own limit is of the whole process: a model that writes would use it up."""
    block, is_over = bytes(20_000_000), threading.Event()

    def compute() -> None:
        while not is_over.is_set():
            hashlib.sha256(block)  # leaves the interpreter to others meanwhile

    others = [threading.Thread(target=compute) for _ in range(8)]
    heavy = Rule(id="heavy", side="input", pattern="(a|aa)+$", action="warn")
    guard = Guard(profile(heavy))
    for other in others:
        other.start()
    try:
        for _ in range(2):
            assert guard.asked(asks("a" * 24 + "!")).verdicts == []
    finally:
        is_over.set()
        for other in others:
            other.join()


class Moody:
    """Judges by one word."""

    def judge(self, texts: list[str]) -> list[dict[str, float]]:
        return [{"angry": 0.9 if "grr" in text else 0.1, "calm": 0.5} for text in texts]


def test_a_classifier_judges_sentence_by_sentence() -> None:
    choice = ClassifierChoice(
        folder="/somewhere", label="angry", threshold=0.8, action="block", words="Calm down."
    )
    guard = Guard(profile(classifier=choice), Moody())
    assert guard.asked(asks("grr")).refusal == "Calm down."
    assert guard.checked("All good. Now grr. More.").text == "All good. \n\nCalm down."
    with pytest.raises(Missing):
        Guard(profile(classifier=choice))
