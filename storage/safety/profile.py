"""A safety profile: what a model is told, what is looked for, and what is done when it is found."""

from collections.abc import Sequence
from typing import Annotated, Literal

import regex
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from storage.safety.patterns import require_sound

FORMAT = 1
"""Of the files; a later one that reads differently has a higher number."""

LONGEST_PATTERN = 1000

Audience = Literal["everyone", "patient", "student", "clinician"]
TopicName = Literal["diagnosis", "dosage", "self-harm", "emergencies"]
Side = Literal["input", "output", "both"]
Action = Literal["warn", "note", "replace", "block", "notice"]
"""warn: the page says so beside the answer. note: words after the answer. replace: words in place
of what was found. block: words instead of the answer. notice: words before the answer."""

EASE: dict[Audience, int | None] = {
    "everyone": 60,
    "patient": 60,
    "student": 45,
    "clinician": None,
}
"""The reading ease (Flesch, 1948) meant for an audience: 60 is plain English, 45 a college's."""

_IDENTIFIER = regex.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _phrase(value: str) -> str:
    if not any(letter.isalnum() for letter in value):
        raise ValueError("a phrase needs at least one letter or digit")
    return value


def _pattern(value: str) -> str:
    """Check a regular expression; empty is none."""
    if value:
        require_sound(value)
    return value


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("use small letters, digits, - and _ only, at most 64")
    return value


Identifier = Annotated[str, AfterValidator(_identifier)]
Phrase = Annotated[Line, AfterValidator(_phrase)]
Pattern = Annotated[str, StringConstraints(max_length=LONGEST_PATTERN), AfterValidator(_pattern)]


class Topic(_Part):
    """Something that others know better; `refer`: it is told so, and the rules about it hold."""

    topic: TopicName
    refer: bool = True
    words: Words = ""


class Disclaimer(_Part):
    """Words after the answer: always, with the first one, or where a rule of a topic was found."""

    when: Literal["always", "first"] | TopicName
    text: Annotated[Words, StringConstraints(min_length=1)]


class Rule(_Part):
    """What is looked for, on which side, and what is done.

    Attributes:
        topic: the rule rests while the profile does not refer this topic onward.
        phrases: words as people write them; `*` ends a word that may go on, `...` stands for up to
            five words.
        pattern: a regular expression over text in small letters, without accents, with single
            spaces.
        unless: phrases that excuse what is found in the same sentence.
        words: what the person is shown; empty takes the topic's.
    """

    id: Identifier
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    topic: TopicName | None = None
    side: Side
    phrases: Annotated[list[Phrase], Field(max_length=300)] = []
    pattern: Pattern = ""
    unless: Annotated[list[Phrase], Field(max_length=300)] = []
    action: Action
    words: Words = ""

    @model_validator(mode="after")
    def _looks_for_something(self) -> "Rule":
        if not self.phrases and not self.pattern:
            raise ValueError("give phrases, a pattern, or both")
        return self


class ClassifierChoice(_Part):
    """A text classifier in a folder of this machine; `threshold`: of the label's share, 0 to 1."""

    folder: Line
    label: Line
    threshold: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.5
    side: Side = "both"
    action: Action = "warn"
    words: Words = ""


class Profile(_Part):
    """Everything about how a model is to speak, and what it must not say or be asked.

    Attributes:
        format: of the file; see `FORMAT`.
        ease: the reading ease that answers should reach; None takes the audience's.
        system: told to the model before the person's own system prompt.
        limits: in plain words, what this profile can and cannot do.
    """

    format: Literal[1]
    name: Line
    description: Words = ""
    limits: Words = ""
    audience: Audience = "everyone"
    ease: Annotated[int, Field(ge=0, le=100)] | None = None
    system: Words = ""
    topics: Annotated[list[Topic], Field(max_length=4)] = []
    disclaimers: Annotated[list[Disclaimer], Field(max_length=10)] = []
    rules: Annotated[list[Rule], Field(max_length=100)] = []
    classifier: ClassifierChoice | None = None

    @model_validator(mode="after")
    def _says_things_once(self) -> "Profile":
        _require_different("rules", [rule.id for rule in self.rules])
        _require_different("topics", [topic.topic for topic in self.topics])
        for rule in self.rules:
            if rule.action in ("note", "replace", "block", "notice") and not self.words_of(rule):
                raise ValueError(f"the rule {rule.id} needs words to show")
        return self

    @property
    def readability(self) -> int | None:
        """The reading ease that answers should reach; None: none is meant."""
        return EASE[self.audience] if self.ease is None else self.ease

    def topic(self, name: TopicName | None) -> Topic | None:
        """Return what is said about a topic, if anything is."""
        return next((each for each in self.topics if each.topic == name), None)

    def words_of(self, rule: Rule) -> str:
        """Return what a person is shown when the rule is found: its words, or its topic's."""
        topic = self.topic(rule.topic)
        return rule.words or (topic.words if topic else "")

    def holds(self, rule: Rule) -> bool:
        """Tell whether a rule is looked for: one about a topic that is off rests."""
        topic = self.topic(rule.topic)
        return topic is None or topic.refer

    def instructions(self) -> str:
        """Return what the model is told: the system prompt, and which topics to refer onward."""
        onward = [
            f"- {each.topic}: {each.words}".rstrip(": ") for each in self.topics if each.refer
        ]
        told = ["Refer these topics onward instead of settling them:\n" + "\n".join(onward)]
        return "\n\n".join(filter(None, [self.system, *(told if onward else [])]))


def _require_different(words: str, names: Sequence[str]) -> None:
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise ValueError(f"two {words} are called {twice[0]}")
