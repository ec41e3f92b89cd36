"""Conversations about everyday health that the starter model learns from, drawn with a seed."""

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.starter import forms
from worker.starter.forms import Answer, Form

TEXTS = Path(__file__).parent / "texts"

Message = dict[str, str]
Conversation = list[Message]
Fixed = dict[str, list[dict[str, Any]]]

WAYS_TO_ASK: dict[str, dict[str, list[str]]] = {
    "condition": {
        "what": [
            "what is {name}", "what causes {name}", "why do people get {name}", "explain {name}",
            "can you explain {name}", "what does {name} mean", "where does {name} come from",
            "what is {name} exactly", "what is the cause of {name}", "why do I have {name}",
            "how does {name} start", "what is meant by {name}", "where do I get {name} from",
        ],
        "care": [
            "what can I do about {name}", "what helps with {name}", "how do I treat {name}",
            "I have {name}, what should I do", "how can I get rid of {name}", "I have {name}",
            "any advice for {name}", "what should I do about {name}", "how do I care for {name}",
            "what is good for {name}", "home remedies for {name}", "my son has {name}",
            "I have had {name}", "I think I have {name}", "I got {name}", "my daughter gets {name}",
            "my mother suffers from {name}", "I often get {name}", "help with {name}",
            "there is {name}", "something against {name}", "I am worried because of {name}",
            "I have {name} and need advice", "I had {name}", "I have got {name}", "we have {name}",
            "I have had {name} before", "my child has {name}", "what about {name}",
            "how is {name} treated", "what helps against {name}",
            "what should I do if I have {name}",
        ],
        "doctor": [
            "when should I see a doctor about {name}", "is {name} dangerous", "is {name} serious",
            "should I see a doctor for {name}", "when is {name} an emergency",
            "what are the warning signs of {name}", "do I need a doctor for {name}",
            "should I worry about {name}", "when should I worry about {name}",
            "is {name} bad", "is {name} harmful", "when is {name} serious",
            "at what point does {name} need a doctor", "can {name} be dangerous",
        ],
        "lasts": [
            "how long does {name} last", "when will {name} go away",
            "how long will {name} take to heal",
            "how quickly does {name} get better", "how many days does {name} last",
            "does {name} go away by itself", "how long until {name} is gone",
            "how long do I have {name}", "how long can {name} last",
        ],
        "prevent": [
            "how can I prevent {name}", "how do I avoid {name}",
            "how can I protect myself from {name}",
            "what prevents {name}", "how can people avoid {name}", "how do I not get {name}",
            "what protects against {name}", "how do I stop {name} from coming back",
        ],
        "about": ["tell me about {name}", "what should I know about {name}", "{name}"],
    },
    "habit": {
        "what": [
            "why is {name} important", "why does {name} matter", "is {name} really important",
            "what is the point of {name}", "why is {name} good", "why do I need {name}",
            "is {name} good for me", "what is {name} good for", "what is {name}",
            "what does {name} do for the body", "explain {name}",
        ],
        "care": [
            "any tips for {name}", "how can I get better at {name}", "what helps with {name}",
            "how do I cope with {name}", "give me tips for {name}", "what can I do for {name}",
            "help with {name}", "what should I do about {name}", "do you have advice on {name}",
            "how do I start with {name}",
            "how can I improve {name}",
        ],
        "doctor": [
            "when should I see a doctor about {name}", "what are the warning signs with {name}",
            "should I ask a doctor about {name}", "when should I worry about {name}",
        ],
        "about": ["tell me about {name}", "what should I know about {name}", "{name}"],
    },
}  # fmt: skip

FOLLOW_UPS = {
    "what": ["what is it", "where does it come from", "what causes it", "why does it happen"],
    "care": ["what can I do", "what helps", "what should I do about it", "how is it treated"],
    "doctor": ["when should I see a doctor", "is it dangerous", "is it serious"],
    "lasts": ["how long does it last", "when will it go away", "how long does it take"],
    "prevent": ["how can I prevent it", "how do I avoid it next time", "can I prevent it"],
}

COMPLAINT_ENDINGS = [
    "",
    "",
    ", what should I do",
    ", what can I do",
    ", what helps",
    ", any advice",
]

# What people say around a question; the model has to learn that it does not change the answer.
OPENINGS = [
    "hello, ", "hi, ", "please tell me, ", "so ", "well, ", "sorry, ", "doctor, ", "and ", "ok, ",
    "can you tell me, ", "one more thing, ", "help, ", "quick question, ", "oh no, ",
]  # fmt: skip
ENDINGS = [
    " since yesterday", " right now", " please", " at night", " for a week", " for two days",
    " again", " a lot", " today", " very badly", " for me", " for my child", " in adults", " now",
    " since this morning", " at home", " really", " and I feel bad", " all the time", " quickly",
    " for some days", " at the moment", " or not", " then", " this time", " exactly", " too",
]  # fmt: skip

SYSTEM_PROMPTS = [
    "You are a helpful assistant.",
    "You are a health assistant.",
    "Answer in plain English.",
    "You answer questions about health.",
]


# Share of the conversations whose system prompt asks for a form.
IN_A_FORM = 0.15

URGENT = "This is urgent."


@dataclass(frozen=True)
class Topic:
    """One condition or habit: what it is called, how people complain, what to answer."""

    kind: str
    names: tuple[str, ...]
    complaints: tuple[str, ...]
    answers: dict[str, str]

    def answer(self, aspect: str) -> str:
        """What is said about one aspect; advice on care always says when to see a doctor."""
        if aspect == "care":
            return f"{self.answers['care']} {self.answers['doctor']}"
        if aspect == "about":
            return self.answers["what"]
        return self.answers[aspect]

    def parts(self, aspect: str) -> Answer:
        """The same answer in parts: the name or, if that was asked, a sentence; advice; caution."""
        asked = {"about": "what"}.get(aspect, aspect)
        subject = self.answers[asked] if asked in ("what", "lasts") else self.title
        advice = self.answers["prevent" if asked == "prevent" else "care"]
        return Answer(self.answer(aspect), subject, advice, self.answers["doctor"], self.names[0])

    @property
    def title(self) -> str:
        """The first name as a sentence, without its article."""
        name = self.names[0].removeprefix("a ").removeprefix("an ").removeprefix("the ")
        return f"{name[0].upper()}{name[1:]}."

    def questions(self, aspect: str) -> list[str]:
        """Every way to ask about one aspect."""
        ways = WAYS_TO_ASK[self.kind].get(aspect, [])
        asked = [way.format(name=name) for way in ways for name in self.said]
        return asked + self._complaints(aspect)

    @property
    def said(self) -> list[str]:
        """The names, and those with an article as one's own, too: a cold, my cold."""
        own = [
            f"my {name.split(' ', 1)[1]}" for name in self.names if name.startswith(("a ", "an "))
        ]
        return [*self.names, *own]

    def _complaints(self, aspect: str) -> list[str]:
        if self.kind == "habit":
            return list(self.complaints) if aspect == "lasts" else []
        if aspect != "care":
            return []
        return [said + ending for said in self.complaints for ending in COMPLAINT_ENDINGS]

    @property
    def aspects(self) -> list[str]:
        """What can be asked about this topic."""
        return [*self.answers, "about"]


def topics() -> list[Topic]:
    """All conditions and habits, in the order of their files."""
    return [_topic(kind, row) for kind in ("condition", "habit") for row in _rows(kind)]


def fixed() -> Fixed:
    """Emergencies and small talk: rows of key, asks (ways to ask) and the one answer."""
    return {kind: _rows(kind) for kind in ("emergency", "talk")}


def conversations(count: int, seed: int) -> list[Conversation]:
    """`count` conversations of one to four questions; the same seed gives the same list."""
    dice = random.Random(seed)
    known, rows = topics(), fixed()
    return [_conversation(dice, known, rows) for _ in range(count)]


def _conversation(dice: random.Random, known: list[Topic], rows: Fixed) -> Conversation:
    turns: Conversation = []
    form: Form = forms.plain
    lot = dice.random()
    if lot < IN_A_FORM:
        form, prompts = dice.choice(forms.SYSTEM_PROMPTS)
        turns.append({"role": "system", "content": dice.choice(prompts)})
    elif lot < IN_A_FORM + 0.1:
        turns.append({"role": "system", "content": dice.choice(SYSTEM_PROMPTS)})
    for _ in range(1 if lot < IN_A_FORM else dice.choice([1, 1, 1, 1, 1, 2, 3])):
        turns += _exchange(dice, known, rows, form)
    return turns


def _exchange(dice: random.Random, known: list[Topic], rows: Fixed, form: Form) -> Conversation:
    lot = dice.random()
    if lot < 0.27:
        row = dice.choice(rows["emergency"])
        urgent = Answer(row["answer"], URGENT, row["answer"], is_urgent=True)
        return _turns(_as_typed(dice, dice.choice(row["asks"])), form(dice, urgent))
    if lot < 0.42:
        row = _small_talk(dice, rows["talk"])
        return _turns(_as_typed(dice, dice.choice(row["asks"])), form(dice, Answer(row["answer"])))
    topic = dice.choice(known)
    aspect = dice.choice(topic.aspects)
    question = _as_typed(dice, dice.choice(topic.questions(aspect)))
    turns = _turns(question, form(dice, topic.parts(aspect)))
    if dice.random() < 0.1:
        turns += _follow_up(dice, topic, form)
    return turns


def _small_talk(dice: random.Random, talk: list[dict[str, Any]]) -> dict[str, Any]:
    # Questions from elsewhere have the widest variety, so they come as often as four other kinds.
    often = [row for row in talk if row["key"] == "elsewhere"] * 3
    return dice.choice([*talk, *often, *(row for row in talk if row["key"] == "greeting")])


def _follow_up(dice: random.Random, topic: Topic, form: Form) -> Conversation:
    aspects = [aspect for aspect in FOLLOW_UPS if aspect in topic.answers]
    if topic.kind == "habit":
        aspects = ["doctor"]
    aspect = dice.choice(aspects)
    question = _as_typed(dice, dice.choice(FOLLOW_UPS[aspect]))
    return _turns(question, form(dice, topic.parts(aspect)))


def _as_typed(dice: random.Random, question: str) -> str:
    """The question as people type it: with or without greeting, capital and question mark."""
    if dice.random() < 0.3:
        question = dice.choice(OPENINGS) + question
    if dice.random() < 0.3:
        question += dice.choice(ENDINGS)
    if dice.random() < 0.75:
        question = question[0].upper() + question[1:]
    return question + dice.choice(["?", "?", "?", "", "."])


def _turns(question: str, answer: str) -> Conversation:
    return [
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]


def _topic(kind: str, row: dict[str, Any]) -> Topic:
    return Topic(kind, tuple(row["names"]), tuple(row["complaints"]), row["answers"])


FILES = {
    "condition": "conditions.toml",
    "habit": "habits.toml",
    "emergency": "emergencies.toml",
    "talk": "smalltalk.toml",
}


def _rows(kind: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads((TEXTS / FILES[kind]).read_text("utf-8"))[kind]
    return rows
